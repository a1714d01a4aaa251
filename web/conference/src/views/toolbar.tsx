// The buttons of a call. Each has a label, a state and a key of its own.

import type { ComponentChildren, VNode } from "preact";
import { canShareScreen, type LocalMediaState } from "../local_media.ts";
import {
  CameraIcon, CameraOffIcon, ChatIcon, HandIcon, LeaveIcon, MicIcon, MicOffIcon, PeopleIcon, ScreenIcon, ScreenStopIcon,
} from "../../../shared/views/icons.tsx";

export type Panel = "chat" | "people" | null;

interface ToolProps {
  id: string;
  label: string;
  hint: string;
  shortcut?: string;
  pressed?: boolean;
  tone?: "off" | "on" | "danger";
  disabled?: boolean;
  badge?: ComponentChildren;
  expanded?: boolean;
  onClick(): void;
  children: ComponentChildren;
}

function Tool(props: ToolProps): VNode {
  const key = props.shortcut;
  return (
    <button type="button" class={`tool ${props.tone ?? ""}`} data-testid={props.id} aria-label={props.hint}
            title={key === undefined ? props.hint : `${props.hint} (${key})`} disabled={props.disabled ?? false}
            {...(key === undefined ? {} : { "aria-keyshortcuts": key })}
            {...(props.pressed === undefined ? {} : { "aria-pressed": props.pressed })}
            {...(props.expanded === undefined ? {} : { "aria-expanded": props.expanded })} onClick={props.onClick}>
      <span class="tool-icon">{props.children}{props.badge}</span>
      <span class="tool-label" aria-hidden="true">{props.label}</span>
    </button>
  );
}

interface Props {
  local: LocalMediaState;
  hand: boolean;
  panel: Panel;
  unread: number;
  people: number;
  onMic(): void;
  onCamera(): void;
  onScreen(): void;
  onHand(): void;
  onPanel(panel: Panel): void;
  onLeave(): void;
}

export function Toolbar(props: Props): VNode {
  const { local, hand, panel, unread } = props;
  const sharing = local.screen !== null;
  const unreadText = unread > 99 ? "99+" : String(unread);
  return (
    <div class="toolbar" role="toolbar" aria-label="Call controls">
      <Tool id="mic" label="Mic" shortcut="M" pressed={local.mic.on} tone={local.mic.on ? "on" : "off"} disabled={local.mic.busy}
            hint={local.mic.on ? "Mute microphone" : "Unmute microphone"} onClick={props.onMic}>
        {local.mic.on ? <MicIcon /> : <MicOffIcon />}
      </Tool>
      <Tool id="camera" label="Camera" shortcut="V" pressed={local.camera.on} tone={local.camera.on ? "on" : "off"}
            disabled={local.camera.busy} hint={local.camera.on ? "Turn camera off" : "Turn camera on"} onClick={props.onCamera}>
        {local.camera.on ? <CameraIcon /> : <CameraOffIcon />}
      </Tool>
      {canShareScreen() && (
        <Tool id="screen" label={sharing ? "Stop" : "Share"} shortcut="S" pressed={sharing} {...(sharing ? { tone: "on" as const } : {})}
              hint={sharing ? "Stop sharing your screen" : "Share your screen"} onClick={props.onScreen}>
          {sharing ? <ScreenStopIcon /> : <ScreenIcon />}
        </Tool>
      )}
      <Tool id="hand" label="Hand" shortcut="H" pressed={hand} {...(hand ? { tone: "on" as const } : {})}
            hint={hand ? "Lower your hand" : "Raise your hand"} onClick={props.onHand}>
        <HandIcon />
      </Tool>
      <span class="tool-gap" aria-hidden="true" />
      <Tool id="chat-toggle" label="Chat" shortcut="C" expanded={panel === "chat"} {...(panel === "chat" ? { tone: "on" as const } : {})}
            hint={unread > 0 ? `Chat, ${unread} unread` : "Chat"} onClick={() => props.onPanel(panel === "chat" ? null : "chat")}
            badge={unread > 0 ? <span class="badge" data-testid="unread">{unreadText}</span> : null}>
        <ChatIcon />
      </Tool>
      <Tool id="people-toggle" label="People" shortcut="P" expanded={panel === "people"} {...(panel === "people" ? { tone: "on" as const } : {})}
            hint={`People, ${props.people} in the room`} onClick={() => props.onPanel(panel === "people" ? null : "people")}
            badge={<span class="badge plain">{props.people}</span>}>
        <PeopleIcon />
      </Tool>
      <span class="tool-gap" aria-hidden="true" />
      <Tool id="leave" label="Leave" tone="danger" hint="Leave the room" onClick={props.onLeave}><LeaveIcon /></Tool>
    </div>
  );
}
