// After the call.

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Ending } from "../room_types.ts";
import { Logo } from "../../../shared/views/icons.tsx";

interface Props { ending: Ending; room: string; onRejoin(): void; onHome(): void }

const kTitles: Record<Ending["reason"], string> = {
  left: "See you soon", closed: "The call has ended", lost: "The call has ended", refused: "You couldn't join",
  unreachable: "You couldn't join",
};

export function Ended({ ending, room, onRejoin, onHome }: Props): VNode {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <main class="ended" data-testid="ended">
      <div class="ended-card">
        <Logo size={48} />
        <h1>{kTitles[ending.reason]}</h1>
        <p role="status">{ending.text}</p>
        <p class="hint">Room: <bdi>{room}</bdi></p>
        <div class="ended-buttons">
          <button type="button" class="primary" ref={button} data-testid="rejoin" onClick={onRejoin}>Rejoin</button>
          <button type="button" class="quiet" data-testid="home" onClick={onHome}>Go to another room</button>
        </div>
      </div>
    </main>
  );
}
