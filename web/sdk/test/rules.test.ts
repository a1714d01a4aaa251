// The rules that published programs force on the classic script, each by its number in the specification.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { patientTimer } from "../../shared/patience.ts";
import { OzCamera } from "../src/classic/oz_camera.ts";
import { CallType } from "../src/classic/states.ts";
import { browser, FakePeer } from "./fake_browser.ts";
import { header } from "./fake_server.ts";
import { inCall, Page, pages, pause, server, until, watch } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));   // JsSIP keeps timers of minutes

const texts = (): string[] => server.sent("MESSAGE").map((each) => each.body);

test("facts: the connection's state is an object that equals its name", async () => {
  const page = new Page("Ann");
  let seen: unknown = null;
  page.client.onConnectionStateChanged((state) => { seen = state; });
  page.client.connect("pbx.test:7777", "Webphone1", "Ann");
  await until("granted", () => seen !== null);
  assert.ok((seen as string) == "ACCESS_GRANTED");
  assert.equal((seen as { State: string }).State, "ACCESS_GRANTED");
  assert.equal(page.client.checkWebPhoneState().State, "ACCESS_GRANTED");
});

test("facts: refused access, no server, and disconnect() have their states", async () => {
  server.refusal = { status: 403, body: { title: "Forbidden", detail: "The token expired" } };
  const denied = await new Page("Ann").connect();
  assert.deepEqual(denied.states, ["ACCESS_DENIED"]);
  await until("the reason", () => denied.errors.length > 0);
  assert.match(denied.errors[0]?.message ?? "", /token expired/);
  server.refusal = null;
  server.up = false;
  const failed = await new Page("Bob").connect();
  assert.deepEqual(failed.states, ["CONNECTION_FAILED"]);
  server.up = true;
  const page = await new Page("Cy").connect();
  page.client.disconnect();
  await until("closed", () => page.states.length === 2);
  assert.deepEqual(page.states, ["ACCESS_GRANTED", "CONNECTION_CLOSED"]);
});

test("facts: properties are shown flattened with their keys' case, the password never; number and status win", async () => {
  const watcher = await new Page("Watcher").connect();
  const page = new Page("Ann");
  await page.connect({ displayName: "Ann", Email: "a@example.org", phoneNumber: "999", status: "busy", Password: "secret" });
  await until("Ann is seen", () => watcher.clients.length === 1);
  const { phoneNumber, status, displayName, ...rest } = watcher.clients[0] as Record<string, unknown>;
  assert.equal(phoneNumber, page.number);
  assert.equal(status, "ONLINE");
  assert.equal(displayName, "Ann");
  assert.deepEqual(rest, { Email: "a@example.org" });
  const asked = server.posts.at(-1) as { password: string; who: object };
  assert.equal(asked.password, "secret");
  assert.ok(!("Password" in asked.who));
});

test("facts: one ONLINE for each client that is there, never one about oneself, OFFLINE at once at disconnect()", async () => {
  const [ann, bob, cy] = (await pages("Ann", "Bob", "Cy")) as [Page, Page, Page];
  assert.deepEqual(cy.clients.map((each) => each.displayName).sort(), ["Ann", "Bob"]);
  assert.ok(!ann.clients.some((each) => each.phoneNumber === ann.number));
  bob.client.disconnect();
  await until("Bob is gone", () => ann.clients.some((each) => each.status === "OFFLINE"));
  assert.equal(ann.clients.at(-1)?.displayName, "Bob");
});

test("facts: an unknown number is NOT_FOUND with no RINGING before; busy, refused and absent have their states", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  server.fixed = { "486": 486, "480": 480, "410": 410, "600": 600 };
  for (const [number, state] of [["nobody", "NOT_FOUND"], ["480", "NOT_FOUND"], ["410", "NOT_FOUND"], ["486", "BUSY"], ["600", "BUSY"]]) {
    const call = ann.client.createCall(number as string);
    const seen = watch(call);
    call.start();
    await until(`${number} ends`, () => seen.states.length > 0);
    assert.deepEqual(seen.states, [state]);
    assert.equal(call.getCallState(), state);
    call.hangUp();
  }
  const seen = watch(ann.client.createCall(bob.number));
  seen.call.start();
  await until("it rings", () => bob.calls.length > 0);
  bob.calls[0]?.reject();
  await until("it is refused", () => seen.states.includes("REJECTED"));
  assert.deepEqual(seen.states, ["RINGING", "REJECTED"]);
});

