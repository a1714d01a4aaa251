// The connection to a webphone line: who else is there, calls, and texts outside of calls.

import { patientTimer } from "../../shared/patience.ts";
import { connectNow, roomUri } from "../../shared/sip/jssip_fixes.ts";
import { type Access, type AccessRequest, expiryOf, type Place, placeOf, requestAccess } from "./bootstrap.ts";
import { Call } from "./call.ts";
import type { WebphoneEvents } from "./webphone_events.ts";
import { ClientRoster } from "./client_roster.ts";
import { Devices } from "./devices.ts";
import { Emitter } from "./emitter.ts";
import { askServer } from "./http_api.ts";
import { readIncoming } from "./incoming.ts";
import { kRosterEvent, kRosterType } from "./names.ts";
import { sendText } from "./pager.ts";
import { type ResumeMode, save, type Saved, type SavedCall, takeSaved, thisPage } from "./resume_store.ts";
import type { LiveSession, LiveSessions } from "./sessions.ts";
import { changeSecret, type IncomingRequest, type IncomingResponse, makeUa, newInstance, type Session, type UA } from "./sip.ts";
import { Subscription } from "./subscription.ts";
import { Supervision } from "./supervision.ts";
import {
  type CallOptions, type CallRecord, type ConnectionStatus, type ConnectOptions, type Device, type PhoneBook, type Privilege, type RemoteClient,
  type SentText, type TextOptions, WebphoneError,
} from "./types.ts";

const kTokenMargin = 60_000;
const kLongestTimer = 2_000_000_000;
const kFirstPatience = 20_000;

/** A webphone: connects a page to a line, so that it can call, be called, and chat. */
export class Webphone extends Emitter<WebphoneEvents> {
  /** Microphones, cameras and loudspeakers. */
  readonly devices = new Devices();
  private status_: ConnectionStatus = "closed";
  private place_: Place | null = null;
  private access_: Access | null = null;
  private ua_: UA | null = null;
  private roster_ = new ClientRoster();
  private subscription_: Subscription | null = null;
  private readonly calls_ = new Set<Call>();
  private readonly supervision_ = new Supervision(this);
  private instance_ = newInstance();
  private token_: string | null = null;
  private tokenTimer_: ReturnType<typeof setTimeout> | null = null;
  private graceTimer_: ReturnType<typeof setTimeout> | null = null;
  private retryTimer_: ReturnType<typeof setTimeout> | null = null;
  private retries_ = 0;
  private waiting_: { done(): void; fail(error: WebphoneError): void } | null = null;
  private asking_ = false;
  private readonly onOnline_ = (): void => {
    if (this.ua_ !== null && this.status_ === "reconnecting") connectNow(this.ua_);
  };
  private readonly onPageHide_ = (): void => this.remember(true);

  constructor(private readonly options_: ConnectOptions = {}) {
    super();
  }

  /** Makes a webphone and connects it. */
  static async connect(options: ConnectOptions): Promise<Webphone> {
    const phone = new Webphone(options);
    await phone.connect();
    return phone;
  }

  /** Whether the connection is up. */
  get status(): ConnectionStatus { return this.status_; }
  /** The number by which this client can be called. */
  get number(): string { return this.access_?.number ?? ""; }
  /** The name that others see. */
  get displayName(): string { return this.access_?.displayName ?? this.options_.displayName ?? ""; }
  /** The line's other clients. */
  get clients(): RemoteClient[] { return this.roster_.list(); }
  /** The calls that have not ended. */
  get calls(): Call[] { return [...this.calls_]; }
  /** What this client may do, as far as the server says. */
  get privileges(): Privilege[] { return [...(this.access_?.may ?? [])]; }
  /** The account that this client is signed in as, if it is. */
  get user(): Record<string, unknown> | null { return this.access_?.user ?? null; }

