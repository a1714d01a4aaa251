// What a call reports, and what it needs of the connection that it belongs to.

import type { Call } from "./call.ts";
import type { Devices } from "./devices.ts";
import type { UA } from "./sip.ts";
import type {
  CallEnd, CallQuality, CallStatus, DeliveryReport, Identity, IncomingText, QueueNews, RemoteVideo, RoomParticipant, Sender, Typing,
} from "./types.ts";

/** Which side started the call. */
export type CallDirection = "outgoing" | "incoming";

/** The events of a call. */
export interface CallEvents {
  /** The status changed. */
  status: CallStatus;
  /** The call ended. */
  ended: CallEnd;
  /** Somebody else is at the other side now, or answered in place of whom this side called: after a transfer, a forward, a pick-up, from a group. The call's `number` and `displayName` say the same. */
  identity: Identity;
  /** A text came in. Texts wait until there is a listener. */
  message: IncomingText;
  /** Something else came in by MESSAGE. */
  data: { contentType: string; body: string; from: Sender };
  /** Somebody is writing, or stopped. */
  typing: Typing;
  /** Who got a text that was sent with `report`. */
  delivery: DeliveryReport;
  /** The people in the room changed. */
  participants: RoomParticipant[];
  /** Videos came or went. */
  videos: RemoteVideo[];
  /** The other side's sound can be played. */
  audio: MediaStream;
  /** How well the media get through, whenever the grade changes. */
  quality: CallQuality;
  /** A device could not be used; the call goes on without. */
  mediaProblem: { device: "microphone" | "camera" | "screen"; message: string };
  /** The other side pressed a key. */
  dtmf: string;
  /** The call waits in a queue: its place there changed, or an agent has taken it. */
  queue: QueueNews;
  /** The connection broke; the call is kept while the SDK finds its way back. */
  interrupted: null;
  /** The call is back. */
  resumed: null;
}

/** @internal */
export interface CallHost {
  readonly ua: UA | null;
  readonly number: string;
  readonly displayName: string;
  readonly domain: string;
  readonly online: boolean;
  readonly playAudio: boolean;
  readonly ice: RTCIceServer[];
  readonly devices: Devices;
  callChanged(call: Call): void;
}

/** @internal */
export interface CallInfo { number: string; displayName: string; direction: CallDirection; video: boolean; dial?: string; listensTo?: string | undefined }

/** How loud a sound is. */
export interface VolumeMeter {
  /** From 0 (silence) to 1, at this moment. */
  level(): number;
  /** Ends the measuring. */
  close(): void;
}
