// What supervisors know of the telephone system: extensions, lines and users as the server tells them at sign-in,
// calls in progress as it reports them from then on.

import type { Webphone } from "../webphone.ts";
import { kSessionsEvent, kSessionsType } from "../names.ts";
import { type Handler, Slot } from "./slot.ts";

/** Anything by its id. */
export type ById<Value> = Record<string, Value>;
/** An extension or outside line. */
export interface Extension { id: string; type: string; [more: string]: unknown }
/** A user. */
export interface User { id: string; fullName?: string; emailAddress?: string; extensions?: string[]; [more: string]: unknown }

/** @internal */
type Fields = Record<string, unknown>;
/** @internal */
type Ask = (method: "GET" | "POST", path: string, body?: object) => void;

/** A call between others, for those who may supervise. */
export class Session {
  /** The call's id. */
  readonly sessionId: string;
  /** Its state: Setup, Ringing, Waiting (in a queue), InCall, OnHold; at the end Completed, Busy, Rejected, NotFound, Cancelled, NotAnswered. */
  sessionState = "";
  /** The caller's number. */
  caller = "";
  /** The called number. */
  callee = "";
  private readonly states_ = new Slot<[state: string, session: Session]>(16);

  /** @internal */
  constructor(data: Fields, private readonly ask_: Ask) {
    this.sessionId = String(data["sessionId"]);
    this.take(data);
  }

  /** @internal */
  take(data: Fields): boolean {
    const before = this.sessionState;
    for (const [key, value] of Object.entries(data)) {
      if (typeof value !== "object" && !key.endsWith("_") && !(key in Session.prototype)) (this as unknown as Fields)[key] = value;
    }
    const changed = before !== "" && before !== this.sessionState;
    if (changed) this.states_.fire(this.sessionState, this);
    return changed;
  }

  private act(action: string, body: object = {}): void {
    this.ask_("POST", `sessions/${encodeURIComponent(this.sessionId)}/${action}`, body);
  }

  /** The party with the number `transferor` leaves; the other one is handed over to `phoneNumber`. */
  blindTransfer(transferor: string, phoneNumber: string): void { this.act("blindTransfer", { transferor, phoneNumber }); }
  /** Ends the call. */
  close(): void { this.act("close"); }
  /** Ends the call. */
  closeWithHangup(): void { this.act("hangup"); }
  /** Sends a call that rings on to another number. */
  forward(phoneNumber: string): void { this.act("forward", { phoneNumber }); }
  /** Ends the call. */
  hangup(): void { this.act("hangup"); }
  /** Holds both parties. */
  hold(): void { this.act("hold"); }
  /** Takes both off hold. */
  unhold(): void { this.act("unhold"); }
  /** Presses a key towards one party. */
  sendDtmf(key: string, phoneNumber: string): void { this.act("sendDtmf", { key, phoneNumber }); }
  /** Lets this client hear the call: the server calls it. */
  startListen(): void { this.act("startListen"); }
  /** Ends that. */
  stopListen(): void { this.act("stopListen"); }
  /** The handler gets each state and the session. */
  onSessionStateChanged(handler: Handler<[state: string, session: Session]>): void { this.states_.set(handler); }
}

/** @internal */
export class Directory {
  readonly created = new Slot<[Session]>(100);
  readonly closed = new Slot<[Session]>(100);
  readonly sessions = new Map<string, Session>();
  extensions: ById<Extension> = {};
  lines: ById<Extension> = {};
  users: ById<User> = {};

  constructor(private readonly ask_: Ask) {}

  async load(phone: Webphone): Promise<void> {
    if (!phone.privileges.includes("supervise") && !phone.privileges.includes("history")) return;
    const data = (await phone.request("GET", "directory")) as Fields;
    this.extensions = byId<Extension>(data["extensions"]);
    this.lines = byId<Extension>(data["outsideLines"]);
    this.users = byId<User>(data["users"]);
  }

  follow(phone: Webphone): { close(): void } | null {
    if (!phone.privileges.includes("supervise")) return null;
    return phone.subscribe(kSessionsEvent, kSessionsType, (body) => this.apply(body));
  }