  /** @internal */
  get ua(): UA | null { return this.ua_; }
  /** @internal */
  get online(): boolean { return this.status_ === "connected"; }
  /** @internal */
  get domain(): string { return /@(.+)$/.exec(this.access_?.uri ?? "")?.[1] ?? ""; }
  /** @internal */
  get playAudio(): boolean { return this.options_.playAudio ?? true; }
  /** @internal */
  get ice(): RTCIceServer[] { return [...(this.access_?.ice ?? []), ...(this.options_.iceServers ?? [])]; }

  private get resumeMode(): ResumeMode { return this.options_.resume === "tab" ? "tab" : "page"; }
  private get lineUri(): ReturnType<typeof roomUri> {
    return roomUri(this.access_?.line || this.number, this.domain);
  }

  // ---- connecting

  /** Connects. Rejects with code `access-denied` or `connection-failed`. */
  async connect(): Promise<void> {
    if (this.status_ !== "closed") throw new WebphoneError("not-allowed", "The webphone is connected already.");
    this.put("connecting");
    try {
      this.place_ = placeOf(this.options_.host ?? "");
      const saved = this.options_.resume === false ? null : takeSaved(this.place_.host, this.options_.line ?? "", Date.now(), this.resumeMode);
      if (saved !== null) this.instance_ = saved.instance;
      this.access_ = await this.ask(saved?.resume ?? null);
      if ((this.status_ as ConnectionStatus) === "closed") throw new WebphoneError("connection-failed", "The connection was closed.");
      const calls = saved !== null && saved.number === this.access_.number ? saved.calls : [];
      await this.register();
      this.listen();
      this.put("connected");
      this.follow();
      this.remember();
      for (const each of calls) this.takeBack(each);
    } catch (error) {
      this.close();
      throw error instanceof WebphoneError ? error : new WebphoneError("connection-failed", String(error));
    }
  }

  private async ask(resume: string | null): Promise<Access> {
    const { line = "", displayName = "", properties = {}, password, token } = this.options_;
    if (typeof token === "function") this.token_ = await token();
    else this.token_ ??= token ?? null;
    const request: AccessRequest = { line, who: { ...withoutPassword(properties), displayName } };
    if (password !== undefined) request.password = password;
    if (this.token_ !== null) request.token = this.token_;
    if (resume !== null && resume !== "") request.resume = resume;
    const access = await requestAccess(this.place_ as Place, request);
    this.watchToken();
    return access;
  }

  private register(): Promise<void> {
    const { ws, uri, displayName, secret, realm } = this.access_ as Access;
    const ua = makeUa({ socket: (this.place_ as Place).ws(ws), uri, displayName, secret, realm, instance: this.instance_ });
    this.ua_ = ua;
    const on = (name: string, act: (event: never) => void): void => {
      (ua.on as (name: string, listener: (event: never) => void) => void).call(ua, name, (event) => {
        if (this.ua_ === ua) act(event);
      });
    };
    on("registered", () => this.registered());
    on("disconnected", () => this.disconnected());
    on("registrationFailed", (event: { response: IncomingResponse | null }) => this.registrationFailed(event.response));
    on("newRTCSession", (event: { originator: string; session: Session; request: IncomingRequest }) => {
      if (event.originator === "remote") this.incomingCall(event.session, event.request);
    });
    on("newMessage", (event: { originator: string; message: { reject(options: object): void }; request: IncomingRequest }) => {
      if (event.originator === "remote") this.incomingMessage(event.message, event.request);
    });
    return new Promise((done, fail) => {
      const stop = patientTimer(kFirstPatience, () => this.waiting_?.fail(new WebphoneError("connection-failed", "The server did not answer.")));
      const end = (act: () => void): void => {
        stop();
        this.waiting_ = null;
        act();
      };
      this.waiting_ = { done: () => end(done), fail: (error) => end(() => fail(error)) };
      ua.start();
    });
  }

  private registered(): void {
    if (this.waiting_ !== null) return this.waiting_.done();
    if (this.status_ !== "reconnecting") return;
    this.stopTimers();
    this.retries_ = 0;
    this.put("connected");
    this.follow();
    this.remember();
    for (const call of this.calls) void call.connectionBack();
  }

