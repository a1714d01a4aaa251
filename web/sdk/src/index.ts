/**
 * The webphone SDK: `Webphone` connects a page to a line of a Parley server, `Call` is a call in it.
 * @packageDocumentation
 */

export { Webphone } from "./webphone.ts";
export type { WebphoneEvents } from "./webphone_events.ts";
export { Call } from "./call.ts";
export type { CallDirection, CallEvents, VolumeMeter } from "./call_types.ts";
export { Devices } from "./devices.ts";
export { LiveSessions, type LiveSession, type LiveSessionsEvents, type SessionState } from "./sessions.ts";
export { Emitter, type Unsubscribe } from "./emitter.ts";
export {
  WebphoneError,
  type CallEnd, type CallOptions, type CallQuality, type CallRecord, type CallStatistics, type CallStatus, type ConnectionStatus,
  type ConnectOptions, type DeliveryReport, type Device, type EndCause, type ErrorCode, type Identity, type IncomingText, type PhoneBook, type Privilege, type QueueNews,
  type RemoteClient, type RemoteVideo, type RoomParticipant, type Sender, type SentText, type TextOptions,
  type TransferResult, type Typing,
} from "./types.ts";