test("facts: getOtherParty() is the number, and a call without a number goes where the line says", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  server.defaultTarget = bob.number;
  const call = ann.client.createCall("");
  call.start();
  await until("Bob is called", () => bob.calls.length > 0);
  assert.equal(bob.calls[0]?.getOtherParty(), ann.number);
  assert.equal(ann.client.createCall(bob.number).getOtherParty(), bob.number);
});

test("facts: forward while ringing is a 302, transfer a REFER", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  ann.client.createCall(bob.number).start();
  await until("it rings", () => bob.calls.length > 0);
  bob.calls[0]?.forward("1500");
  await until("the answer", () => server.log.some((each) => each.status === 302));
  assert.match(header(server.log.find((each) => each.status === 302)!, "contact"), /<sip:1500@pbx\.test>/);
  const [a] = await inCall(ann, bob);
  a.call.transfer("1600");
  await until("REFER", () => server.sent("REFER").length > 0);
  assert.match(header(server.sent("REFER")[0]!, "refer-to"), /<sip:1600@pbx\.test>/);
  await until("the call is over", () => a.states.includes("COMPLETED"));
});

test("rule 1: events are asynchronous, and a handler registered again replaces the old one", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const call = ann.client.createCall(bob.number);
  call.start();
  const first: string[] = [];
  const second: string[] = [];
  call.onCallStateChanged((state) => first.push(state));
  call.onCallStateChanged((state) => second.push(state));
  await until("it rings", () => second.includes("RINGING") && bob.calls.length > 0);
  assert.deepEqual(first, []);
  const incoming = bob.calls[0]!;
  incoming.accept();
  await until("it is up", () => second.includes("IN_CALL"));
  await pause(20);
  const late: string[] = [];
  incoming.onCallStateChanged((state) => late.push(state));   // in a later task
  await until("the state waited", () => late.length > 0);
  assert.deepEqual(late, ["IN_CALL"]);
});

test("rules 2 and 3: accept() then sendMessage() at once works, and IN_CALL comes before the first message", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const order: string[] = [];
  const call = ann.client.createCall(bob.number);
  call.start();
  call.onCallStateChanged((state) => {
    order.push(state);
    if (state === "IN_CALL") call.onMessageReceived((text) => order.push(text));
  });
  await until("it rings", () => bob.calls.length > 0);
  bob.calls[0]!.accept();
  bob.calls[0]!.sendMessage("first");
  bob.calls[0]!.sendMessage("second");
  await until("the texts are there", () => order.length === 4);
  assert.deepEqual(order, ["RINGING", "IN_CALL", "first", "second"]);
  assert.match(header(server.sent("MESSAGE")[0]!, "content-type"), /^text\/html;\s*charset=utf-8$/);
});

test("rule 3: messages wait until there is a handler", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const a = ann.client.createCall(bob.number);
  a.start();
  await until("it rings", () => bob.calls.length > 0);
  bob.calls[0]!.accept();
  bob.calls[0]!.sendMessage("early");
  await until("it was sent", () => texts().includes("early"));
  await pause(50);
  const got: string[] = [];
  a.onMessageReceived((text) => got.push(text));
  await until("it waited", () => got.length === 1);
});

test("rule 3: a message that overtakes the ACK waits for IN_CALL", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  server.beforeAck = "too early";
  ann.client.createCall(bob.number).start();
  await until("it rings", () => bob.calls.length > 0);
  const order: string[] = [];
  const call = bob.calls[0]!;
  call.accept();
  call.onCallStateChanged((state) => order.push(state));
  call.onMessageReceived((text) => order.push(text));
  await until("both came", () => order.length === 2);
  assert.deepEqual(order, ["IN_CALL", "too early"]);
});