  private disconnected(): void {
    if (this.waiting_ !== null && this.status_ === "connecting") {
      return this.waiting_.fail(new WebphoneError("connection-failed", "The server's socket could not be opened."));
    }
    if (this.status_ !== "connected") return;
    this.breakOff();
  }

  private breakOff(): void {
    this.put("reconnecting");
    this.subscription_?.close();
    this.subscription_ = null;
    this.remember();
    for (const call of this.calls) call.interrupted();
    const grace = this.access_?.graceSeconds ?? 10;
    this.graceTimer_ ??= setTimeout(() => this.graceOver(), (grace + 2) * 1000);
  }

  private graceOver(): void {
    this.graceTimer_ = null;
    if (this.status_ !== "reconnecting") return;
    for (const call of this.calls) call.giveUp();
    this.emit("lost", null);
  }

  private registrationFailed(response: IncomingResponse | null): void {
    const status = response?.status_code ?? null;
    if (this.waiting_ !== null) {
      const denied = status === 401 || status === 403 || status === 404;
      return this.waiting_.fail(new WebphoneError(denied ? "access-denied" : "connection-failed",
                                                  `The registration was refused: ${status ?? "no answer"}.`, status));
    }
    if (this.status_ === "closed" || this.ua_?.isConnected() !== true) return;
    if (this.status_ === "connected") this.breakOff();
    if (status !== null && status >= 400 && status < 500 && status !== 408) void this.askAgain();
    else this.retry(() => this.ua_?.register());
  }

  // The server no longer knows this client: away for too long, or started anew. The number may be another one then.
  private async askAgain(): Promise<void> {
    if (this.asking_) return;
    this.asking_ = true;
    try {
      const access = await this.ask(this.access_?.resume ?? null);
      if (this.status_ !== "reconnecting") return;
      const same = access.number === this.access_?.number && access.ws === this.access_.ws;
      this.access_ = access;
      if (same && this.ua_ !== null) {
        changeSecret(this.ua_, access.secret);
        this.ua_.register();
        return;
      }
      for (const call of this.calls) call.giveUp();
      const old = this.ua_;
      this.ua_ = null;
      old?.stop();
      this.instance_ = newInstance();
      await this.register();
      this.registered();
      this.emit("numberChanged", access.number);
    } catch (error) {
      if (error instanceof WebphoneError && error.code === "access-denied") {
        this.emit("error", error);
        this.close();
      } else {
        this.retry(() => void this.askAgain());
      }
    } finally {
      this.asking_ = false;
    }
  }

  private retry(act: () => void): void {
    if (this.retryTimer_ !== null || this.status_ === "closed") return;
    this.retryTimer_ = setTimeout(() => {
      this.retryTimer_ = null;
      if (this.status_ === "reconnecting") act();
    }, Math.min(30_000, 1000 * 2 ** this.retries_++));
  }

  private stopTimers(): void {
    for (const timer of [this.graceTimer_, this.retryTimer_]) if (timer !== null) clearTimeout(timer);
    this.graceTimer_ = null;
    this.retryTimer_ = null;
  }

  private listen(): void {
    if (typeof window === "undefined" || typeof window.addEventListener !== "function") return;
    window.addEventListener("online", this.onOnline_);
    window.addEventListener("pagehide", this.onPageHide_);
  }

  /** Hangs up all calls and signs off: the others see this client leave at once. */
  disconnect(): void {
    if (this.status_ === "closed") return;
    for (const call of this.calls) call.hangUp();
    this.close();
  }

  private close(): void {
    this.stopTimers();
    if (this.tokenTimer_ !== null) clearTimeout(this.tokenTimer_);
    this.tokenTimer_ = null;
    this.subscription_?.close();
    this.subscription_ = null;
    this.supervision_.close();
    if (typeof window !== "undefined" && typeof window.removeEventListener === "function") {
      window.removeEventListener("online", this.onOnline_);
      window.removeEventListener("pagehide", this.onPageHide_);
    }
    const ua = this.ua_;
    this.ua_ = null;
    ua?.stop();
    if (this.access_ !== null) save(null, this.resumeMode);
    for (const call of this.calls) call.giveUp();
    this.waiting_?.fail(new WebphoneError("connection-failed", "The connection was closed."));
    this.access_ = null;
    this.roster_ = new ClientRoster();
    this.put("closed");
  }

