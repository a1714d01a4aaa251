// The calls of others, queues, and what signed-in pages ask by HTTP.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call, CallRecord, LiveSession, QueueNews } from "../src/index.ts";
import { Webphone } from "../src/webphone.ts";
import { header } from "./fake_server.ts";
import { pause, server, until } from "./support.ts";

const connect = (name: string): Promise<Webphone> =>
  Webphone.connect({ host: "pbx.test:7777", line: "Webphone1", displayName: name, resume: false });
const waiting = { sessionId: "s1", sessionState: "Waiting", caller: "Qx1", callerName: "Vi", callee: "support", calleeName: "support", started: "2026-01-02T03:04:05Z",
                  queue: "support", take: "take~abc" };
const ringing = { sessionId: "s2", sessionState: "Ringing", caller: "1500", callee: "1600", callerName: "A", calleeName: "B", started: "2026-01-02T03:04:04Z" };

async function following(): Promise<{ phone: Webphone; told: string[]; sessions: ReturnType<Webphone["followSessions"]> }> {
  server.may = ["message", "internal", "supervise"];
  const phone = await connect("Agent");
  const sessions = phone.followSessions();
  const told: string[] = [];
  for (const name of ["created", "changed", "closed"] as const) sessions.on(name, (each: LiveSession) => told.push(`${name} ${each.sessionId} ${each.sessionState}`));
  await until("subscribed", () => server.sessionWatchers.length === 1);
  return { phone, told, sessions };
}

test("sessions: the whole first, then changes; the oldest waits at the front", async () => {
  const { phone, told, sessions } = await following();
  assert.equal(phone.followSessions(), sessions, "one for each webphone");
  server.tellSessions({ version: 1, full: true, sessions: [ringing, waiting] });
  await until("ready", () => sessions.ready);
  server.tellSessions({ version: 2, full: false, sessions: [{ ...ringing, sessionState: "InCall" }] });
  server.tellSessions({ version: 3, full: false, sessions: [{ ...waiting, sessionState: "InCall", closed: true }] });
  await until("told", () => told.length === 4);
  assert.deepEqual(told, ["created s2 Ringing", "created s1 Waiting", "changed s2 InCall", "closed s1 InCall"]);
  assert.deepEqual(sessions.list.map((each) => each.sessionId), ["s2"]);
  assert.equal(sessions.find("s2")?.started.getTime(), Date.parse("2026-01-02T03:04:04Z"));
  phone.disconnect();
});

test("sessions: callers of the same second wait in the order of their turns", async () => {
  const { phone, sessions } = await following();
  const at = (id: string, millis: string): object => ({ ...waiting, sessionId: id, started: `2026-01-02T03:04:05.${millis}Z` });
  server.tellSessions({ version: 1, full: true, sessions: [at("b", "700"), at("x", "900"), at("a", "123")] });
  await until("ready", () => sessions.ready);
  server.tellSessions({ version: 2, full: false, sessions: [at("c", "900"), { ...at("b", "700"), callerName: "Vo" }] });
  await until("told", () => sessions.list.length === 4);
  assert.deepEqual(sessions.waiting.map((each) => each.sessionId), ["a", "b", "x", "c"]);
  phone.disconnect();
});

test("sessions: a change that was missed has the whole asked for", async () => {
  const { phone, told, sessions } = await following();
  server.tellSessions({ version: 1, full: true, sessions: [] });
  await until("ready", () => sessions.ready);
  const before = server.sent("SUBSCRIBE").length;
  server.tellSessions({ version: 3, full: false, sessions: [ringing] });
  await until("asked anew", () => server.sent("SUBSCRIBE").length > before);
  assert.deepEqual(told, []);
  phone.disconnect();
});

test("sessions: they survive a new connection, and what ended meanwhile is closed", async () => {
  const { phone, told, sessions } = await following();
  server.tellSessions({ version: 9, full: true, sessions: [ringing, waiting] });
  await until("ready", () => sessions.ready);
  for (const socket of [...server.sockets]) socket.cut();
  await until("back", () => phone.status === "connected" && server.sessionWatchers.length === 2, 15_000);
  server.tellSessions({ version: 1, full: true, sessions: [waiting] });
  await until("closed", () => told.includes("closed s2 Completed"));
  assert.deepEqual(sessions.waiting.map((each) => each.callerName), ["Vi"]);
  phone.disconnect();
});

