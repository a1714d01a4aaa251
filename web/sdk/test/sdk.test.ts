// The SDK under the classic script.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { placeOf } from "../src/bootstrap.ts";
import type { Call } from "../src/call.ts";
import { ClientRoster } from "../src/client_roster.ts";
import { causeOf, endOf } from "../src/outcome.ts";
import { forgetTaken } from "../src/resume_store.ts";
import { readTyping, typingBody } from "../src/typing.ts";
import type { ConnectOptions, IncomingText, RoomParticipant } from "../src/types.ts";
import { Webphone, withoutPassword } from "../src/webphone.ts";
import { browser, FakePeer, sdpOf } from "./fake_browser.ts";
import { header, type Leg } from "./fake_server.ts";
import { Page, pause, server, until } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));

const phone = (name: string, more: ConnectOptions = {}): Promise<Webphone> =>
  Webphone.connect({ host: "pbx.test:7777", line: "Webphone1", displayName: name, ...more });

async function pair(): Promise<{ ann: Webphone; bob: Webphone; a: Call; b: Call }> {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  const incoming = new Promise<Call>((done) => bob.once("call", done));
  const a = ann.call(bob.number);
  const b = await incoming;
  b.accept();
  await until("both are up", () => a.status === "active" && b.status === "active");
  await until("the microphones joined", () => FakePeer.all.slice(-2).every((peer) => peer.lines[0]?.sender.track != null));
  return { ann, bob, a, b };
}
const legOf = (number: string): Leg => server.legs.filter((each) => each.number === number && each.state === "up").at(-1)!;

test("connecting rejects with a code and the server's words", async () => {
  server.refusal = { status: 401, body: { title: "Wrong password" } };
  await assert.rejects(phone("Ann"), { code: "access-denied", status: 401, message: "Wrong password" });
  server.refusal = { status: 503, body: {} };
  await assert.rejects(phone("Ann"), { code: "connection-failed", status: 503 });
  server.refusal = null;
  server.up = false;
  await assert.rejects(phone("Ann"), { code: "connection-failed" });
});

test("the host is the script's own, a host of its own, or host:port", () => {
  const script = "http://pbx.example:7777/WebphoneAPI";
  assert.equal(placeOf("", script, "http://shop.example:8080/").http, "http://pbx.example:7777");
  assert.equal(placeOf("10.0.0.9", script, "http://shop.example:8080/").http, "http://10.0.0.9:7777");
  assert.equal(placeOf("10.0.0.9:9000", script, null).http, "http://10.0.0.9:9000");
  assert.equal(placeOf("", "https://pbx.example/WebphoneAPI", null).ws("/ws"), "wss://pbx.example/ws");
  assert.equal(placeOf("", script, null).ws("/ws"), "ws://pbx.example:7777/ws");
  assert.equal(placeOf("[::1]:7777", script, null).http, "http://[::1]:7777");
});

test("no password is among the properties, however it is written", () => {
  assert.deepEqual(withoutPassword({ Password: 1, password: 2, PASSWORD: 3, Pass: 4 }), { Pass: 4 });
});

test("outcomes: what a SIP status means, with and without ringing before", () => {
  assert.equal(causeOf(480, false), "not-found");
  assert.equal(causeOf(480, true), "rejected");
  assert.deepEqual([486, 600, 603, 404, 410, 500].map((each) => causeOf(each, true)), ["busy", "busy", "rejected", "not-found", "not-found", "failed"]);
});

// RFC 3326
test("a BYE of a server that stops is no hanging up", () => {
  const bye = (reason: string) => ({ originator: "remote", cause: "Terminated", message: { getHeader: () => reason } });
  assert.deepEqual(endOf(bye('SIP;cause=503;text="Server stopped"'), true, true), { cause: "failed", local: false, status: 503, reason: "Server stopped" });
  assert.deepEqual(endOf(bye('SIP;cause=200;text="Transferred"'), true, true), { cause: "hung-up", local: false, status: null, reason: "Transferred" });
});