  private put(status: ConnectionStatus): void {
    if (this.status_ === status) return;
    this.status_ = status;
    this.emit("status", status);
  }

  // ---- tokens

  private watchToken(): void {
    if (this.tokenTimer_ !== null) clearTimeout(this.tokenTimer_);
    this.tokenTimer_ = null;
    const expiry = this.token_ === null ? null : expiryOf(this.token_);
    if (expiry === null) return;
    const left = expiry - Date.now();
    const wait = Math.min(kLongestTimer, Math.max(left / 2, left - kTokenMargin, 0));
    this.tokenTimer_ = setTimeout(() => {
      if (typeof this.options_.token !== "function") return this.emit("tokenExpiring", new Date(expiry));
      this.options_.token().then((token) => this.refreshToken(token))
        .catch((error: unknown) => this.emit("error", new WebphoneError("access-denied", `No new token: ${String(error)}`)));
    }, wait);
  }

  /** Puts a fresh token in the place of the one that expires. Number and calls stay. */
  async refreshToken(token: string): Promise<void> {
    if (this.access_ === null || this.place_ === null) throw new WebphoneError("not-connected", "The webphone is not connected.");
    this.token_ = token;
    const { line = "", displayName = "", properties = {} } = this.options_;
    const access = await requestAccess(this.place_, {
      line, who: { ...withoutPassword(properties), displayName }, token, resume: this.access_.resume,
    });
    this.watchToken();
    if (this.ua_ !== null && access.number === this.access_.number) {
      if (access.secret !== this.access_.secret) changeSecret(this.ua_, access.secret);
      this.access_ = access;
      this.remember();
    }
  }

  // ---- who is there

  private follow(): void {
    this.subscription_?.close();
    this.roster_.restart();
    if (this.ua_ === null) return;
    this.supervision_.restart();
    this.subscription_ = new Subscription(this.ua_, this.lineUri, kRosterEvent, kRosterType, (body) => {
      const { changes, gap } = this.roster_.apply(body, this.number);
      if (gap) this.subscription_?.refresh();
      for (const { kind, client } of changes) {
        this.emit(kind === "online" ? "clientOnline" : kind === "offline" ? "clientOffline" : "clientChanged", client);
      }
    });
  }

  // ---- calls

  /** Makes a call, to be started by its `start()`. Without a number it goes where the line says. */
  createCall(number = "", options: { video?: boolean } = {}): Call {
    return this.newCall({ number, displayName: this.nameOf(number) }, options.video ?? false);
  }

  /** @internal */
  newCall(to: { number: string; displayName: string; dial?: string }, video: boolean): Call {
    const call = new Call(this, { ...to, direction: "outgoing", video });
    call.on("status", (status) => {
      if (status === "calling") this.calls_.add(call);
      else if (status === "ended") this.calls_.delete(call);
    });
    return call;
  }

  /** Makes and starts a call. */
  call(number = "", options: { video?: boolean; audio?: boolean } = {}): Call {
    const call = this.createCall(number, options);
    call.start(options);
    return call;
  }

  private nameOf(number: string): string {
    return this.roster_.list().find((each) => each.phoneNumber === number)?.displayName ?? "";
  }

  private incomingCall(session: Session, request: IncomingRequest): void {
    if (this.options_.callWaiting === false && this.calls_.size > 0) {
      session.terminate({ status_code: 486 });
      return;
    }
    const call = Call.fromInvite(this, session, request);
    this.calls_.add(call);
    call.on("status", (status) => {
      if (status === "ended") this.calls_.delete(call);
    });
    if (this.supervision_.takes(call)) return;
    // In a later task: the server has its 180 even when the page then stands still in a dialog of the browser's.
    setTimeout(() => {
      if (call.status !== "ended") this.emit("call", call);
    }, 0);
  }

