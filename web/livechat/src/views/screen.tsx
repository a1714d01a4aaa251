// The chat: people and chats at the side, one chat in the middle, requests above everything.

import type { VNode } from "preact";
import { PoppedUp, useFocusInChat } from "../../../shared/views/desk_frame.tsx";
import { ChatIcon } from "../../../shared/views/icons.tsx";
import type { Desk } from "../desk.ts";
import type { DeskState } from "../types.ts";
import { ChatPane } from "./chat_pane.tsx";
import { RequestCards } from "./request_cards.tsx";
import { Sidebar } from "./sidebar.tsx";

interface Props { desk: Desk; state: DeskState }

export function ConnectionBanner({ state }: { state: Pick<DeskState, "connection" | "lost"> }): VNode | null {
  if (state.connection === "connected") return null;
  return (
    <div class="top-banner" role="status" data-testid="connection-banner">
      <span class="spinner" aria-hidden="true" />
      {state.lost
        ? "Still no connection. Your chats were cut off; you can go on as soon as it is back."
        : "The connection was lost. Reconnecting… What you write is kept and sent then."}
    </div>
  );
}

export function Screen({ desk, state }: Props): VNode {
  const active = state.chats.find((chat) => chat.id === state.active) ?? null;
  const main = useFocusInChat(active, [state.requests.length]);
  return (
    <div class={`screen ${active !== null ? "with-chat" : ""}`} data-testid="screen" data-number={state.number}>
      <ConnectionBanner state={state} />
      <Sidebar desk={desk} state={state} />
      <main class="pane" ref={main}>
        {active !== null ? <ChatPane key={active.id} desk={desk} chat={active} online={state.people.some((each) => each.number === active.number)} /> : (
          <div class="nothing">
            <span class="nothing-icon"><ChatIcon size={34} /></span>
            <h2>Choose somebody to chat with</h2>
            <p class="hint">Everybody who is online is in the list. They are asked first, and can say no.</p>
          </div>
        )}
      </main>
      <RequestCards requests={state.requests} onAccept={(id, kind) => desk.accept(id, kind)} onRefuse={(id) => desk.refuse(id)} />
      <PoppedUp toasts={state.toasts} spoken={state.spoken} />
    </div>
  );
}
