// What the views are given.

import type { CallQuality, ConnectionStatus, RemoteVideo, RoomParticipant } from "../../sdk/src/index.ts";
import type { Log } from "./log.ts";
import type { Listed } from "./people.ts";
import type { Problem } from "./words.ts";

// With what a chat is begun, or a request accepted.
export type Kind = "text" | "voice" | "video";

export interface ChatView {
  id: string;
  kind: "private" | "room";
  number: string;
  name: string;
  stage: "asking" | "open" | "ended";
  log: Log;
  unread: number;
  draft: string;
  writing: string[];                          // who is, by name
  microphone: "off" | "opening" | "on" | "muted";
  camera: "off" | "opening" | "on";
  listening: boolean;                         // the other side's sound is played; in a room only after joining its voices
  heldHere: boolean;
  heldThere: boolean;
  otherMicrophone: boolean;
  otherCamera: boolean;
  otherTells: boolean;                        // which of its devices are on; pages of other making don't
  videos: RemoteVideo[];
  ownVideo: MediaStreamTrack | null;
  members: RoomParticipant[];                 // of a room
  problem: string | null;                     // with a device, and what to do
  interrupted: boolean;                       // the connection broke, and is being found again
  quality: CallQuality["grade"];
}

export interface Request { id: string; number: string; name: string; video: boolean; at: number }
export interface Toast { key: number; text: string }

export interface DeskState {
  phase: "out" | "connecting" | "in";
  connection: ConnectionStatus;
  lost: boolean;                              // away for longer than the server keeps number and calls
  problem: Problem | null;
  name: string;
  number: string;
  people: Listed[];
  chats: ChatView[];
  requests: Request[];
  active: string | null;                      // a chat's id
  sound: boolean;
  toasts: Toast[];
  spoken: string;                             // for who listens to the page
}

export const kRoomId = "#room";
export const kEverybody = "Everybody";
export const kLargestMessage = 64 * 1024;     // bytes, the server's default limit
