// A server in a few lines: webphone access, registrar, roster, and calls between two legs, as SIP text over sockets
// that never leave the process.

import { answerTo, linesOf } from "./fake_browser.ts";

export interface Sip { first: string; method: string; status: number; uri: string; headers: [string, string][]; body: string }

export function parseSip(text: string): Sip {
  const [head = "", body = ""] = text.split("\r\n\r\n", 2) as [string, string?];
  const [first = "", ...rest] = head.split("\r\n");
  const response = first.startsWith("SIP/2.0");
  return {
    first, method: response ? "" : first.split(" ")[0] ?? "", status: response ? Number(first.split(" ")[1]) : 0, uri: first.split(" ")[1] ?? "",
    headers: rest.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as [string, string]),
    body: text.slice(head.length + 4) || body,
  };
}
export const header = (sip: Sip, name: string): string => sip.headers.find(([key]) => key === name.toLowerCase())?.[1] ?? "";
const tagOf = (value: string): string => /;tag=([^;>]+)/.exec(value)?.[1] ?? "";
const uriOf = (value: string): string => /<([^>]+)>/.exec(value)?.[1] ?? value;
const userOf = (uri: string): string => decodeURIComponent(/sip:([^@;>]+)@/.exec(uri)?.[1] ?? "");
const byteLength = (text: string): number => new TextEncoder().encode(text).length;

export class FakeSocket {
  static server: FakeServer | null = null;
  readyState = 0;
  readonly OPEN = 1;
  readonly CONNECTING = 0;
  binaryType = "";
  onopen = (): void => undefined;
  onclose = (_event: object): void => undefined;
  onmessage = (_event: object): void => undefined;
  onerror = (_event: object): void => undefined;
  constructor(readonly url: string) {
    setTimeout(() => {
      if (FakeSocket.server?.up === true) {
        this.readyState = 1;
        FakeSocket.server.sockets.add(this);
        this.onopen();
      } else {
        this.readyState = 3;
        this.onclose({ wasClean: false, code: 1006, reason: "" });
      }
    }, 0);
  }
  send(text: string): void {
    setTimeout(() => {
      if (this.readyState === 1) FakeSocket.server?.receive(text, this);
    }, 0);
  }
  close(): void {
    this.readyState = 3;
    FakeSocket.server?.sockets.delete(this);
  }
  cut(): void {
    this.close();
    this.onclose({ wasClean: false, code: 1006, reason: "" });
  }
}

interface Client { number: string; displayName: string; properties: object; secret: string; resume: string; socket: FakeSocket | null; contact: string; online: boolean; watcher: Leg | null }
export interface Leg { socket: FakeSocket; callId: string; local: string; remote: string; target: string; cseq: number; number: string; call: TwoParty | null; token: string; invite: Sip | null; state: "early" | "up" | "over" }
interface TwoParty { a: Leg; b: Leg | null; bInvite: { branch: string; text: string } | null }

export class FakeServer {
  up = true;
  sockets = new Set<FakeSocket>();
  clients = new Map<string, Client>();
  legs: Leg[] = [];
  log: Sip[] = [];
  posts: Record<string, unknown>[] = [];
  refusal: { status: number; body: object } | null = null;
  fixed: Record<string, number> = {};         // numbers that always answer so
  may: string[] = [];
  answers: Record<string, unknown> = {};       // by path, for GET
  holdMessages = true;
  cutAt = "";                                  // a text that never arrives, since the connection breaks under it
  beforeAck = "";                              // a text that overtakes the ACK to the callee
  defaultTarget = "";
  identity: string[] = [];                     // header lines of the answers to callers
  version = 1;
  sessionWatchers: Leg[] = [];
  private made_ = 0;
  private readonly waiting_ = new Map<string, (answer: Sip) => void>();

  install(): void {
    FakeSocket.server = this;
    Object.defineProperty(globalThis, "WebSocket", { value: FakeSocket, configurable: true, writable: true });
    Object.defineProperty(globalThis, "fetch", { value: (url: string, init: { method: string; body?: string }) => this.http(url, init), configurable: true, writable: true });
  }

