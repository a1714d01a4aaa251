import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../sdk/src/index.ts";
import { add, follows, kMostEntries, type Log, preview, settle, type TextEntry, unsettled, withoutOrder } from "../livechat/src/log.ts";
import { mediaNotice, readMediaNotice, kMediaType } from "../livechat/src/media_notice.ts";
import { bounded, readTab, type SavedChat } from "../livechat/src/memory.ts";
import { inOrder, search } from "../livechat/src/people.ts";
import { Requests } from "../livechat/src/requests.ts";
import type { Request } from "../livechat/src/types.ts";
import { connectProblem, endText, isolated, sendError, titleOf, typingText } from "../livechat/src/words.ts";

const said = (key: string, more: Partial<TextEntry> = {}): TextEntry => ({
  kind: "text", key, mine: false, participant: null, name: "Ann", text: key, at: 0, sequence: null, messageId: null, delivery: "sent", error: null, ...more,
});
const keys = (log: Log): string => log.map((each) => each.key).join();

test("texts of a room stand in the server's order, others as they came", () => {
  let log: Log = [];
  for (const entry of [said("a", { sequence: 1 }), said("c", { sequence: 3 }), said("x"), said("b", { sequence: 2 })]) log = add(log, entry);
  assert.equal(keys(log), "a,b,c,x");
  log = add(log, said("mine", { mine: true, delivery: "sending" }));
  log = settle(log, "mine", { delivery: "sent", sequence: 1.5 });
  assert.equal(keys(log), "a,mine,b,c,x");
  assert.equal(keys(add(withoutOrder(log), said("new", { sequence: 1 }))), "a,mine,b,c,x,new");
});

test("a text that comes twice is shown once, and a log has an end", () => {
  let log = add([], said("a", { messageId: "1" }));
  assert.equal(add(log, said("b", { messageId: "1" })), log);
  for (let i = 0; i < kMostEntries + 50; i++) log = add(log, said(`t${i}`));
  assert.equal(log.length, kMostEntries);
  assert.equal(log.at(-1)?.key, `t${kMostEntries + 49}`);
});

test("what was on its way when the page was closed has failed, and one head serves texts that come close", () => {
  const log = unsettled([said("a", { mine: true, delivery: "sending" }), said("b")]);
  assert.deepEqual(log.map((each) => each.kind === "text" && each.delivery), ["failed", "sent"]);
  const talk: Log = [said("a"), said("b", { at: 60_000 }), said("c", { at: 900_000 }), { kind: "notice", key: "n", text: "left", at: 900_000 }, said("d", { at: 900_001 })];
  assert.deepEqual(talk.map((_, at) => follows(talk, at)), [false, true, false, false, false]);
  assert.equal(preview([said("x", { mine: true, text: "a\n\nb" }), { kind: "notice", key: "n", text: "left", at: 0 }]), "You: a b");
});

test("people are in order, twins are told apart, and search needs no accents", () => {
  const list = inOrder([{ number: "b2", name: "Zoë" }, { number: "a1", name: "anna" }, { number: "c3", name: "Anna" }, { number: "d4", name: "Ben 10" }, { number: "e5", name: "Ben 9" }]);
  assert.deepEqual(list.map((each) => each.number), ["a1", "c3", "e5", "d4", "b2"]);
  assert.deepEqual(list.map((each) => each.twin), [true, true, false, false, false]);
  const found = (query: string): string => search(list, query).map((each) => each.number).join();
  assert.deepEqual([found("ZOE"), found("ben 1"), found("10 ben"), found("c3"), found("  "), found("nobody")], ["b2", "d4", "d4", "c3", "a1,c3,e5,d4,b2", ""]);
});

const chat = (number: string, log: Log = []): SavedChat => ({ kind: "private", number, name: number, log, draft: "", unread: 0, voice: false, held: false });

test("what is kept over a reload is bounded, the newest first", () => {
  const long = Array.from({ length: 500 }, (_, i) => said(`k${i}`));
  assert.equal(bounded([chat("a", long)])[0]?.log.length, 200);
  assert.equal(bounded([chat("a", long)])[0]?.log.at(-1)?.key, "k499");
  const huge = Array.from({ length: 100 }, (_, i) => said(`h${i}`, { text: "x".repeat(60_000) }));
  const size = JSON.stringify(bounded(Array.from({ length: 80 }, (_, i) => chat(`n${i}`, huge)))).length;
  assert.ok(size < 600_000, String(size));
});