test("rule 4: hangUp() delivers no COMPLETED to the program that called it, and the other side gets one", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  a.call.hangUp();
  assert.equal(a.call.getCallState(), "COMPLETED");
  await until("Bob knows", () => b.states.includes("COMPLETED"));
  await pause(30);
  assert.deepEqual(a.states, ["RINGING", "IN_CALL"]);
  a.call.hangUp();   // does nothing
  const ringing = ann.client.createCall(bob.number);
  const seen = watch(ringing);
  ringing.start();
  await until("it rings", () => seen.states.length === 1);
  ringing.hangUp();
  await pause(50);
  assert.deepEqual(seen.states, ["RINGING"]);
});

test("rule 4: the seed's shared handler does not end the new call one second after the old one", async () => {
  const [ann, bob, cy] = (await pages("Ann", "Bob", "Cy")) as [Page, Page, Page];
  let mine: ReturnType<typeof ann.client.createCall> | null = null;
  const handler = (state: string): void => {
    if (state !== "RINGING" && state !== "IN_CALL" && state !== "HOLD") setTimeout(() => mine?.hangUp(), 100);
  };
  const begin = async (to: Page): Promise<void> => {
    mine?.hangUp();
    mine = ann.client.createCall(to.number);
    mine.start();
    mine.onCallStateChanged(handler);
    await until("it rings", () => to.calls.length > 0);
    to.calls[0]!.accept();
    await until("it is up", () => mine?.getCallState() === "IN_CALL");
  };
  await begin(bob);
  await begin(cy);
  await pause(300);
  assert.equal(mine!.getCallState(), "IN_CALL");
});

test("rule 5: a client in a call can hold it and accept another", async () => {
  const [ann, bob, cy] = (await pages("Ann", "Bob", "Cy")) as [Page, Page, Page];
  const [a, b] = await inCall(ann, bob);
  const c = watch(cy.client.createCall(bob.number));
  c.call.start();
  await until("Bob is offered a second call", () => bob.calls.length === 2);
  b.call.hold();
  const second = watch(bob.calls[1]!);
  bob.calls[1]!.accept();
  await until("the second is up", () => second.states.includes("IN_CALL"));
  await until("the first is held", () => a.states.includes("HOLD") && b.states.includes("HOLD"));
  second.call.hangUp();
  b.call.unHold();
  await until("the first is back", () => a.states.at(-1) === "IN_CALL" && b.states.at(-1) === "IN_CALL");
});

test("rule 5: an incoming call is announced in a later task than its 180, and not when the caller gave up meanwhile", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  let rang = false;
  bob.client.onIncomingCall(() => { rang = server.log.some((each) => each.status === 180); });
  ann.client.createCall(bob.number).start();
  await until("announced after the 180 was sent", () => rang);
});

test("rule 5: an answer that lies waiting while the page is blocked is not given up", async () => {
  const { default: timers } = await import("jssip/lib/Timers.js");
  await pages("Ann");
  for (const name of ["TIMER_B", "TIMER_F", "TIMER_H"]) assert.ok((timers as Record<string, number>)[name]! >= 300_000, name);
});

test("rule 5: time in which the page stands still does not count as waiting", async () => {
  let fired = false;
  const stop = patientTimer(300, () => { fired = true; }, 50);
  const end = Date.now() + 400;
  while (Date.now() < end);   // as in confirm()
  await pause(60);
  assert.equal(fired, false);
  await until("it comes all the same", () => fired);
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a] = await inCall(ann, bob);
  a.call.sendMessage("after standing still");
  const blocked = Date.now() + 1500;
  while (Date.now() < blocked);
  a.call.hold();
  await until("held", () => a.states.includes("HOLD"));
  stop();
});

test("rule 5: no session timer, and an incoming call rings as long as it takes", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  await inCall(ann, bob);
  for (const invite of server.sent("INVITE")) assert.equal(header(invite, "session-expires"), "");
});

