// node jssip.mjs URL OFFER WHAT: JsSIP over WebSocket; OFFER is a file with a browser's description.
import { readFileSync } from "node:fs";
import { check, finish, load, once } from "./packages.mjs";

const [url, offer, what] = process.argv.slice(2);
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
  async createAnswer() { return { type: "answer", sdp: this.answerFor(this.remoteDescription.sdp) }; }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription(description) { this.remoteDescription = description; }
  answerFor(text) { return text.replace(/a=sendonly/g, "a=recvonly").replace(/a=setup:\w+/g, "a=setup:active"); }
  getSenders() { return []; }
  getReceivers() { return []; }
  addTrack() {}
  close() {}
};
globalThis.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };

const JsSIP = load("jssip");

function agent(user, password, more = {}) {
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@127.0.0.1`, password, register: password !== undefined, ...more });
  ua.start();
  return ua;
}

async function register() {
  const ua = agent("alice", "secret");
  const { response } = await once(ua, "registered");
  check(response.status_code === 200, `registered with ${response.status_code}`);
  ua.unregister({ all: true });
  await once(ua, "unregistered");
  const wrong = agent("alice", "wrong");
  const failed = await once(wrong, "registrationFailed");
  check(failed.response?.status_code === 401, `failed with ${failed.cause}`);
  ua.stop();
  wrong.stop();
}

async function outside() {
  const ua = agent("guest");
  await once(ua, "connected");
  const options = await new Promise((resolve) => ua.sendOptions("sip:room@127.0.0.1", undefined, { eventHandlers: { succeeded: resolve, failed: resolve } }));
  check(options.response?.status_code === 200, `OPTIONS: ${options.cause ?? options.response?.status_code}`);
  const message = await new Promise((resolve) => ua.sendMessage("sip:room@127.0.0.1", "x", { eventHandlers: { succeeded: resolve, failed: resolve } }));
  check(message.response?.status_code >= 400 && message.response.status_code < 500, `MESSAGE: ${message.response?.status_code}`);
  ua.stop();
}

async function enter(user, display) {
  const ua = agent(user, undefined, { display_name: display, user_agent: "interop" });
  await once(ua, "connected");
  const session = ua.call("sip:jssip@127.0.0.1", { mediaConstraints: { audio: false, video: false },
                                                  extraHeaders: ["Accept: application/sdp, application/x-asterisk-confbridge-event+json"] });
  const inbox = [];
  ua.on("newMessage", ({ originator, request }) => {
    if (originator === "remote") inbox.push({ type: request.getHeader("Content-Type"), body: request.body, from: request.from.display_name });
  });
  const outcome = await Promise.race([once(session, "confirmed"), once(session, "failed").then((e) => { throw new Error(`the call failed: ${e.cause}`); })]);
  check(outcome, "no outcome");
  const text = (body, type) => new Promise((resolve) => session.sendRequest(JsSIP.C.MESSAGE, {
    extraHeaders: [`Content-Type: ${type}`], body,
    eventHandlers: { onSuccessResponse: (r) => resolve(r.status_code), onErrorResponse: (r) => resolve(r.status_code), onTransportError: () => resolve(-1),
                     onRequestTimeout: () => resolve(-2), onDialogError: () => resolve(-3) } }));
  return { ua, session, inbox, text };
}

async function until(condition, why) {
  for (let i = 0; i < 300; ++i) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(why());
}

async function call() {
  const a = await enter("anna", "Anna"), b = await enter("bert", "Bért 🎉");
  check(a.session.connection.remoteDescription.sdp.includes("a=setup:passive"), "the answer is not passive");
  const bodies = ["Grüße 🎉", "<script>", "x".repeat(60000), "two\r\n\r\nparts"];
  for (const body of bodies) check(await a.text(body, "text/plain;charset=UTF-8") === 202, "MESSAGE was refused");
  check(await a.text("x", "image/png") === 415, "image/png was taken");
  const texts = () => b.inbox.filter((m) => !m.type.includes("confbridge"));
  await until(() => texts().length >= bodies.length, () => `${texts().length} copies arrived`);
  bodies.forEach((body, i) => check(texts()[i].body === body && texts()[i].type === "text/plain;charset=UTF-8" && texts()[i].from === "Anna", `copy ${i} differs`));
  check(await b.text("zurück", "text/plain") === 202, "MESSAGE back was refused");
  await until(() => a.inbox.some((m) => m.body === "zurück" && m.from === "Bért 🎉"), () => "no copy back");
  const events = a.inbox.filter((m) => m.type === "application/x-asterisk-confbridge-event+json").map((m) => JSON.parse(m.body).type);
  check(events.includes("ConfbridgeWelcome") && events.includes("ConfbridgeJoin"), `events ${events}`);
  b.session.terminate();
  await until(() => a.inbox.some((m) => m.body.includes("ConfbridgeLeave")), () => "no event of leaving");
  a.session.terminate();
  a.ua.stop();
  b.ua.stop();
}

finish({ register, outside, call }[what]());