  // ---- HTTP
  private async http(url: string, init: { method: string; body?: string }): Promise<Response> {
    if (!this.up) throw new TypeError("network");
    const path = new URL(url).pathname.replace("/api/webphone/", "") + new URL(url).search;
    const reply = (status: number, body: object): Response => new Response(JSON.stringify(body), { status });
    if (path !== "connect") {
      this.posts.push({ path, ...JSON.parse(init.body ?? "{}") });
      return path in this.answers ? reply(200, this.answers[path] as object) : init.method === "POST" ? reply(200, {}) : reply(404, { title: "Not found" });
    }
    const request = JSON.parse(init.body ?? "{}") as { who: { displayName: string }; resume?: string };
    this.posts.push(request as unknown as Record<string, unknown>);
    if (this.refusal !== null) return reply(this.refusal.status, this.refusal.body);
    let client = [...this.clients.values()].find((each) => each.resume === request.resume);
    if (client === undefined) {
      const { displayName, ...properties } = request.who;
      const number = `Q${String(++this.made_).padStart(2, "0")}${Math.random().toString(36).slice(2, 4)}`;
      client = { number, displayName, properties, secret: `s-${number}`, resume: `r-${number}`, socket: null, contact: "", online: false, watcher: null };
      this.clients.set(number, client);
    }
    return reply(200, {
      number: client.number, displayName: client.displayName, uri: `sip:${client.number}@pbx.test`, secret: client.secret, realm: "parley",
      ws: "/ws", resume: client.resume, graceSeconds: 10, defaultTarget: "", ice: [], may: this.may, user: this.answers["user"] ?? null,
    });
  }

  // ---- SIP
  receive(text: string, socket: FakeSocket): void {
    const sip = parseSip(text);
    this.log.push(sip);
    if (sip.method === "") {
      const branch = /branch=([^;,\s]+)/.exec(header(sip, "via"))?.[1] ?? "";
      this.waiting_.get(branch)?.(sip);
      return;
    }
    if (sip.method === "ACK") return;
    if (sip.method === "REGISTER") return this.registration(sip, socket);
    const leg = this.legs.find((each) => each.callId === header(sip, "call-id") && (tagOf(header(sip, "to")) === "" || tagOf(header(sip, "to")) === each.local) && each.state !== "over");
    if (sip.method === "SUBSCRIBE") return this.subscription(sip, socket);
    if (sip.method === "INVITE" && tagOf(header(sip, "to")) === "") return this.invite(sip, socket);
    if (sip.method === "MESSAGE" && tagOf(header(sip, "to")) === "") return this.pager(sip, socket);
    if (leg === undefined) return this.reply(sip, socket, 481);
    leg.socket = socket;
    this.inDialog(sip, leg);
  }

  reply(sip: Sip, socket: FakeSocket, status: number, extra: string[] = [], body = "", tag = ""): void {
    const to = header(sip, "to") + (tag !== "" && tagOf(header(sip, "to")) === "" ? `;tag=${tag}` : "");
    socket.onmessage({ data: [
      `SIP/2.0 ${status} X`, `Via: ${header(sip, "via")}`, `From: ${header(sip, "from")}`, `To: ${to}`, `Call-ID: ${header(sip, "call-id")}`,
      `CSeq: ${header(sip, "cseq")}`, ...extra, `Content-Length: ${byteLength(body)}`, "", body].join("\r\n") });
  }

  request(method: string, leg: Leg, extra: string[] = [], body = "", answered: (answer: Sip) => void = () => undefined, cseq = ++leg.cseq, branch = `z9hG4bKs${Math.random().toString(36).slice(2)}`): string {
    this.waiting_.set(branch, answered);
    const text = [
      `${method} ${leg.target} SIP/2.0`, `Via: SIP/2.0/WS pbx.test;branch=${branch}`, `From: <sip:${leg.number}@pbx.test>;tag=${leg.local}`,
      `To: <sip:x@pbx.test>${leg.remote === "" ? "" : `;tag=${leg.remote}`}`, `Call-ID: ${leg.callId}`, `CSeq: ${cseq} ${method}`,
      "Max-Forwards: 70", "Contact: <sip:pbx.test;transport=ws>", ...extra, `Content-Length: ${byteLength(body)}`, "", body].join("\r\n");
    setTimeout(() => {
      if (leg.socket.readyState === 1) leg.socket.onmessage({ data: text });
    }, 0);
    return branch;
  }

  private registration(sip: Sip, socket: FakeSocket): void {
    const client = this.clients.get(userOf(header(sip, "to")));
    if (client === undefined) return this.reply(sip, socket, 403);
    if (header(sip, "authorization") === "") {
      return this.reply(sip, socket, 401, ['WWW-Authenticate: Digest realm="parley", nonce="n", algorithm=MD5, qop="auth"']);
    }
    const contact = header(sip, "contact");
    if (/expires=0/.test(contact)) {
      this.reply(sip, socket, 200);
      return this.offline(client.number);
    }
    client.socket = socket;
    client.contact = uriOf(contact);
    this.reply(sip, socket, 200, [`Contact: ${contact}`]);
    if (client.online) return;
    client.online = true;
    this.tell(client, "ONLINE");
  }

  offline(number: string): void {
    const client = this.clients.get(number);
    if (client === undefined || !client.online) return;
    client.online = false;
    this.tell(client, "OFFLINE");
    for (const leg of this.legs) if (leg.number !== number && leg.state !== "over" && leg.call !== null && this.other(leg)?.number === number) this.request("BYE", leg);
  }

