// Above the pictures: the room's name, a link to invite with, how good the connection is, help.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { inviteLink } from "../../../shared/text.ts";
import type { RoomState } from "../room_types.ts";
import { Bars, CheckIcon, HelpIcon, LinkIcon, Logo } from "../../../shared/views/icons.tsx";

function CopyLink({ room }: { room: string }): VNode {
  const [copied, setCopied] = useState<"no" | "yes" | "failed">("no");
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => () => {
    if (timer.current !== null) clearTimeout(timer.current);
  }, []);
  const link = inviteLink(location.origin, location.pathname, room);
  const copy = (): void => {
    const done = (result: "yes" | "failed"): void => {
      setCopied(result);
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = setTimeout(() => setCopied("no"), result === "yes" ? 2500 : 15_000);
    };
    if (navigator.clipboard === undefined) return done("failed");
    navigator.clipboard.writeText(link).then(() => done("yes"), () => done("failed"));
  };
  return (
    <span class="copy">
      <button type="button" class="chip-button" data-testid="copy-link" aria-label="Copy invitation link" title={link} onClick={copy}>
        {copied === "yes" ? <CheckIcon size={18} /> : <LinkIcon size={18} />}
        <span class="chip-label" role="status">{copied === "yes" ? "Link copied" : "Invite"}</span>
      </button>
      {copied === "failed" && <input class="copy-field" readOnly value={link} aria-label="Invitation link" onFocus={(event) => event.currentTarget.select()} />}
    </span>
  );
}

const kGrades = { good: "Good connection", fair: "Fair connection", poor: "Poor connection" } as const;

function Connection({ quality }: { quality: NonNullable<RoomState["quality"]> }): VNode {
  const detail = `${kGrades[quality.grade]}: ${quality.lossPercent} % loss` +
    (quality.rttMs === null ? "" : `, ${quality.rttMs} ms there and back`);
  return <span class="quality" role="img" aria-label={detail} title={detail} data-testid="quality" data-grade={quality.grade}><Bars grade={quality.grade} /></span>;
}

const kKeys: readonly [string, string][] = [
  ["M", "Microphone on or off"], ["V", "Camera on or off"], ["S", "Share your screen, or stop"], ["H", "Raise or lower your hand"],
  ["C", "Chat"], ["P", "People"], ["Esc", "Close a panel"], ["?", "This list"],
];

function Help({ open, onToggle }: { open: boolean; onToggle(): void }): VNode {
  return (
    <span class="help">
      <button type="button" class="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" aria-expanded={open}
              data-testid="help" onClick={onToggle}><HelpIcon size={20} /></button>
      {open && (
        <div class="help-tip" role="region" aria-label="Keyboard shortcuts">
          <dl>{kKeys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
        </div>
      )}
    </span>
  );
}

interface Props { room: RoomState; helpOpen: boolean; onHelp(): void }

export function RoomHeader({ room, helpOpen, onHelp }: Props): VNode {
  return (
    <header class="room-head">
      <Logo size={28} />
      <h1><bdi>{room.room}</bdi></h1>
      {room.recording && <span class="recording" role="status"><i aria-hidden="true" />Recording</span>}
      <span class="head-space" />
      {room.quality !== null && <Connection quality={room.quality} />}
      <CopyLink room={room.room} />
      <Help open={helpOpen} onToggle={onHelp} />
    </header>
  );
}
