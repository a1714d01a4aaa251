// node webphone.mjs URL HTTP OFFER WHAT: webphones of a line, by JsSIP: connect, register, see each other, call, text, leave.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { check, finish, load, once } from "./packages.mjs";

const [url, http, offer, what] = process.argv.slice(2);
const sdp = readFileSync(offer, "utf8").replace(/\r?\n/g, "\r\n");

// As much of a browser's as a call needs; no media flows.
globalThis.RTCPeerConnection = class extends EventTarget {
  iceGatheringState = "complete";
  iceConnectionState = "connected";
  connectionState = "connected";
  signalingState = "stable";
  localDescription = null;
  remoteDescription = null;
  async createOffer() { return { type: "offer", sdp }; }
  async createAnswer() {
    return { type: "answer", sdp: this.remoteDescription.sdp.replace(/a=sendonly/g, "a=recvonly").replace(/a=setup:\w+/g, "a=setup:active") };
  }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription(description) { this.remoteDescription = description; }
  getSenders() { return []; }
  getReceivers() { return []; }
  addTrack() {}
  close() {}
};
globalThis.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };

const JsSIP = load("jssip");
const kRoster = "application/vnd.parley.roster+json";

async function ask(body, origin = "http://pages.example:8080") {
  const response = await fetch(`${http}/api/webphone/connect`, { method: "POST", headers: { "Content-Type": "application/json", Origin: origin }, body: JSON.stringify(body) });
  return { status: response.status, allowed: response.headers.get("Access-Control-Allow-Origin"), data: await response.json() };
}

async function connect(name, more = {}) {
  const { status, allowed, data } = await ask({ line: "Webphone1", who: { displayName: name, Password: "hidden", Dept: "Sales" }, ...more });
  check(status === 200, `connect: ${status} ${JSON.stringify(data)}`);
  check(allowed === "http://pages.example:8080", `allowed origin ${allowed}`);
  check(!JSON.stringify(data).includes("hidden") || more.password !== undefined, "the password is told");
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: data.uri, password: data.secret, realm: data.realm, display_name: name,
                            register: true, session_timers: false });
  ua.start();
  await once(ua, "registered");
  return { ua, data, number: data.number };
}

function roster(client) {
  const known = new Map();
  const log = [];
  const subscriber = client.ua.subscribe(`sip:${client.data.line}@127.0.0.1`, "parley-roster", kRoster, { expires: 3600 });
  subscriber.on("notify", (final, request, body) => {
    const state = JSON.parse(body);
    if (state.full) known.clear();
    for (const one of state.clients) {
      check(one.phoneNumber !== client.number, "told of itself");
      log.push(one);
      if (one.status === "ONLINE") known.set(one.phoneNumber, one);
      else known.delete(one.phoneNumber);
    }
    known.ready = true;
  });
  subscriber.subscribe();
  return { known, log };
}

async function until(condition, why, seconds = 6) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(typeof why === "function" ? why() : why);
}

const send = (session, text) => new Promise((resolve) => session.sendRequest(JsSIP.C.MESSAGE, {
  extraHeaders: ["Content-Type: text/html; charset=utf-8"], body: text,
  eventHandlers: { onSuccessResponse: (r) => resolve(r.status_code), onErrorResponse: (r) => resolve(r.status_code), onTransportError: () => resolve(-1),
                   onRequestTimeout: () => resolve(-2), onDialogError: () => resolve(-3) } }));

