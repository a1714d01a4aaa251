// The one object that programs of the old kind begin with.

import { WebphoneError, type ConnectOptions, type RemoteClient } from "../types.ts";
import { Webphone, withoutPassword } from "../webphone.ts";
import { Directory, Helper, type Session, type User } from "./directory.ts";
import { Call } from "./oz_call.ts";
import type { OzCamera } from "./oz_camera.ts";
import { type Handler, Slot } from "./slot.ts";
import { CallType, type ConnectionStateName, type StateInfo, stateInfo } from "./states.ts";

/** Another client of the line; the object is the program's own, to keep and to write into. */
export type ClientInfo = { phoneNumber: string; displayName: string; status: "ONLINE" | "OFFLINE" } & Record<string, unknown>;
/** What went wrong. */
export interface ErrorInfo { code: string | number; message: string }

const kTokenForm = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;
const kMostClients = 10_000;

function nameIn(who: Record<string, unknown>): string {
  const key = Object.keys(who).find((each) => each.toLowerCase() === "displayname") ??
    Object.keys(who).find((each) => each.toLowerCase() === "name");
  return key === undefined ? "" : String(who[key]);
}

/** @internal */
export function optionsOf(host: string, line: string, who: unknown): ConnectOptions {
  const token = kTokenForm.test(line);
  const options: ConnectOptions = { host: host ?? "" };
  if (token) options.token = line;
  else options.line = line;
  if (typeof who === "object" && who !== null && !(who instanceof String)) {
    const given = who as Record<string, unknown>;
    const password = Object.entries(given).find(([key]) => key.toLowerCase() === "password")?.[1];
    if (password !== undefined && password !== null) options.password = String(password);
    options.properties = withoutPassword(given);
    options.displayName = nameIn(given);
  } else {
    options.displayName = who === undefined || who === null ? "" : String(who);
  }
  return options;
}

/** @internal */
export function infoOf(client: RemoteClient, status: "ONLINE" | "OFFLINE"): ClientInfo {
  return { ...client.properties, displayName: client.displayName, phoneNumber: client.phoneNumber, status };
}

/** Connects the page to a webphone line. There is one of it: `OzWebClient`. */
export class WebClient {
  private readonly states_ = new Slot<[StateInfo]>(16);
  private readonly clients_ = new Slot<[ClientInfo]>(kMostClients);
  private readonly incoming_ = new Slot<[Call]>(16);
  private readonly errors_ = new Slot<[ErrorInfo]>(0);
  private readonly history_ = new Slot<[unknown]>(1);
  private readonly users_ = new Slot<[User]>(1);
  private readonly ask_ = (method: "GET" | "POST", path: string, body?: object): void => this.ask(method, path, body);
  private directory_ = new Directory(this.ask_);
  private watching_: { close(): void } | null = null;
  private phone_: Webphone | null = null;
  private state_: ConnectionStateName = "CONNECTION_CLOSED";
  private created_: Handler<[Session]> = null;
  private closed_: Handler<[Session]> = null;
  /** Questions about extensions, lines, users and calls; for those with the privilege. */
  readonly helper = new Helper(() => this.directory_, this.ask_);

  /**
   * Connects. `host` "" is the host that the script came from. `line` is a webphone line's name, an extension's number
   * (with `who.Password`), or a token. `who` is the display name, or an object of properties for the others to see.
   */
  connect(host: string, line: string, who?: unknown): void {
    this.leave();
    const phone = new Webphone(optionsOf(String(host ?? ""), String(line ?? ""), who));
    this.phone_ = phone;
    this.directory_ = new Directory(this.ask_);
    this.directory_.created.set(this.created_);
    this.directory_.closed.set(this.closed_);
    const held: (() => void)[] = [];
    let granted = false;
    const on = <Name extends Parameters<typeof phone.on>[0]>(name: Name, act: Parameters<typeof phone.on<Name>>[1]): void => {
      phone.on(name, (data) => {
        if (this.phone_ !== phone) return;
        if (granted) act(data as never);
        else held.push(() => act(data as never));
      });
    };
    const grant = (): void => {
      granted = true;
      this.put("ACCESS_GRANTED");
      if (phone.user !== null) this.users_.fire(phone.user as User);
      for (const act of held.splice(0)) act();
      this.watching_ = this.directory_.follow(phone);
    };
    on("clientOnline", (client) => this.clients_.fire(infoOf(client, "ONLINE")));
    on("clientChanged", (client) => this.clients_.fire(infoOf(client, "ONLINE")));
    on("clientOffline", (client) => this.clients_.fire(infoOf(client, "OFFLINE")));
    on("call", (call) => this.incoming_.fire(new Call(call, this)));
    on("callResumed", (call) => this.incoming_.fire(new Call(call, this, true)));
    phone.on("lost", () => {
      if (this.phone_ === phone && granted) this.put("CONNECTION_CLOSED");
    });
    on("error", (error) => {
      this.failed(error.status ?? error.code, error.message);
      if (error.code === "access-denied") this.put("ACCESS_DENIED");
    });
    phone.on("status", (status) => {
      if (this.phone_ !== phone || !granted) return;
      if (status === "connected") {
        this.put("ACCESS_GRANTED");
        this.watching_?.close();
        this.watching_ = this.directory_.follow(phone);
      } else if (status === "closed" && this.state_ === "ACCESS_GRANTED") {
        this.put("CONNECTION_CLOSED");
      }
    });
    phone.connect()
      .then(() => this.directory_.load(phone).catch((error: Error) => this.failed("directory", error.message)))
      .then(() => {
        if (this.phone_ === phone) grant();
      }, (error: unknown) => {
        if (this.phone_ !== phone) return;
        this.phone_ = null;
        const denied = error instanceof WebphoneError && error.code === "access-denied";
        this.put(denied ? "ACCESS_DENIED" : "CONNECTION_FAILED");
        this.failed(error instanceof WebphoneError ? error.status ?? error.code : "connection-failed", String((error as Error).message));
      });
  }