test("muting one call leaves the other alone", async () => {
  const { ann, a } = await pair();
  const cy = await phone("Cy");
  const incoming = new Promise<Call>((done) => cy.once("call", done));
  const second = ann.call(cy.number);
  (await incoming).accept();
  await until("the second is up", () => second.status === "active" && FakePeer.all.every((peer) => peer.lines[0]?.sender.track != null));
  assert.equal(ann.calls.length, 2);
  a.mute();
  const outgoing = FakePeer.all.filter((_peer, at) => at === 0 || at === 2).map((peer) => peer.lines[0]?.sender.track?.enabled);
  assert.deepEqual(outgoing, [false, true]);
  a.unmute();
  assert.equal(FakePeer.all[0]?.lines[0]?.sender.track?.enabled, true);
  assert.equal(browser.asked, 3, "one question for each page's microphone");
});

test("keys go by RFC 4733 with a microphone, by INFO without", async () => {
  const { a } = await pair();
  a.sendDtmf("12#");
  assert.equal(FakePeer.all[0]?.lines[0]?.sender.tones, "12#");
  assert.throws(() => a.sendDtmf("12x"), { code: "not-allowed" });
  a.hangUp();
  browser.microphone = "no devices";
  const ann = await phone("Ann2");
  const bob = await phone("Bob2");
  bob.on("call", (call) => call.accept());
  const call = ann.call(bob.number);
  await until("it is up", () => call.status === "active");
  call.sendDtmf("5");
  await until("INFO", () => server.sent("INFO").length === 1);
  assert.match(server.sent("INFO")[0]!.body, /Signal=5/);
});

test("a blind transfer tells how it went", async () => {
  const { a } = await pair();
  assert.deepEqual(await a.transfer("nobody"), { ok: false, status: 404 });
  assert.equal(a.status, "active");
  assert.deepEqual(await a.transfer("1600"), { ok: true, status: 200 });
  assert.equal(a.end?.cause, "transferred");
});

test("an attended transfer names the other dialog as its far end knows it, whoever called", async () => {
  const { ann, bob, a, b } = await pair();
  const cy = await phone("Cy");
  const incoming = new Promise<Call>((done) => bob.once("call", done));
  cy.call(bob.number);
  const c = await incoming;
  c.accept();
  await until("the second is up", () => c.status === "active");
  assert.deepEqual(await c.transferTo(b), { ok: true, status: 200 });
  const replaces = decodeURIComponent(/Replaces=([^>]+)>/.exec(header(server.sent("REFER")[0]!, "refer-to"))![1]!);
  const leg = server.legs.find((each) => replaces.startsWith(each.callId))!;   // the server's end of the call from Ann
  assert.equal(replaces, `${leg.callId};to-tag=${leg.local};from-tag=${leg.remote}`);
  assert.equal(leg.number, ann.number);
  a.hangUp();
});

test("who is at the other side now: told by UPDATE, by re-INVITE, and in the answer; a reload knows it", async () => {
  const { a, b } = await pair();
  const first = { number: a.number, displayName: a.displayName };
  const leg = legOf(a.number);
  const seen: unknown[] = [];
  a.on("identity", (identity) => seen.push(identity));
  const tell = (value: string, method = "UPDATE"): Promise<number> => new Promise((done) => {
    const body = method === "UPDATE" ? "" : sdpOf([{ kind: "audio", direction: "sendrecv", mid: "0" }]);
    server.request(method, leg, [`P-Asserted-Identity: ${value}`, ...(body === "" ? [] : ["Content-Type: application/sdp"])], body, (answer) => {
      if (method === "INVITE" && answer.status === 200) server.request("ACK", leg, [], "", undefined, leg.cseq);
      if (answer.status >= 200) done(answer.status);
    });
  });
  assert.equal(await tell(`"${first.displayName}" <sip:${first.number}@pbx.test>`), 200);
  assert.equal(await tell("nonsense"), 200);
  assert.equal(await tell("<sip:%E4@pbx.test>"), 200);   // no UTF-8
  assert.deepEqual(seen, []);                            // nothing new
  assert.equal(await tell('"Carol \\"C\\" X" <sip:1%3500@pbx.test>'), 200);
  assert.deepEqual(seen, [{ number: "1500", displayName: 'Carol "C" X' }]);
  assert.deepEqual([a.number, a.displayName, a.status], ["1500", 'Carol "C" X', "active"]);
  await until("remembered", () => sessionStorage.getItem("parley.webphone")?.includes('"number":"1500"'));
  assert.equal(await tell("Dora <sip:1600@pbx.test>", "INVITE"), 200);
  assert.deepEqual(seen.at(-1), { number: "1600", displayName: "Dora" });
  let text = { number: "" };
  a.on("message", (got) => text = got);
  await b.sendMessage("hello");
  await until("a text", () => text.number !== "");
  assert.equal(text.number, "1600");
  server.identity = ['P-Asserted-Identity: "Bob" <sip:bob@pbx.test>'];
  const called = (await phone("Ed")).call(server.clients.keys().next().value as string);
  await until("named while it rings", () => called.number === "bob" && called.displayName === "Bob");
  called.hangUp();
  server.identity = [];
  b.hangUp();
});

