// The calls of others, for supervisors, and those that wait in queues, for agents: as the server tells them, and what may be done to them.

import type { Call } from "./call.ts";
import { Emitter } from "./emitter.ts";
import type { Subscription } from "./subscription.ts";

/** Where a call stands. After `OnHold` those that it ends with. */
export type SessionState = "Setup" | "Ringing" | "Waiting" | "InCall" | "OnHold" |
  "Completed" | "Busy" | "Rejected" | "NotFound" | "Cancelled" | "NotAnswered";

/** A call between others, or one that waits in a queue. */
export interface LiveSession {
  sessionId: string;
  sessionState: SessionState;
  /** The caller's number and name. */
  caller: string;
  callerName: string;
  /** The called number and name; of one that waits, the queue's. */
  callee: string;
  calleeName: string;
  started: Date;
  answered: Date | null;
  /** The queue that it came by. */
  queue: string | null;
  /** What the caller told about itself when it connected, if it is a client of a webphone line. */
  properties: Record<string, string>;
  /** What the caller has written while it waits: the first texts, shortened. */
  texts: string[];
  /** The number to take it by, while it waits in a queue of this agent: `phone.takeFromQueue(session)`. */
  take: string | null;
}

/** The events of `LiveSessions`. */
export interface LiveSessionsEvents {
  /** A call began, or began to be shown to this client. */
  created: LiveSession;
  /** A call's state, parties or place changed. */
  changed: LiveSession;
  /** A call ended, or another agent has taken it. `sessionState` says which. */
  closed: LiveSession;
  /** All that there is has been told: after the start, and after each new connection. */
  ready: LiveSession[];
}

type Fields = Record<string, unknown>;

function sessionOf(data: Fields): LiveSession | null {
  const text = (key: string): string => (typeof data[key] === "string" ? data[key] : "");
  const time = (key: string): Date | null => {
    const at = Date.parse(text(key));
    return Number.isNaN(at) ? null : new Date(at);
  };
  if (text("sessionId") === "") return null;
  const strings = (value: unknown): [string, string][] => Object.entries(typeof value === "object" && value !== null ? value : {}).filter(([, each]) => typeof each === "string");
  return {
    sessionId: text("sessionId"), sessionState: text("sessionState") as SessionState, caller: text("caller"), callerName: text("callerName"),
    callee: text("callee"), calleeName: text("calleeName"), started: time("started") ?? new Date(), answered: time("answered"),
    queue: text("queue") || null, take: text("take") || null,
    properties: Object.fromEntries(strings(data["properties"])), texts: strings(data["texts"]).map(([, each]) => each),
  };
}

/** @internal */
export interface SessionsHost {
  subscribe(take: (body: string) => void): Subscription | null;
  act(sessionId: string, action: string, body: object): Promise<void>;
  listen(sessionId: string): Promise<Call>;
  closed(sessions: LiveSessions): void;
}

/** The calls that this client may see: all of them for supervisors; for agents those that wait in their queues, and those that they took. */
export class LiveSessions extends Emitter<LiveSessionsEvents> {
  private readonly sessions_ = new Map<string, LiveSession>();
  private version_: number | null = null;
  private subscription_: Subscription | null = null;
  private ready_ = false;

  /** @internal */
  constructor(private readonly host_: SessionsHost) {
    super();
  }

  // The map is in the order in which the server told them, which the stable sort keeps among those of the same moment.
  /** The sessions that there are, the oldest first. */
  get list(): LiveSession[] { return [...this.sessions_.values()].map((each) => ({ ...each })).sort((a, b) => a.started.getTime() - b.started.getTime()); }
  /** Those that wait to be taken, the next one first. */
  get waiting(): LiveSession[] { return this.list.filter((each) => each.sessionState === "Waiting"); }
  /** Whether the server has told what there is. */
  get ready(): boolean { return this.ready_; }
  /** One by its id. */
  find(sessionId: string): LiveSession | null { return this.list.find((each) => each.sessionId === sessionId) ?? null; }

  /** Ends a call. Agents may end those that they see. */
  hangUp(sessionId: string): Promise<void> { return this.host_.act(sessionId, "hangup", {}); }
  /** Holds both parties. This and the rest is for supervisors. */
  hold(sessionId: string): Promise<void> { return this.host_.act(sessionId, "hold", {}); }
  /** Takes both off hold. */
  unhold(sessionId: string): Promise<void> { return this.host_.act(sessionId, "unhold", {}); }
  /** The party with the number `transferor` leaves, and the other one speaks with `number` instead. */
  transfer(sessionId: string, transferor: string, number: string): Promise<void> {
    return this.host_.act(sessionId, "blindTransfer", { transferor, phoneNumber: number });
  }
  /** Sends a call that rings on to another number. */
  forward(sessionId: string, number: string): Promise<void> { return this.host_.act(sessionId, "forward", { phoneNumber: number }); }
  /** Presses keys towards one party. */
  sendDtmf(sessionId: string, keys: string, number: string): Promise<void> { return this.host_.act(sessionId, "sendDtmf", { key: keys, phoneNumber: number }); }
  /** Lets this client hear a call and read its texts, unnoticed; hang the call up to cease. */
  listen(sessionId: string): Promise<Call> { return this.host_.listen(sessionId); }
  /** Ceases to listen. */
  stopListening(sessionId: string): Promise<void> { return this.host_.act(sessionId, "stopListen", {}); }

  /** Follows no more. */
  close(): void {
    this.subscription_?.close();
    this.subscription_ = null;
    this.host_.closed(this);
  }

  /** @internal */
  restart(): void {
    this.subscription_?.close();
    this.version_ = null;
    this.subscription_ = this.host_.subscribe((body) => this.apply(body));
  }

  /** @internal */
  apply(body: string): void {
    let data: Fields;
    try {
      data = JSON.parse(body) as Fields;
    } catch {
      return this.subscription_?.refresh();
    }
    const version = typeof data["version"] === "number" ? data["version"] : null;
    const full = data["full"] === true;
    if (!full && (this.version_ === null || version !== this.version_ + 1)) return this.subscription_?.refresh();
    this.version_ = version;
    const list = (Array.isArray(data["sessions"]) ? data["sessions"] : []) as Fields[];
    if (full) {
      const here = new Set(list.map((each) => each["sessionId"]));
      for (const known of this.list) if (!here.has(known.sessionId)) this.end({ ...known, sessionState: "Completed", take: null });
    }
    for (const each of list) this.take(each);
    if (!full) return;
    this.ready_ = true;
    this.emit("ready", this.list);
  }

  private take(data: Fields): void {
    const session = sessionOf(data);
    if (session === null) return;
    if (data["closed"] === true) return this.end(session);
    const known = this.sessions_.get(session.sessionId);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(session)) return;
    this.sessions_.set(session.sessionId, session);
    this.emit(known === undefined ? "created" : "changed", { ...session });
  }

  private end(session: LiveSession): void {
    if (this.sessions_.delete(session.sessionId)) this.emit("closed", session);
  }
}