  private leave(): void {
    const phone = this.phone_;
    this.phone_ = null;
    this.state_ = "CONNECTION_CLOSED";
    this.watching_?.close();
    this.watching_ = null;
    phone?.disconnect();
  }

  private put(state: ConnectionStateName): void {
    if (this.state_ === state && state === "ACCESS_GRANTED") return;
    this.state_ = state;
    this.states_.fire(stateInfo(state));
  }

  /** Hangs up, signs off: the others see OFFLINE at once. CONNECTION_CLOSED follows. */
  disconnect(): void {
    if (this.phone_ === null) return;
    this.leave();
    this.put("CONNECTION_CLOSED");
  }

  /** Makes a call, to be started by its `start()`. Without a number it goes where the line says. */
  createCall(phoneNumber: string = "", type: string = CallType.AUDIO): Call {
    const phone = this.phone_ ?? new Webphone();
    return new Call(phone.createCall(String(phoneNumber ?? ""), { video: type === CallType.VIDEO }), this);
  }

  /** The connection's state. */
  checkWebPhoneState(): StateInfo {
    return stateInfo(this.state_);
  }

  /** Asks for the account's call records; they come by `onCallHistoryInfoReceived`. */
  getCallHistory(): void {
    this.ask("GET", "history");
  }

  private ask(method: "GET" | "POST", path: string, body?: object): void {
    const phone = this.phone_;
    if (phone === null) return this.failed("not-connected", "The webphone is not connected.");
    phone.request(method, path, body).then((answer) => {
      if (path.startsWith("history")) this.history_.fire(answer);
    }, (error: Error & { status?: number | null }) => this.failed(error.status ?? "request-failed", error.message));
  }

  /** The handler gets each state of the connection. */
  onConnectionStateChanged(handler: Handler<[state: StateInfo]>): void { this.states_.set(handler); }
  /** The handler gets each client that comes or goes; after ACCESS_GRANTED, each one that is there. */
  onClientStateChanged(handler: Handler<[client: ClientInfo]>): void { this.clients_.set(handler); }
  /** The handler gets each call that comes in. */
  onIncomingCall(handler: Handler<[call: Call]>): void { this.incoming_.set(handler); }
  /** The handler gets what went wrong. */
  onErrorOccured(handler: Handler<[error: ErrorInfo]>): void { this.errors_.set(handler); }
  /** The handler gets the call records that were asked for. */
  onCallHistoryInfoReceived(handler: Handler<[records: unknown]>): void { this.history_.set(handler); }
  /** The handler gets the signed-in user. */
  onUserInfoReceived(handler: Handler<[user: User]>): void { this.users_.set(handler); }
  /** The handler gets each call between others that begins; for those with the privilege. */
  onSessionCreated(handler: Handler<[session: Session]>): void {
    this.created_ = handler;
    this.directory_.created.set(handler);
  }
  /** The handler gets each call between others that ends; for those with the privilege. */
  onSessionClosed(handler: Handler<[session: Session]>): void {
    this.closed_ = handler;
    this.directory_.closed.set(handler);
  }

  /** @internal */
  failed(code: string | number, message: string): void {
    this.errors_.fire({ code, message });
  }

  /** @internal */
  async cameraId(camera: OzCamera): Promise<string | undefined> {
    if (camera.name === "" || this.phone_ === null) return undefined;
    return (await this.phone_.devices.list()).find((each) => each.kind === "camera" && each.label === camera.name)?.id;
  }
}