test("the sound that was there before the call was up is given to the page at both ends", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  const heard: string[] = [];
  bob.once("call", (call) => {
    call.on("audio", () => heard.push("Bob"));
    call.accept();
  });
  const call = ann.call(bob.number);
  call.on("audio", () => heard.push("Ann"));
  await until("both hear", () => heard.includes("Ann") && heard.includes("Bob"));
  call.hangUp();
});

test("a call that still rings may be what another is transferred to", async () => {
  const { a } = await pair();
  const [ben, cy] = [await phone("Ben"), await phone("Cy")];
  const second = ben.call(cy.number);
  await until("it rings", () => second.status === "ringing");
  const before = server.sent("REFER").length;
  assert.deepEqual(await a.transferTo(second), { ok: true, status: 200 });
  const refer = server.sent("REFER")[before]!;
  const replaces = decodeURIComponent(/Replaces=([^>]+)>/.exec(header(refer, "refer-to"))![1]!);
  const leg = server.legs.find((each) => replaces.startsWith(each.callId))!;
  assert.equal(replaces, `${leg.callId};to-tag=${leg.local};from-tag=${leg.remote}`);
  second.hangUp();
});

test("texts are acknowledged with id and place; a private one and a report say so in headers", async () => {
  const { a, b } = await pair();
  const got: IncomingText[] = [];
  b.on("message", (text) => got.push(text));
  const sent = await a.sendMessage("hello", { to: "p7\r\nX: y", report: true });
  assert.match(sent.id ?? "", /^m\d+$/);
  assert.equal(typeof sent.sequence, "number");
  const message = server.sent("MESSAGE")[0]!;
  assert.equal(header(message, "parley-to"), "p7X: y");
  assert.equal(header(message, "parley-report"), "delivered");
  await until("it came", () => got.length === 1);
  assert.equal(got[0]?.contentType, "text/plain");
  const reports: unknown[] = [];
  a.on("delivery", (report) => reports.push(report));
  server.request("MESSAGE", legOf(b.number === a.number ? "" : a.number), ["Content-Type: application/vnd.parley.delivery+json"],
                 JSON.stringify({ messageId: "m1", delivered: ["x"], failed: [{ participant: "y", status: 408 }] }));
  await until("the report", () => reports.length === 1);
  assert.deepEqual(reports[0], { id: "m1", delivered: ["x"], failed: ["y"] });
});

test("a text to a call that has ended is refused", async () => {
  const { a } = await pair();
  a.hangUp();
  await assert.rejects(a.sendMessage("late"), { code: "call-ended" });
});

test("writing is told once, and a text ends it", async () => {
  const { a, b } = await pair();
  const seen: boolean[] = [];
  b.on("typing", ({ active }) => seen.push(active));
  a.keyPressed();
  a.keyPressed();
  await until("told", () => seen.length === 1);
  await a.sendMessage("done");
  await until("ended", () => seen.length === 2);
  assert.deepEqual(seen, [true, false]);
  assert.deepEqual(readTyping(typingBody(true)), { active: true, refreshSeconds: 90 });
  assert.equal(readTyping("<isComposing><state>whatever</state></isComposing>")?.active, false);
  assert.equal(readTyping("hello"), null);
});

test("hold by the other side is known from a re-INVITE's direction as well", async () => {
  server.holdMessages = false;
  const { a, b } = await pair();
  const offer = (direction: "sendonly" | "sendrecv"): void => {
    server.request("INVITE", legOf(a.number), ["Content-Type: application/sdp"], sdpOf([{ kind: "audio", direction, mid: "0" }]), (answer) => {
      if (answer.status === 200) server.request("ACK", legOf(a.number), [], "", undefined, legOf(a.number).cseq);
    });
  };
  offer("sendonly");
  await until("held", () => a.status === "held");
  assert.ok(a.heldThere && !a.heldHere);
  await pause(20);
  offer("sendrecv");
  await until("back", () => a.status === "active");
  b.hangUp();
});

