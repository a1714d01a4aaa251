// What the page knows of the room: the whole of what the views show.

import type { Quality } from "../../shared/quality.ts";
import type { ChatLog } from "./chat_log.ts";
import type { EndReason } from "./reconnect.ts";
import type { Roster } from "../../shared/roster.ts";
import type { RemoteVideo } from "./sip/media_lines.ts";

export type Phase = "idle" | "joining" | "joined" | "reconnecting" | "ended";
export interface Banner { tone: "warning" | "success" | "error"; text: string }
export interface Toast { id: number; text: string }
export interface Ending { reason: EndReason; text: string }

export interface RoomState {
  phase: Phase;
  room: string;
  name: string;
  selfId: string | null;
  roster: Roster;
  videos: readonly RemoteVideo[];
  audio: MediaStream | null;
  stalledMids: readonly string[];
  chat: ChatLog;
  quality: Quality | null;
  hand: boolean;
  banner: Banner | null;
  toasts: readonly Toast[];
  recording: boolean;
  mutedByModerator: number;   // counts up each time somebody else muted this microphone
  screenRefused: number;      // counts up each time the server refused a shared screen
  ending: Ending | null;
}

export const kEmptyRoom: RoomState = {
  phase: "idle", room: "", name: "", selfId: null, roster: [], videos: [], audio: null, stalledMids: [], chat: [],
  quality: null, hand: false, banner: null, toasts: [], recording: false, mutedByModerator: 0, screenRefused: 0,
  ending: null,
};

// What the views ask of the room; the tests and the browser's console can put another in its place.
export interface RoomActions {
  leave(): void;
  sendChat(text: string): void;
  retryChat(key: string): void;
  setHand(raised: boolean): void;
}

// `stopped`: the server had said that it stops.
export function endingText(reason: EndReason, code: number | null, said: string | null, stopped = false): string {
  switch (reason) {
    case "left": return "You left the room.";
    case "closed": return said === null || said === "" ? "The call was ended by the server." : `The call was ended: ${said}.`;
    case "unreachable": return "The server can't be reached. Check your connection, then try again.";
    case "lost":
      return stopped ? "The server was stopped and has not come back. Try again later." : "The connection was lost and could not be brought back.";
    case "refused": break;
  }
  switch (code) {
    case 401: case 407: case 403: return "You may not enter this room.";
    case 404: case 484: return "There is no such room.";
    case 486: case 600: return "The room is full.";
    case 488: case 606: return "The server and this browser could not agree on audio or video.";
    case 503: case 480: return "The server is too busy right now. Try again in a moment.";
    default: return `The server refused the call${code === null ? "" : ` (${code})`}.`;
  }
}

export function chatErrorText(code: number | null, retryAfter: number | null): string {
  switch (code) {
    case 403: return "You may not write in this room.";
    case 413: return "Too long: a message may hold 64 KiB.";
    case 415: return "The server does not take this kind of message.";
    case 503: return retryAfter === null ? "Too many messages at once." : `Too many messages at once. Wait ${retryAfter} s.`;
    default: return "Not delivered.";
  }
}
