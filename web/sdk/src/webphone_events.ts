// What a connection to a line reports.

import type { Call } from "./call.ts";
import type { ConnectionStatus, IncomingText, RemoteClient, WebphoneError } from "./types.ts";

/** The events of a connection. */
export interface WebphoneEvents {
  /** The connection's status changed. */
  status: ConnectionStatus;
  /** A call comes in. It rings until it is accepted or rejected, or the caller gives up. */
  call: Call;
  /** A call that the page had before it was reloaded is back. */
  callResumed: Call;
  /** Another client of the line came. */
  clientOnline: RemoteClient;
  /** Another client of the line left. */
  clientOffline: RemoteClient;
  /** Another client of the line changed what it tells about itself. */
  clientChanged: RemoteClient;
  /** A text came in outside of any call. */
  message: IncomingText;
  /** The connection has been gone for longer than the server keeps number and calls. */
  lost: null;
  /** This client has another number than before, since it was away for too long. */
  numberChanged: string;
  /** The token expires soon, and there is no function to fetch another: call `refreshToken`. */
  tokenExpiring: Date;
  /** Something failed that no promise tells of. */
  error: WebphoneError;
}