test("rule 6: HOLD at both ends, text flows while held, IN_CALL again after unHold()", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  a.call.hold();
  await until("both hold", () => a.states.at(-1) === "HOLD" && b.states.at(-1) === "HOLD");
  const [peer] = FakePeer.all;
  assert.equal(peer?.lines[0]?.direction, "sendonly");
  assert.equal(peer?.lines[0]?.sender.track, null, "nothing is sent while held");
  b.call.sendMessage("still there?");
  await until("text while held", () => a.messages.includes("still there?"));
  a.call.unHold();
  await until("both are back", () => a.states.at(-1) === "IN_CALL" && b.states.at(-1) === "IN_CALL");
  assert.notEqual(peer?.lines[0]?.sender.track, null);
});

test("rule 6: a caller who gives up: the callee sees COMPLETED", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const call = ann.client.createCall(bob.number);
  call.start();
  await until("it rings", () => bob.calls.length > 0);
  const seen = watch(bob.calls[0]!);
  call.hangUp();
  await until("Bob knows", () => seen.states.length > 0);
  assert.deepEqual(seen.states, ["COMPLETED"]);
});

test("rule 7: objects given to onClientStateChanged are fresh and writable", async () => {
  const [ann] = (await pages("Ann", "Bob")) as [Page, Page];
  const info = ann.clients[0]!;
  const { phoneNumber } = info;
  info.phoneNumber = "inactive";
  info["mine"] = true;
  server.offline(phoneNumber);
  await until("OFFLINE", () => ann.clients.length === 2);
  assert.notEqual(ann.clients[1], info);
  assert.equal(ann.clients[1]?.phoneNumber, phoneNumber);
  assert.ok(!("mine" in ann.clients[1]!));
});

test("rule 8: text goes through unchanged, HTML, quotes, line breaks and all", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  const all = ['<font color="blue">ünï & "x" \u{1F600}</font>', "a\r\n\r\nb\nc", " leading and trailing ", "<script>alert(1)</script>"];
  for (const text of all) a.call.sendMessage(text);
  await until("all are there", () => b.messages.length === all.length);
  assert.deepEqual(b.messages, all);
});

for (const microphone of ["refused", "never answered", "no devices"] as const) {
  test(`rule 9: text works when the microphone is ${microphone}`, async () => {
    browser.microphone = microphone;
    const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
    const [a, b] = await inCall(ann, bob);
    a.call.sendMessage("hello");
    await until("the text is there", () => b.messages.includes("hello"));
    if (microphone !== "never answered") assert.ok(ann.errors.some((each) => each.code === "media-refused"));
  });
}

test("rule 9: the microphone joins when it is allowed, with no new offer", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  await inCall(ann, bob);
  await until("the track is on its line", () => FakePeer.all.every((peer) => peer.lines[0]?.sender.track != null));
  assert.equal(server.sent("INVITE").length, 1);
  assert.ok(FakePeer.all.every((peer) => peer.lines[0]?.currentDirection === "sendrecv"));
});

test("rule 10: every connect() gets a new number", async () => {
  const page = await new Page("Ann").connect();
  const { number } = page;
  page.client.disconnect();
  await until("closed", () => page.states.length === 2);
  await page.connect();
  await until("granted again", () => page.states.length === 3);
  assert.notEqual(page.number, number);
  assert.equal((server.posts.at(-1) as { resume?: string }).resume, undefined);
});

test("rule 10: after a change of network the number is kept, the call re-INVITEs with its token, and text goes on", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  const socket = [...server.clients.values()].find((each) => each.displayName === "Ann")!.socket!;
  socket.cut();
  a.call.sendMessage("sent while away");
  await until("the text came through", () => b.messages.includes("sent while away"), 8000);
  const again = server.sent("INVITE").at(-1)!;
  assert.match(header(again, "parley-resume"), /^tok\d+$/);
  assert.equal(FakePeer.all[0]?.restarts, 1);
  assert.deepEqual(a.states, ["RINGING", "IN_CALL"]);
  assert.deepEqual(ann.states, ["ACCESS_GRANTED"]);
  assert.equal(server.posts.filter((each) => "who" in each).length, 2);
  assert.ok(!bob.clients.some((each) => each.status === "OFFLINE"));
});