  private takeBack(saved: SavedCall): void {
    const call = Call.resume(this, saved);
    this.calls_.add(call);
    call.on("status", (status) => {
      if (status === "ended") this.calls_.delete(call);
      if ((status === "active" || status === "held") && !told) {
        told = true;
        this.emit("callResumed", call);
      }
    });
    let told = false;
  }

  /** @internal */
  callChanged(_call: Call): void {
    this.remember();
  }

  // ---- texts outside of calls

  private incomingMessage(message: { reject(options: object): void }, request: IncomingRequest): void {
    const call = this.calls.find((each) => each.owns(request));
    if (call !== undefined) return call.receive(request);
    if ((request as unknown as { to_tag: string | null }).to_tag) return message.reject({ status_code: 481 });
    const { user } = (request.from as unknown as { uri: { user: string } }).uri;
    const incoming = readIncoming(request, user ?? "");
    if (incoming.kind === "text") this.emit("message", incoming.text);
  }

  /** Sends a text to a number, outside of any call. The server keeps it for who is away. */
  sendMessage(number: string, text: string, options: TextOptions = {}): Promise<SentText> {
    const ua = this.ua_;
    if (ua === null || !this.online) return Promise.reject(new WebphoneError("not-connected", "The webphone is not connected."));
    return sendText(ua, roomUri(number, this.domain), text, options);
  }

  // ---- devices

  /** Takes a device for this and all later calls. */
  async chooseDevice(kind: Device["kind"], id: string): Promise<void> {
    this.devices.choose(kind, id);
    for (const call of this.calls) {
      if (kind === "speaker") call.setSpeaker(id);
      else if (kind === "microphone" && call.hasMicrophone) await call.setMicrophone(id);
      else if (kind === "camera" && call.localVideo !== null) await call.startVideo(id);
    }
  }

  // ---- what this tab remembers, and what it asks by HTTP

  private remember(left = false): void {
    if (this.options_.resume === false || this.access_ === null || this.place_ === null) return;
    const { number, resume, graceSeconds } = this.access_;
    const calls = this.calls.map((each) => each.saved()).filter((each): each is SavedCall => each !== null);
    const data: Saved = {
      host: this.place_.host, line: this.options_.line ?? "", page: thisPage(), number, resume, instance: this.instance_,
      grace: graceSeconds, at: Date.now(), calls, left,
    };
    save(data, this.resumeMode);
  }

  /** @internal */
  subscribe(event: string, type: string, take: (body: string) => void): Subscription | null {
    return this.ua_ === null ? null : new Subscription(this.ua_, this.lineUri, event, type, take);
  }

  // An extension's page that the server had forgotten gets a new secret.
  /** @internal */
  async request(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    if (this.access_ === null || this.place_ === null) throw new WebphoneError("not-connected", "The webphone is not connected.");
    try {
      return await askServer(this.place_, this.access_, method, path, body);
    } catch (error) {
      if (!(error instanceof WebphoneError) || error.status !== 401 || this.access_.user === null) throw error;
      this.access_ = await this.ask(null);
      return askServer(this.place_, this.access_, method, path, body);
    }
  }

  /** Call records of this account, or with the privilege of another number; the newest 100. */
  async history(number?: string): Promise<CallRecord[]> {
    return (await this.request("GET", number === undefined ? "history" : `history?extension=${encodeURIComponent(number)}`)) as CallRecord[];
  }

  /** Who can be called. */
  async phoneBook(): Promise<PhoneBook> {
    return (await this.request("GET", "directory")) as PhoneBook;
  }

  // ---- the calls of others

  /** Follows the calls that this client may see: all of them for supervisors, those of their queues for agents. One for each webphone. */
  followSessions(): LiveSessions { return this.supervision_.follow(); }

  /** Takes a call that waits in a queue. Of several agents the first one gets it: the others' calls end with status 410. */
  takeFromQueue(session: Pick<LiveSession, "take" | "caller" | "callerName">, options: CallOptions = {}): Call {
    return this.supervision_.take(session, options);
  }
}

// What a page tells of itself never holds a password, however it is written.
/** @internal */
export function withoutPassword(properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => key.toLowerCase() !== "password"));
}
