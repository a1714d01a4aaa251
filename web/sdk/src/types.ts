// The values that programs get from the SDK and give to it.

/** What went wrong, for a program to act on. */
export type ErrorCode =
  | "access-denied" | "connection-failed" | "connection-lost" | "not-connected" | "not-in-call" | "call-ended"
  | "refused" | "timeout" | "media-refused" | "not-supported" | "not-allowed";

/** An error of the SDK. `code` is for programs, `message` for developers. */
export class WebphoneError extends Error {
  constructor(
    /** What went wrong. */
    readonly code: ErrorCode,
    message: string,
    /** The SIP or HTTP status that the server answered with, if it did. */
    readonly status: number | null = null,
  ) {
    super(message);
    this.name = "WebphoneError";
  }
}

/** A connection to a webphone line. */
export interface ConnectOptions {
  /** The server, as `host` or `host:port`; the one that this script came from unless told. */
  host?: string;
  /** A webphone line's name, or an extension's number. Not needed with a token, which names its line. */
  line?: string;
  /** The name that others see. */
  displayName?: string;
  /** More about this client, for the line's other clients to see. */
  properties?: Record<string, unknown>;
  /** Of an extension, or of a line that has one. */
  password?: string;
  /** A signed token, or a function that fetches one; the function is asked again before the token expires. */
  token?: string | (() => Promise<string>);
  /** Whether a reload of the page within the grace time gets number and calls back; `"tab"`: any page of the site that the tab shows next, too. True unless told. */
  resume?: boolean | "tab";
  /** Whether another call may come in during a call; else the caller gets "busy". True unless told. */
  callWaiting?: boolean;
  /** Whether the SDK plays the other side's voice by itself. True unless told. */
  playAudio?: boolean;
  /** STUN and TURN servers, beside those that the server names. */
  iceServers?: RTCIceServer[];
}

/** `reconnecting`: the connection broke; number and calls are kept while it is tried again. */
export type ConnectionStatus = "connecting" | "connected" | "reconnecting" | "closed";

/** Another client of the line. */
export interface RemoteClient {
  /** The number that it is called by. */
  phoneNumber: string;
  /** The name that it chose. */
  displayName: string;
  /** Whether it is there. */
  status: "ONLINE" | "OFFLINE";
  /** What else it told about itself. */
  properties: Record<string, unknown>;
}

/** What a token or line lets this client do. */
export type Privilege = "message" | "internal" | "external" | "history" | "supervise";

/** `ended` is final. `held`: this side, the other, or both put the call on hold. */
export type CallStatus = "new" | "calling" | "ringing" | "active" | "held" | "ended";

/** Why a call ended. `failed` with status 503: the server stopped; as a rule it is started again, and the webphone comes back by itself. */
export type EndCause = "hung-up" | "cancelled" | "busy" | "rejected" | "not-found" | "no-answer" | "forwarded" |
  "transferred" | "failed";

/** Who is at the other side of a call. */
export interface Identity {
  /** The number, or the name of the room or queue. */
  number: string;
  /** The name, empty where there is none. */
  displayName: string;
}

/** How a call ended. */
export interface CallEnd {
  cause: EndCause;
  /** True when this program ended it. */
  local: boolean;
  /** The SIP status, where there was one. */
  status: number | null;
  /** The server's words, if it gave any. */
  reason: string | null;
}

/** Options of an outgoing or accepted call. */
export interface CallOptions {
  /** Whether to ask for the microphone. True unless told; the call never waits for it. */
  audio?: boolean;
  /** Whether to send video, and from which camera. False unless told. */
  video?: boolean | { deviceId: string };
  /** Headers to add to the INVITE, for servers and gateways that want them. */
  extraHeaders?: string[];
}

/** Who sent a message in a call or room. */
export interface Sender {
  /** The participant's id in a room, set by the server; null in a call of two. */
  participant: string | null;
  /** The name that goes with it. */
  name: string;
}

/** A text that came in during a call, or outside of one. */
export interface IncomingText {
  text: string;
  /** The media type, such as `text/plain` or `text/html`. */
  contentType: string;
  from: Sender;
  /** The sender's number, for a text outside of a call. */
  number: string;
  at: Date;
  /** The server's id of it. */
  id: string | null;
  /** Its place in the room's order. */
  sequence: number | null;
  /** True when it was sent to this participant alone. */
  private: boolean;
}

/** Options of a text. */
export interface TextOptions {
  /** `text/plain;charset=utf-8` unless told. */
  contentType?: string;
  /** A participant of the room who alone shall get it. */
  to?: string;
  /** Whether to be told, by the `delivery` event, who got it. */
  report?: boolean;
}

/** The server's acknowledgement of a text. */
export interface SentText {
  /** The server's id of it; null when the server gives none. */
  id: string | null;
  /** Its place in the room's order, if in a room. */
  sequence: number | null;
}

/** Who got a text that was sent with `report`. */
export interface DeliveryReport {
  id: string | null;
  delivered: string[];
  failed: string[];
}

/** Somebody is writing, or has stopped. */
export interface Typing { from: Sender; active: boolean }

/** A participant of the room that the call goes to. */
export interface RoomParticipant {
  id: string;
  name: string;
  self: boolean;
  admin: boolean;
  muted: boolean;
  talking: boolean;
}

/** A video of a participant; `participant` is null in a call of two. */
export interface RemoteVideo {
  participant: string | null;
  kind: "camera" | "screen";
  stream: MediaStream;
}

/** How well the media get through. */
export interface CallQuality {
  grade: "good" | "fair" | "poor";
  lossPercent: number;
  rttMs: number | null;
}

/** One reading of a call's media. */
export interface CallStatistics {
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  bytesReceived: number;
  bytesSent: number;
  jitterMs: number | null;
  rttMs: number | null;
  codecs: string[];
}

/** How a transfer went. `status` is the SIP status of the new call. */
export interface TransferResult { ok: boolean; status: number | null }

/** What a caller in a queue is told: its place, or who has taken the call. */
export interface QueueNews {
  type: "waiting" | "taken";
  queue: string;
  /** 1 is the next; null once the call is taken. */
  position: number | null;
  /** The agent's number and name, once the call is taken. */
  agent: { number: string; displayName: string } | null;
}

/** A call that was, from the server's records. */
export interface CallRecord {
  id: string;
  caller: string;
  callerName: string;
  callee: string;
  calleeName: string;
  /** `Completed`, or why it never was: `Busy`, `Rejected`, `NotFound`, `Cancelled`, `NotAnswered`. */
  state: string;
  /** Times as RFC 3339 has them. */
  started: string;
  answered?: string;
  ended?: string;
  durationSeconds: number;
  /** The queue that it came by, how long its caller waited there, and the agent who took it. */
  queue?: string;
  waitedSeconds?: number;
  agent?: string;
}

/** Who can be called, as far as this client may know. */
export interface PhoneBook {
  /** Accounts ("SIP"), clients of lines ("Webphone") and queues ("Queue", with the accounts that serve it). */
  extensions: { id: string; type: string; displayName: string; online: boolean; agents?: string[] }[];
  /** Trunks. */
  outsideLines: { id: string; type: string; displayName: string }[];
  users: { id: string; fullName: string; extensions: string[] }[];
}

/** A device that can be chosen. */
export interface Device { id: string; label: string; kind: "microphone" | "camera" | "speaker" }