test("rule 10: a text that was on its way when the connection broke goes again, in its place", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  server.cutAt = "lost";
  for (const text of ["before", "lost", "after"]) a.call.sendMessage(text);
  await until("all came", () => b.messages.length === 3, 8000);
  assert.deepEqual(b.messages, ["before", "lost", "after"]);
  const [first, second] = server.sent("MESSAGE").filter((each) => each.body === "lost");
  assert.equal(header(first!, "parley-client-message"), header(second!, "parley-client-message"));
});

test("rule 10: nobody is listed twice when the roster is told anew", async () => {
  const [ann] = (await pages("Ann", "Bob", "Cy")) as [Page, Page, Page];
  const me = [...server.clients.values()].find((each) => each.displayName === "Ann")!;
  const subscriptions = server.sent("SUBSCRIBE").length;
  me.socket!.cut();
  server.forget([...server.clients.values()].find((each) => each.displayName === "Cy")!.number);
  await until("subscribed again", () => server.sent("SUBSCRIBE").length > subscriptions, 8000);
  await until("Cy's leaving is told", () => ann.clients.some((each) => each.displayName === "Cy" && each.status === "OFFLINE"));
  await pause(30);
  assert.equal(ann.clients.filter((each) => each.status === "ONLINE").length, 2);
});

test("rule 11: an extension signs in by number and password", async () => {
  const page = new Page("1500");
  page.client.connect("pbx.test", "1500", { displayName: "Desk", Password: "pw" });
  await until("asked", () => server.posts.length > 0);
  const { line, password } = server.posts[0] as { line: string; password: string };
  assert.deepEqual([line, password], ["1500", "pw"]);
});

test("rule 11: a token in place of a line is sent as a token", async () => {
  const page = new Page("Ann");
  page.client.connect("pbx.test:7777", "eyJhbGciOiJIUzI1NiJ9.eyJsaW5lIjoiVyJ9.c2ln", "Ann");
  await until("asked", () => server.posts.length > 0);
  const { line, token } = server.posts[0] as { line: string; token: string };
  assert.deepEqual([line, token], ["", "eyJhbGciOiJIUzI1NiJ9.eyJsaW5lIjoiVyJ9.c2ln"]);
});

test("what a method is of no use for it leaves as it is: a call that is up is not refused, taken again, nor silenced", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [a, b] = await inCall(ann, bob);
  for (const { call } of [a, b]) {
    call.start();
    call.accept();
    call.reject();
    call.forward(ann.number);
  }
  a.call.hold();
  await until("held", () => a.states.includes("HOLD") && b.states.includes("HOLD"));
  b.call.hangUp();
  await until("the end", () => a.states.at(-1) === "COMPLETED");
  assert.deepEqual([ann.errors, bob.errors], [[], []]);
});

test("a camera that is attached right after accept() is sent", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const call = ann.client.createCall(bob.number, CallType.VIDEO);
  bob.client.onIncomingCall((incoming) => {
    incoming.accept();
    incoming.attachCamera(OzCamera.getCameraByName());
  });
  call.start();
  await until("up", () => call.getCallState() === "IN_CALL");
  await until("a camera", () => FakePeer.all[1]?.lines[1]?.sender.track?.kind === "video");
  assert.equal(FakePeer.all[1]?.lines.length, 2);
});

test("connecting again is granted again, and the first connection is left without a word", async () => {
  const [ann, bob] = (await pages("Ann", "Bob")) as [Page, Page];
  const [, b] = await inCall(ann, bob);
  await ann.connect();
  await until("granted", () => ann.states.length === 2);
  assert.deepEqual(ann.states, ["ACCESS_GRANTED", "ACCESS_GRANTED"]);
  await until("the call's end", () => b.states.at(-1) === "COMPLETED");
});