async function line() {
  const ann = await connect("Ann"), ben = await connect("Bén 🎉");
  check(ann.number !== ben.number && ann.number.length === 6, "numbers");
  const a = roster(ann), b = roster(ben);
  await until(() => a.known.has(ben.number) && b.known.has(ann.number), "they don't see each other");
  check(a.known.get(ben.number).displayName === "Bén 🎉", "the name differs");
  check(JSON.stringify(a.known.get(ben.number).properties) === '{"Dept":"Sales"}', `properties ${JSON.stringify(a.known.get(ben.number).properties)}`);

  const inbox = { ann: [], ben: [] };
  for (const [key, client] of Object.entries({ ann, ben })) {
    client.ua.on("newMessage", ({ originator, request }) => { if (originator === "remote") inbox[key].push(request.body); });
  }
  const rings = once(ben.ua, "newRTCSession");
  const calling = ann.ua.call(`sip:${ben.number}@127.0.0.1`, { mediaConstraints: { audio: false, video: false } });
  calling.on("failed", (event) => finish(Promise.reject(new Error(`the call failed: ${event.cause} ${event.message?.status_code}`))));
  const { session: called } = await rings;
  check(called.remote_identity.display_name === "Ann" && called.remote_identity.uri.user === ann.number, "who calls?");
  await once(calling, "progress");
  called.answer({ mediaConstraints: { audio: false, video: false } });
  await once(calling, "confirmed");
  check(await send(calling, "<b>Grüße</b>") === 202, "text was refused");
  await until(() => inbox.ben.includes("<b>Grüße</b>"), "no text");
  check(await send(called, "back") === 202, "text back was refused");
  await until(() => inbox.ann.includes("back"), "no text back");
  const over = once(called, "ended");
  calling.terminate();
  await over;

  const failed = new Promise((resolve) => ann.ua.call("sip:nobody-there@127.0.0.1", { mediaConstraints: { audio: false, video: false },
                                                                                     eventHandlers: { failed: resolve, progress: () => resolve({ cause: "it rang" }) } }));
  check((await failed).message?.status_code === 404, `unknown number: ${(await failed).cause}`);

  const before = Date.now();
  ben.ua.unregister();
  await until(() => !a.known.has(ben.number), "no OFFLINE");
  check(Date.now() - before < 1000, "OFFLINE was slow");
  check(a.log.filter((one) => one.phoneNumber === ben.number).length === 2, `told ${a.log.length} times`);
  ann.ua.stop();
  ben.ua.stop();
}

// A page whose machine is gone without a word: its socket is open and silent.
async function vanish() {
  const ann = await connect("Ann");
  const a = roster(ann);
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), url, http, offer, "stay"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const number = await new Promise((resolve) => child.stdout.once("data", (data) => resolve(String(data).trim())));
    await until(() => a.known.has(number), "no ONLINE");
    child.kill("SIGSTOP");
    const before = Date.now();
    await until(() => !a.known.has(number), "still ONLINE after 20 seconds", 20);
    check(Date.now() - before > 5000, "no time of grace");
  } finally {
    child.kill("SIGKILL");
  }
  ann.ua.stop();
}

async function stay() {
  const client = await connect("Vanishing");
  console.log(client.number);
  await new Promise(() => {});
}

// The socket breaks, the page is back at once: number and place are kept, and nobody is told.
async function back() {
  const ann = await connect("Ann"), ben = await connect("Ben");
  const a = roster(ann);
  await until(() => a.known.has(ben.number), "no ONLINE");
  ben.ua.transport.socket._ws.terminate();
  await once(ben.ua, "disconnected");
  const again = await ask({ line: "Webphone1", who: "Ben", resume: ben.data.resume });
  check(again.data.number === ben.number && again.data.secret === ben.data.secret, "another number");
  await once(ben.ua, "registered", 9);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const told = a.log.filter((one) => one.phoneNumber === ben.number);   // others share the line
  check(told.length === 1 && a.known.has(ben.number), `told ${JSON.stringify(told)}`);
  ann.ua.stop();
  ben.ua.stop();
}

async function extension() {
  check((await ask({ line: "alice", who: { Password: "wrong" } })).status === 403, "a wrong password was taken");
  const { status, data } = await ask({ line: "alice", who: { Password: "secret" } });
  check(status === 200 && data.number === "alice" && data.user?.id === "alice", `extension: ${status}`);
  const token = process.argv[6];
  const vouched = await ask({ line: "", token });
  check(vouched.status === 200 && vouched.data.displayName === "Vouched For", `token: ${vouched.status}`);
  check((await ask({ line: "", token: token.slice(0, -2) })).status === 403, "a broken token was taken");
  const ben = await connect("Ben");
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: data.uri, password: data.secret, register: true, session_timers: false });
  ua.start();
  await once(ua, "registered");
  const rings = once(ua, "newRTCSession");
  const calling = ben.ua.call("sip:alice@127.0.0.1", { mediaConstraints: { audio: false, video: false } });
  (await rings).session.terminate({ status_code: 603 });
  const refused = await once(calling, "failed");
  check(refused.message?.status_code === 603, `refused with ${refused.message?.status_code}`);
  ua.stop();
  ben.ua.stop();
}

finish({ line, vanish, stay, back, extension }[what]());