  forget(number: string): void {
    this.offline(number);
    this.clients.delete(number);
  }

  private entry(client: Client, status: string): object {
    return { phoneNumber: client.number, displayName: client.displayName, status, properties: client.properties };
  }
  private tell(client: Client, status: string): void {
    this.version++;
    for (const other of this.clients.values()) {
      if (other !== client && other.watcher !== null && other.online) this.notify(other.watcher, { version: this.version, full: false, clients: [this.entry(client, status)] });
    }
  }
  notify(leg: Leg, body: object): void {
    this.request("NOTIFY", leg, ["Event: parley-roster", "Subscription-State: active;expires=3600", "Content-Type: application/vnd.parley.roster+json"], JSON.stringify(body));
  }
  private subscription(sip: Sip, socket: FakeSocket): void {
    const client = this.clients.get(userOf(header(sip, "from")));
    const tag = tagOf(header(sip, "to")) || `t${++this.made_}`;
    this.reply(sip, socket, 200, ["Expires: 3600", "Contact: <sip:pbx.test;transport=ws>"], "", tag);
    if (client !== undefined && header(sip, "event") === "parley-sessions") {
      const known = this.sessionWatchers.find((each) => each.local === tag);
      if (known === undefined) this.sessionWatchers.push({ socket, callId: header(sip, "call-id"), local: tag, remote: tagOf(header(sip, "from")), target: uriOf(header(sip, "contact")), cseq: 0, number: "line", call: null, token: "", invite: null, state: "up" });
      return;
    }
    if (client === undefined || header(sip, "event") !== "parley-roster") return;
    const leg: Leg = { socket, callId: header(sip, "call-id"), local: tag, remote: tagOf(header(sip, "from")), target: uriOf(header(sip, "contact")), cseq: client.watcher?.local === tag ? client.watcher.cseq : 0, number: "line", call: null, token: "", invite: null, state: "up" };
    client.watcher = leg;
    const clients = [...this.clients.values()].filter((each) => each.online && each !== client).map((each) => this.entry(each, "ONLINE"));
    this.notify(leg, { version: this.version, full: true, clients });
  }

  tellSessions(body: object, leg = this.sessionWatchers.at(-1)!): void {
    this.request("NOTIFY", leg, ["Event: parley-sessions", "Subscription-State: active;expires=3600", "Content-Type: application/vnd.parley.sessions+json"], JSON.stringify(body));
  }

  private pager(sip: Sip, socket: FakeSocket): void {
    const client = this.clients.get(userOf(sip.uri));
    if (client?.socket == null) return this.reply(sip, socket, 404);
    this.reply(sip, socket, 202, ["Parley-Message-ID: p1"]);
    const leg: Leg = { socket: client.socket, callId: `p${++this.made_}`, local: "p", remote: "", target: client.contact, cseq: 0, number: userOf(header(sip, "from")), call: null, token: "", invite: null, state: "up" };
    this.request("MESSAGE", leg, [`Content-Type: ${header(sip, "content-type")}`], sip.body);
  }

  other(leg: Leg): Leg | null {
    return leg.call === null ? null : leg.call.a === leg ? leg.call.b : leg.call.a;
  }

  private invite(sip: Sip, socket: FakeSocket): void {
    const from = userOf(header(sip, "from"));
    const a: Leg = { socket, callId: header(sip, "call-id"), local: `a${++this.made_}`, remote: tagOf(header(sip, "from")), target: uriOf(header(sip, "contact")), cseq: 0, number: from, call: null, token: `tok${this.made_}`, invite: sip, state: "early" };
    if (header(sip, "replaces") !== "") return this.takeOver(sip, a);
    let number = userOf(sip.uri);
    if (number === "_default") number = this.defaultTarget;
    const fixed = this.fixed[number];
    const client = this.clients.get(number);
    this.reply(sip, socket, 100);
    if (fixed !== undefined) return this.reply(sip, socket, fixed, [], "", a.local);
    if (client === undefined || !client.online || client.socket === null) return this.reply(sip, socket, 404, [], "", a.local);
    const b: Leg = { socket: client.socket, callId: `b${++this.made_}`, local: `b${this.made_}`, remote: "", target: client.contact, cseq: 0, number: from, call: null, token: `tok${this.made_}b`, invite: null, state: "early" };
    const call: TwoParty = { a, b, bInvite: null };
    a.call = b.call = call;
    a.number = number;
    this.legs.push(a, b);
    const branch = this.request("INVITE", b, ["Content-Type: application/sdp", `Parley-Resume: ${b.token}`, ...sip.headers.filter(([key]) => key === "parley-listen").map(([, id]) => `Parley-Listen: ${id}`)], sip.body, (answer) => this.answered(call, answer));
    call.bInvite = { branch, text: "" };
  }