test("ICE that fails restarts ICE instead of ending the call", async () => {
  const { a } = await pair();
  FakePeer.all[0]?.ice("failed");
  await until("a re-INVITE", () => server.sent("INVITE").length === 2);
  assert.equal(FakePeer.all[0]?.restarts, 1);
  assert.equal(a.status, "active");
});

test("video of the other side alone: a line that only receives joins a call without video, once", async () => {
  const { a } = await pair();
  const peer = FakePeer.all[0]!;
  a.receiveVideo();
  a.receiveVideo();
  await until("offered", () => peer.lines[1]?.currentDirection != null);
  assert.deepEqual([peer.lines.length, peer.lines[1]?.direction, peer.lines[1]?.sender.track], [2, "recvonly", null]);
  await a.startVideo();
  await until("it carries both now", () => peer.lines[1]?.direction === "sendrecv");
});

test("video: a camera may join later, and a screen takes its place or a line of its own", async () => {
  const { a } = await pair();
  const peer = FakePeer.all[0]!;
  await a.startVideo();
  await until("offered", () => peer.lines[1]?.currentDirection != null);
  assert.equal(peer.lines[1]?.direction, "sendrecv");
  const camera = peer.lines[1]?.sender.track;
  await a.shareScreen();
  assert.notEqual(peer.lines[1]?.sender.track, camera);
  a.stopScreen();
  await until("the camera is back", () => peer.lines[1]?.sender.track === camera);
  a.stopVideo();
  await until("the line only receives", () => peer.lines[1]?.direction === "recvonly");
  await until("nothing is pending", () => peer.signalingState === "stable");
  await a.shareScreen({ separate: true });
  assert.equal(peer.lines.length, 3);
  assert.match(server.sent("INVITE").at(-1)!.body, /a=mid:2\r\na=content:slides/);
});

test("the room's people come from the conference events", async () => {
  const { a } = await pair();
  const lists: RoomParticipant[][] = [];
  a.on("participants", (list) => lists.push(list));
  const tell = (type: string, ...ids: string[]): void => void server.request("MESSAGE", legOf(a.number), ["Content-Type: application/x-asterisk-confbridge-event+json"],
    JSON.stringify({ type, bridge: { name: "room" }, channels: ids.map((id) => ({ id, caller: { name: id } })) }));
  tell("ConfbridgeWelcome", "x", "y");
  await until("two", () => a.participants.length === 2);
  tell("ConfbridgeLeave", "x");
  await until("one", () => a.participants.length === 1);
  assert.equal(lists.length, 2);
  assert.deepEqual(await a.invite("1600"), { ok: true, status: 200 });
  assert.deepEqual(await a.invite("nobody"), { ok: false, status: 404 });
  assert.equal(a.status, "active");
});

test("nobody is called into a call that is in no room", async () => {
  const { a } = await pair();
  await assert.rejects(a.invite("1600"), { code: "not-allowed" });
});

test("statistics are read on demand", async () => {
  const { a } = await pair();
  assert.deepEqual(await a.statistics(), {
    packetsReceived: 10, packetsSent: 0, packetsLost: 1, bytesReceived: 100, bytesSent: 0, jitterMs: 2, rttMs: 50, codecs: ["audio/opus"],
  });
});

test("call waiting can be switched off: the second caller gets 486", async () => {
  const ann = await phone("Ann");
  const bob = await phone("Bob", { callWaiting: false });
  bob.on("call", (call) => call.accept());
  const first = ann.call(bob.number);
  await until("up", () => first.status === "active");
  const second = ann.call(bob.number);
  await until("refused", () => second.status === "ended");
  assert.equal(second.end?.cause, "busy");
});

test("texts go outside of calls too", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  const got: IncomingText[] = [];
  bob.on("message", (text) => got.push(text));
  assert.deepEqual(await ann.sendMessage(bob.number, "hi"), { id: "p1", sequence: null });
  await until("it came", () => got.length === 1);
  assert.equal(got[0]?.number, ann.number);
  await assert.rejects(ann.sendMessage("nobody", "hi"), { code: "refused", status: 404 });
});