  apply(body: string): void {
    let data: Fields;
    try {
      data = JSON.parse(body) as Fields;
    } catch {
      return;
    }
    const list = (Array.isArray(data["sessions"]) ? data["sessions"] : []) as Fields[];
    if (data["full"] === true) {
      const here = new Set(list.map((each) => String(each["sessionId"])));
      for (const session of [...this.sessions.values()]) if (!here.has(session.sessionId)) this.end(session);
    }
    for (const each of list) {
      if (typeof each["sessionId"] !== "string") continue;
      let session = this.sessions.get(each["sessionId"]);
      if (session === undefined) {
        session = new Session(each, this.ask_);
        this.sessions.set(session.sessionId, session);
        this.created.fire(session);
      } else {
        session.take(each);
      }
      if (each["closed"] === true) this.end(session);
    }
  }

  private end(session: Session): void {
    this.sessions.delete(session.sessionId);
    this.closed.fire(session);
  }
}

/** @internal */
function byId<Value extends { id: string }>(list: unknown): ById<Value> {
  const values = (Array.isArray(list) ? list : []) as Value[];
  return Object.fromEntries(values.filter((each) => typeof each?.id === "string").map((each) => [each.id, each]));
}

/** Answers questions about extensions, lines, users and calls, from what the server told at sign-in. */
export class Helper {
  /** @internal */
  constructor(private readonly now_: () => Directory | null, private readonly ask_: Ask) {}

  private pick<Value>(values: ById<Value> | undefined, wanted: (value: Value) => boolean): ById<Value> {
    return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => wanted(value)));
  }
  private sessions(wanted: (session: Session) => boolean): ById<Session> {
    return this.pick(Object.fromEntries(this.now_()?.sessions ?? []), wanted);
  }

  /** The extension, or null. */
  getExtensionById(id: string): Extension | null { return this.now_()?.extensions[id] ?? null; }
  /** All extensions by their ids. */
  getExtensions(): ById<Extension> { return { ...this.now_()?.extensions }; }
  /** The extensions of a type. */
  getExtensionsByType(type: string): ById<Extension> { return this.pick(this.now_()?.extensions, (each) => each.type === type); }
  /** The outside line, or null. */
  getOutsideLineById(id: string): Extension | null { return this.now_()?.lines[id] ?? null; }
  /** All outside lines by their ids. */
  getOutsideLines(): ById<Extension> { return { ...this.now_()?.lines }; }
  /** The outside lines of a type. */
  getOutsideLinesByType(type: string): ById<Extension> { return this.pick(this.now_()?.lines, (each) => each.type === type); }
  /** The calls in progress of an extension. */
  getActiveCallsOfExtension(extensionId: string): ById<Session> {
    return this.sessions((each) => each.caller === extensionId || each.callee === extensionId);
  }
  /** The calls in progress of a user's extensions. */
  getActiveCallsOfUser(userId: string): ById<Session> {
    const own = this.now_()?.users[userId]?.extensions ?? [];
    return this.sessions((each) => own.includes(each.caller) || own.includes(each.callee));
  }
  /** The call in progress, or null. */
  getActiveSessionById(sessionId: string): Session | null { return this.now_()?.sessions.get(sessionId) ?? null; }
  /** The calls in progress in a state. */
  getActiveSessionsBySessionState(state: string): ById<Session> { return this.sessions((each) => each.sessionState === state); }
  /** Asks for an extension's call records; they come by `onCallHistoryInfoReceived`. */
  getCallHistoryOfExtension(extensionId: string): void { this.ask_("GET", `history?extension=${encodeURIComponent(extensionId)}`); }
  /** The user who has the extension, or null. */
  getUserByExtension(extensionId: string): User | null {
    return Object.values(this.now_()?.users ?? {}).find((each) => each.extensions?.includes(extensionId)) ?? null;
  }
  /** The user, or null. */
  getUserById(userId: string): User | null { return this.now_()?.users[userId] ?? null; }
}