  private answered(call: TwoParty, answer: Sip): void {
    const { a, b } = call;
    if (b === null || a.invite === null) return;
    b.remote = tagOf(header(answer, "to")) || b.remote;
    const contact = ["Contact: <sip:pbx.test;transport=ws>", ...this.identity];
    if (this.beforeAck !== "" && answer.status === 200) {
      b.target = uriOf(header(answer, "contact"));
      this.request("MESSAGE", b, ["Content-Type: text/plain"], this.beforeAck, undefined, b.cseq = 5);
    }
    if (answer.status >= 200) this.request("ACK", b, [], "", undefined, 1, answer.status < 300 ? undefined : call.bInvite?.branch);
    if (answer.status < 200) {
      if (answer.status > 100 && a.state === "early") this.reply(a.invite, a.socket, answer.status, contact, "", a.local);
    } else if (answer.status < 300) {
      b.target = uriOf(header(answer, "contact"));
      if (a.state === "over") return void this.request("BYE", b);
      a.state = b.state = "up";
      this.reply(a.invite, a.socket, 200, [...contact, "Content-Type: application/sdp", `Parley-Resume: ${a.token}`], answer.body, a.local);
    } else {
      b.state = "over";
      if (a.state === "early") this.reply(a.invite, a.socket, answer.status === 302 ? 480 : answer.status, [], "", a.local);
      a.state = "over";
    }
  }

  private takeOver(sip: Sip, leg: Leg): void {
    const [callId = "", ...tags] = header(sip, "replaces").split(";");
    const old = this.legs.find((each) => each.callId === callId && tags.includes(`to-tag=${each.local}`) && tags.includes(`from-tag=${each.remote}`));
    if (old === undefined || header(sip, "parley-resume") !== old.token) return this.reply(sip, leg.socket, 403, [], "", leg.local);
    leg.call = old.call;
    leg.number = old.number;
    leg.state = "up";
    old.state = "over";
    if (leg.call?.a === old) leg.call.a = leg;
    else if (leg.call !== null) leg.call.b = leg;
    this.legs.push(leg);
    this.reply(sip, leg.socket, 200, ["Contact: <sip:pbx.test;transport=ws>", "Content-Type: application/sdp", `Parley-Resume: ${leg.token}`], answerTo(sip.body), leg.local);
  }

  private inDialog(sip: Sip, leg: Leg): void {
    const other = this.other(leg);
    switch (sip.method) {
      case "MESSAGE":
        if (sip.body !== "" && sip.body === this.cutAt) {
          this.cutAt = "";
          leg.socket.cut();
          break;
        }
        this.reply(sip, leg.socket, 202, [`Parley-Message-ID: m${++this.made_}`, `Parley-Sequence: ${this.made_}`]);
        if (other !== null) this.request("MESSAGE", other, [`Content-Type: ${header(sip, "content-type")}`], sip.body);
        break;
      case "BYE":
        this.reply(sip, leg.socket, 200);
        leg.state = "over";
        if (other !== null && other.state !== "over") {
          other.state = "over";
          this.request("BYE", other);
        }
        break;
      case "CANCEL":
        this.reply(sip, leg.socket, 200);
        if (leg.state !== "early" || leg.invite === null) break;
        leg.state = "over";
        this.reply(leg.invite, leg.socket, 487, [], "", leg.local);
        if (other !== null && leg.call?.bInvite != null) this.request("CANCEL", other, [], "", undefined, 1, leg.call.bInvite.branch);
        break;
      case "INVITE": {
        this.reply(sip, leg.socket, 200, ["Contact: <sip:pbx.test;transport=ws>", "Content-Type: application/sdp"], answerTo(sip.body));
        const held = linesOf(sip.body)[0]?.direction === "sendonly";
        if (other !== null && this.holdMessages && header(sip, "parley-resume") === "") {
          this.request("MESSAGE", other, ["Content-Type: application/vnd.parley.call+json"], JSON.stringify({ type: held ? "hold" : "unhold" }));
        }
        break;
      }
      case "REFER": {
        this.reply(sip, leg.socket, 202, ["Contact: <sip:pbx.test;transport=ws>"]);
        const fails = header(sip, "refer-to").includes("sip:nobody@");
        this.request("NOTIFY", leg, [`Event: refer;id=${header(sip, "cseq").split(" ")[0]}`, "Subscription-State: terminated;reason=noresource", "Content-Type: message/sipfrag;version=2.0"], `SIP/2.0 ${fails ? 404 : 200} X\r\n`);
        break;
      }
      default: this.reply(sip, leg.socket, 200);
    }
  }

  sent(method: string): Sip[] {
    return this.log.filter((each) => each.method === method);
  }
}
