// The words that programs of the old kind compare with.

/** What `onConnectionStateChanged` reports. */
export const ConnectionState = {
  /** Connected. */
  ACCESS_GRANTED: "ACCESS_GRANTED",
  /** The line, password or token was refused. */
  ACCESS_DENIED: "ACCESS_DENIED",
  /** The server could not be reached. */
  CONNECTION_FAILED: "CONNECTION_FAILED",
  /** Disconnected, by `disconnect()` or since the connection was gone for too long. */
  CONNECTION_CLOSED: "CONNECTION_CLOSED",
} as const;
/** One of the states of a connection. */
export type ConnectionStateName = keyof typeof ConnectionState;

/** What `onCallStateChanged` reports; there is no other value. */
export const CallState = {
  /** The other side rings. */
  RINGING: "RINGING",
  /** The call is up. */
  IN_CALL: "IN_CALL",
  /** One side holds the call. */
  HOLD: "HOLD",
  /** The call is over. */
  COMPLETED: "COMPLETED",
  /** The other side is engaged. */
  BUSY: "BUSY",
  /** The other side refused. */
  REJECTED: "REJECTED",
  /** Nobody can be reached by this number. */
  NOT_FOUND: "NOT_FOUND",
} as const;
/** One of the states of a call. */
export type CallStateName = keyof typeof CallState;

/** What `createCall` can be told. */
export const CallType = {
  /** Voice and texts. */
  AUDIO: "AUDIO",
  /** Video too. */
  VIDEO: "VIDEO",
} as const;

/** A connection's state: compares equal to its name, and has it in `State` too. */
export type StateInfo = string & { State: ConnectionStateName };

/** @internal */
export function stateInfo(state: ConnectionStateName): StateInfo {
  return Object.assign(new String(state), { State: state }) as unknown as StateInfo;
}