test("an agent takes a waiting call by its number, which no page shows", async () => {
  const { phone, sessions } = await following();
  server.fixed["take~abc"] = 410;
  server.tellSessions({ version: 1, full: true, sessions: [waiting, ringing] });
  await until("ready", () => sessions.ready);
  assert.throws(() => phone.takeFromQueue(sessions.find("s2")!), { code: "not-allowed" });
  const call = phone.takeFromQueue(sessions.waiting[0]!);
  assert.equal(call.number, "Qx1");
  assert.equal(call.displayName, "Vi");
  await until("ended", () => call.end !== null);
  assert.equal(call.end?.status, 410);
  assert.match(server.sent("INVITE").at(-1)!.first, /sip:take~abc@/);
  phone.disconnect();
});

test("a caller in a queue is told its place, and who takes the call", async () => {
  const vi = await connect("Vi");
  const agent = await connect("Agent");
  agent.on("call", (call: Call) => call.accept());
  const call = vi.call(agent.number);
  await until("up", () => call.status === "active");
  const news: QueueNews[] = [];
  call.on("queue", (each) => news.push(each));
  const leg = server.legs.find((each) => each.invite !== null)!;
  const say = (body: string): unknown => server.request("MESSAGE", leg, ["Content-Type: application/vnd.parley.queue+json"], body);
  say('{"type":"waiting","queue":"support","position":2}');
  await until("waiting", () => news.length === 1);
  assert.deepEqual(call.queue, { type: "waiting", queue: "support", position: 2, agent: null });
  say('{"type":"taken","queue":"support","number":"1500","displayName":"Ann"}');
  await until("taken", () => news.length === 2);
  assert.deepEqual(call.queue, { type: "taken", queue: "support", position: null, agent: { number: "1500", displayName: "Ann" } });
  say('{"type":"waiting","position":"soon"}');
  await pause(20);
  assert.equal(news.length, 2);
  assert.match(header(server.sent("INVITE")[0]!, "accept"), /vnd\.parley\.queue\+json/);
  vi.disconnect();
  agent.disconnect();
});

test("a supervisor listens: the server calls, and the call is taken by itself", async () => {
  const { phone, sessions } = await following();
  const others: Call[] = [];
  phone.on("call", (call) => others.push(call));
  const listening = sessions.listen("s2");
  await until("asked", () => server.posts.some((each) => each["path"] === "sessions/s2/startListen"));
  const caller = await connect("Server");
  const call = caller.createCall(phone.number);
  call.start({ extraHeaders: ["Parley-Listen: s2"] });
  const heard = await listening.catch((error: Error) => error);
  assert.ok(!(heard instanceof Error), String(heard));
  assert.equal(heard.listensTo, "s2");
  await until("taken", () => heard.status === "active");
  assert.deepEqual(others, []);
  await assert.doesNotReject(sessions.transfer("s2", "1500", "1700"));
  assert.deepEqual(server.posts.at(-1), { path: "sessions/s2/blindTransfer", transferor: "1500", phoneNumber: "1700" });
  const acts: [Promise<void>, object][] = [
    [sessions.stopListening("s2"), { path: "sessions/s2/stopListen" }],
    [sessions.hold("s2"), { path: "sessions/s2/hold" }],
    [sessions.unhold("s2"), { path: "sessions/s2/unhold" }],
    [sessions.forward("s2", "1700"), { path: "sessions/s2/forward", phoneNumber: "1700" }],
    [sessions.sendDtmf("s2", "5#", "1500"), { path: "sessions/s2/sendDtmf", key: "5#", phoneNumber: "1500" }],
    [sessions.hangUp("s2"), { path: "sessions/s2/hangup" }],
  ];
  for (const [done, wanted] of acts) {
    await assert.doesNotReject(done);
    assert.ok(server.posts.some((each) => JSON.stringify(each) === JSON.stringify(wanted)), JSON.stringify(wanted));
  }
  phone.disconnect();
  caller.disconnect();
});

test("history and phone book are asked for by HTTP", async () => {
  const phone = await connect("Ann");
  server.answers["history"] = [{ id: "r1", caller: "1500", state: "Completed" }];
  server.answers["history?extension=16%2B0"] = [];
  server.answers["directory"] = { extensions: [{ id: "1500", type: "SIP", displayName: "Ann", online: true }], outsideLines: [], users: [] };
  assert.deepEqual((await phone.history()).map((each: CallRecord) => each.id), ["r1"]);
  assert.deepEqual(await phone.history("16+0"), []);
  assert.equal((await phone.phoneBook()).extensions[0]?.id, "1500");
  delete server.answers["history"];
  await assert.rejects(phone.history(), { code: "refused", status: 404 });
  phone.disconnect();
});