test("a reload of the same page gets number and call back, by Replaces and the token", async () => {
  const { ann, bob, a, b } = await pair();
  const { number } = ann;
  await until("remembered", () => sessionStorage.getItem("parley.webphone")?.includes("tok"));
  const kept = sessionStorage.getItem("parley.webphone")!;
  const data = JSON.parse(kept) as { number: string; calls: unknown[] };
  sessionStorage.setItem("parley.webphone", data.number === number ? kept : JSON.stringify({ ...data, ...savedOf(ann) }));
  const mine = server.clients.get(number)!.socket!;
  // The page is gone: its socket closes, and nothing of it runs any more.
  mine.close();
  browser.reloaded = true;
  forgetTaken();
  const again = new Webphone({ host: "pbx.test:7777", line: "Webphone1", displayName: "Ann" });
  const resumed = new Promise<Call>((done) => again.once("callResumed", done));
  await again.connect();
  assert.equal(again.number, number);
  const call = await resumed;
  assert.equal(call.number, bob.number);
  const got: string[] = [];
  b.on("message", ({ text }) => got.push(text));
  await call.sendMessage("back again");
  await until("the text came", () => got.includes("back again"));
  assert.equal(b.status, "active");
  void a;
});

test("a call without the microphone stays so over a reload and a choice of device; it opens and closes when asked", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  bob.on("call", (call) => call.accept({ audio: false }));
  const text = ann.call(bob.number, { audio: false });
  await until("up", () => text.status === "active");
  await ann.chooseDevice("microphone", "mic1");
  assert.deepEqual([browser.asked, text.hasMicrophone], [0, false]);
  await text.setMicrophone();
  text.mute();
  assert.deepEqual([browser.asked, text.hasMicrophone], [1, true]);
  const voice = text.saved();
  assert.deepEqual([voice?.audio, voice?.muted], [true, true]);
  text.stopMicrophone();
  assert.equal(text.hasMicrophone, false);
  savedOf(ann);
  server.clients.get(ann.number)!.socket!.close();
  browser.reloaded = true;
  forgetTaken();
  const again = new Webphone({ host: "pbx.test:7777", line: "Webphone1", displayName: "Ann" });
  const resumed = new Promise<Call>((done) => again.once("callResumed", done));
  await again.connect();
  const call = await resumed;
  assert.deepEqual([browser.asked, call.hasMicrophone, call.muted], [1, false, true]);
});

// In these tests all pages share one tab's storage: what this phone would have kept.
function savedOf(from: Webphone): object {
  const open = from as unknown as { remember(): void };
  open.remember();
  return JSON.parse(sessionStorage.getItem("parley.webphone")!) as object;
}

test("a duplicated tab gets a number of its own", async () => {
  const ann = await phone("Ann");
  forgetTaken();
  const copy = await phone("Ann");
  assert.notEqual(copy.number, ann.number);
});

test("after a reload the classic script gives the kept call to onIncomingCall, and accept() takes it up", async () => {
  const { ann, bob } = await pair();
  savedOf(ann);
  server.clients.get(ann.number)!.socket!.close();
  browser.reloaded = true;
  forgetTaken();
  const page = new Page("Ann");
  await page.connect();
  await until("the call is offered", () => page.calls.length === 1);
  const states: string[] = [];
  page.calls[0]!.accept();
  page.calls[0]!.onCallStateChanged((state) => states.push(state));
  await until("it is up", () => states.length === 1);
  assert.deepEqual(states, ["IN_CALL"]);
  assert.equal(page.calls[0]!.getOtherParty(), bob.number);
});

test("away for too long: calls end, a new number is taken, and the line is joined again", async () => {
  const { ann, a } = await pair();
  const { number } = ann;
  const socket = server.clients.get(number)!.socket!;
  server.forget(number);
  const changed = new Promise<string>((done) => ann.once("numberChanged", done));
  socket.cut();
  assert.notEqual(await changed, number);
  assert.equal(a.status, "ended");
  assert.equal(ann.status, "connected");
});