test("what storage gives back is read field by field", () => {
  const tab = { version: 1, name: "Ann", active: "b", chats: [chat("b", [said("a"), { kind: "notice", key: "n", text: "x", at: 1 }])] };
  assert.deepEqual(readTab(JSON.parse(JSON.stringify(tab)))?.chats, tab.chats);
  for (const bad of [null, 1, [], {}, { version: 2, chats: [] }, { version: 1, chats: "x" }]) assert.equal(readTab(bad), null);
  const odd = readTab({ version: 1, chats: [null, { kind: "x" }, { kind: "private", number: "b", log: [null, { key: 1 }, { kind: "text", key: "k", at: 1, delivery: "?" }] }] });
  assert.deepEqual(odd?.chats.map((each) => [each.number, each.log.length]), [["b", 0]]);
});

test("notices of devices are read with care", () => {
  assert.deepEqual(readMediaNotice(kMediaType, mediaNotice({ microphone: true, camera: false, asks: true })), { microphone: true, camera: false, asks: true });
  assert.deepEqual(readMediaNotice(kMediaType, `{"microphone":"yes"}`), { microphone: false, camera: false, asks: false });
  for (const [type, body] of [["text/plain", "{}"], [kMediaType, "{"], [kMediaType, "null"], [kMediaType, `"${"x".repeat(2000)}"`]]) {
    assert.equal(readMediaNotice(type as string, body as string), null);
  }
});

test("ends and errors are said in words", () => {
  const end = { cause: "rejected", local: false, status: 603, reason: null } as const;
  assert.equal(endText(end, "Ben", false), `${isolated("Ben")} declined your request.`);
  assert.match(endText({ ...end, cause: "hung-up" }, "Ben", true), /left the chat/);
  assert.equal(endText({ ...end, cause: "cancelled", local: true }, "Ben", false), "You withdrew your request.");
  assert.match(endText({ ...end, cause: "hung-up", reason: "Signed off" }, "Ben", true), /went offline/);
  assert.match(endText({ ...end, cause: "failed" }, "Ben", true), /connection was lost/);
  assert.match(sendError("refused", 413), /too long/);
  assert.deepEqual([connectProblem("access-denied", 403, false).password, connectProblem("access-denied", 404, false).password], [true, false]);
  assert.deepEqual([titleOf(0, null), titleOf(3, null), titleOf(300, null), titleOf(3, "Ben")],
                   ["Live chat · Parley", "(3) Live chat · Parley", "(99+) Live chat · Parley", "Ben wants to chat · Live chat"]);
  assert.equal(typingText(["A", "B", "C"]), "Several people are writing…");
});

// A call that rings, as far as requests are concerned.
class Ringing {
  did: string[] = [];
  readonly video = false;
  private ended_: ((end: { local: boolean }) => void) | null = null;
  constructor(readonly number: string) {}
  on(_name: string, listener: (end: { local: boolean }) => void): void { this.ended_ = listener; }
  reject(status = 603): void {
    this.did.push(`reject ${status}`);
    this.ended_?.({ local: true });
  }
  withdraw(): void { this.ended_?.({ local: false }); }
  get call(): Call { return this as unknown as Call; }
}

function desk(own: string, asked: string[] = []): { requests: Requests; shown: () => string; did: string[] } {
  let list: Request[] = [];
  const did: string[] = [];
  const requests = new Requests({
    ownNumber: () => own, nameOf: (call) => call.number, askedHere: (number) => asked.includes(number),
    take: (call, kind) => did.push(`take ${call.number} ${kind}`), changed: (now) => list = now, missed: (name) => did.push(`missed ${name}`),
  });
  return { requests, shown: () => list.map((each) => each.number).join(), did };
}

test("requests wait until they are accepted, refused, or taken back", () => {
  const { requests, shown, did } = desk("m");
  const [a, b, c, again] = [new Ringing("a"), new Ringing("b"), new Ringing("c"), new Ringing("a")];
  for (const each of [a, b, c, again]) requests.add(each.call);
  assert.equal(shown(), "a,b,c");
  assert.deepEqual(again.did, ["reject 486"]);
  requests.accept("q2", "voice");
  requests.refuse("q1");
  c.withdraw();
  assert.equal(shown(), "");
  assert.deepEqual([did, a.did, b.did], [["take b voice", "missed c"], ["reject 603"], []]);
  for (let i = 0; i < 30; i++) requests.add(new Ringing(`n${i}`).call);
  assert.equal(shown().split(",").length, 20);
});

test("two who ask each other at once take the same one of the two requests", () => {
  const low = desk("a", ["b"]);
  const high = desk("b", ["a"]);
  const toLow = new Ringing("b");
  low.requests.add(toLow.call);
  high.requests.add(new Ringing("a").call);
  assert.deepEqual([low.shown(), low.did, high.shown(), high.did], ["", [], "", ["take a text"]]);
  low.requests.freed("b");     // its own was refused: the other's is asked about
  assert.equal(low.shown(), "b");
});