test("a token function is asked again when the token is about to expire, and the number stays", async () => {
  const token = (left: number): string => `eyJhbGciOiJIUzI1NiJ9.${btoa(JSON.stringify({ exp: Date.now() / 1000 + left }))}.x`;
  let asked = 0;
  const ann = await phone("Ann", { token: async () => token(++asked === 1 ? 0.2 : 3600) });
  await until("asked again", () => asked === 2);
  await until("told the server", () => server.posts.length === 2);
  assert.equal((server.posts[1] as { resume: string }).resume, `r-${ann.number}`);
});

test("a token that nobody renews is announced", async () => {
  const ann = await phone("Ann", { token: `eyJhbGciOiJIUzI1NiJ9.${btoa(JSON.stringify({ exp: Date.now() / 1000 + 0.3 }))}.x` });
  const at = await new Promise<Date>((done) => ann.once("tokenExpiring", done));
  assert.ok(at instanceof Date);
});

test("supervisors get sessions, and the helper answers from the directory by the time of ACCESS_GRANTED", async () => {
  server.may = ["supervise"];
  server.answers = {
    directory: { extensions: [{ id: "1500", type: "SIP" }], outsideLines: [{ id: "9", type: "Trunk" }], users: [{ id: "u1", fullName: "Ann B", extensions: ["1500"] }] },
    user: { id: "u1", fullName: "Ann B" }, history: [{ caller: "1500" }],
  };
  const page = new Page("Ann");
  const seen: string[] = [];
  page.client.onConnectionStateChanged(() => seen.push(String(page.client.helper.getUserByExtension("1500")?.fullName)));
  page.client.onUserInfoReceived((user) => seen.push(user.id));
  page.client.onCallHistoryInfoReceived((records) => seen.push(JSON.stringify(records)));
  page.client.connect("pbx.test:7777", "Webphone1", "Ann");
  await until("granted", () => seen.length === 2);
  page.client.getCallHistory();
  await until("history", () => seen.length === 3);
  assert.deepEqual(seen, ["Ann B", "u1", '[{"caller":"1500"}]']);
  const { helper } = page.client;
  assert.equal(helper.getUserById("nobody"), null);
  assert.deepEqual(Object.keys(helper.getExtensionsByType("SIP")), ["1500"]);
  const directory = (page.client as unknown as { directory_: { apply(body: string): void } }).directory_;
  const events: string[] = [];
  page.client.onSessionCreated((session) => {
    events.push(`created ${session.sessionId}`);
    session.onSessionStateChanged((state) => events.push(state));
  });
  page.client.onSessionClosed((session) => events.push(`closed ${session.sessionId}`));
  directory.apply('{"full":true,"sessions":[{"sessionId":"s1","caller":"1500","callee":"9","sessionState":"RINGING"}]}');
  await until("created", () => events.length === 1);
  helper.getActiveSessionById("s1")?.blindTransfer("1500", "1700");
  await until("asked", () => server.posts.some((each) => each["path"] === "sessions/s1/blindTransfer"));
  directory.apply('{"sessions":[{"sessionId":"s1","sessionState":"IN_CALL"}]}');
  directory.apply('{"sessions":[{"sessionId":"s1","sessionState":"COMPLETED","closed":true}]}');
  await until("closed", () => events.includes("closed s1"));
  assert.deepEqual(events, ["created s1", "IN_CALL", "COMPLETED", "closed s1"].filter((each) => events.includes(each)));
});

test("the roster asks for the whole after a gap, and takes nothing twice", () => {
  const roster = new ClientRoster();
  const client = (phoneNumber: string, status = "ONLINE"): object => ({ phoneNumber, displayName: phoneNumber, status, properties: {} });
  const apply = (version: number, full: boolean, ...clients: object[]): ReturnType<ClientRoster["apply"]> =>
    roster.apply(JSON.stringify({ version, full, clients }), "me");
  assert.equal(apply(1, false, client("a")).gap, true);
  assert.deepEqual(apply(4, true, client("a"), client("me")).changes.map((each) => each.kind), ["online"]);
  assert.equal(apply(6, false, client("b")).gap, true);
  assert.deepEqual(apply(5, false, client("a")).changes, []);
  assert.deepEqual(apply(9, true, client("b")).changes.map((each) => `${each.kind} ${each.client.phoneNumber}`), ["offline a", "online b"]);
  assert.equal(roster.apply("{", "me").gap, true);
});
