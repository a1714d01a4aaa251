import assert from "node:assert/strict";
import { test } from "node:test";
import { addOwn, receive, settle, type ChatEntry, type ChatLog, withoutOrder } from "../conference/src/chat_log.ts";
import { parseConferenceEvent, type ConferenceEvent } from "../shared/conference_events.ts";
import { applyEvent, change, forDisplay, type Roster } from "../shared/roster.ts";
import { mediaProblem } from "../shared/media_problem.ts";
import { tilesOf } from "../conference/src/views/tiles.ts";

const channel = (id: string, name: string, more: object = {}): object =>
  ({ id, name: `PJSIP/${name}-1`, state: "Up", caller: { name, number: "1" }, admin: false, muted: false, ...more });
const event = (type: string, ...channels: object[]): ConferenceEvent => {
  const parsed = parseConferenceEvent(JSON.stringify({ type, bridge: { id: "x", name: "room" }, channels }));
  assert.ok(parsed !== null);
  return parsed;
};

test("events that are none, or not known, are left alone", () => {
  for (const body of ["", "null", "[]", "{", '{"type":"Other"}', '{"type":7}', '"x"']) assert.equal(parseConferenceEvent(body), null);
  assert.deepEqual(parseConferenceEvent('{"type":"ConfbridgeJoin","channels":[null,7,{"id":3},{"id":""}]}')?.channels, []);
});

test("welcome, join, talking, mute and leave make the roster", () => {
  let roster: Roster = applyEvent([], event("ConfbridgeWelcome", channel("1", "Alice", { muted: true }), channel("2", "Me", { talking: true })), "2");
  assert.deepEqual(roster.map((each) => [each.name, each.self, each.muted, each.talking]),
                   [["Alice", false, true, false], ["Me", true, false, true]]);
  roster = applyEvent(roster, event("ConfbridgeJoin", channel("3", "Bo\u202eb")), "2");
  assert.equal(roster[2]?.name, "Bob");
  roster = applyEvent(roster, event("ConfbridgeTalking", channel("3", "Bob", { talking_status: "on" })), "2");
  assert.equal(roster[2]?.talking, true);
  roster = applyEvent(roster, event("ConfbridgeMute", channel("3", "Bob")), "2");
  assert.deepEqual([roster[2]?.muted, roster[2]?.talking], [true, false]);
  roster = applyEvent(roster, event("ConfbridgeUnmute", channel("1", "Alice")), "2");
  assert.equal(roster[0]?.muted, false);
  roster = applyEvent(roster, event("ConfbridgeLeave", channel("1", "Alice")), "2");
  assert.deepEqual(roster.map((each) => each.id), ["2", "3"]);
  roster = applyEvent(roster, event("ConfbridgeJoin", channel("3", "Bob")), "2");
  assert.equal(roster.length, 2, "a join told twice counts once");
});

test("a second welcome after a reconnect is the whole truth, but raised hands are kept", () => {
  let roster = applyEvent([], event("ConfbridgeWelcome", channel("1", "A"), channel("2", "B")), "9");
  roster = change(roster, "2", { hand: true });
  roster = applyEvent(roster, event("ConfbridgeWelcome", channel("2", "B"), channel("4", "D")), "9");
  assert.deepEqual(roster.map((each) => [each.id, each.hand]), [["2", true], ["4", false]]);
  assert.deepEqual(forDisplay(change(roster, "4", { self: true })).map((each) => each.id), ["4", "2"]);
});

const entry = (key: string, sequence: number | null, more: Partial<ChatEntry> = {}): ChatEntry =>
  ({ key, mine: false, participant: "1", name: "A", text: key, at: 0, sequence, messageId: null, delivery: "sent", error: null, ...more });
const keys = (log: ChatLog): string => log.map((each) => each.key).join("");

test("messages stand in the room's order on every page", () => {
  let log: ChatLog = [];
  log = receive(log, entry("a", 1));
  log = addOwn(log, entry("m", null, { mine: true, delivery: "sending" }));
  log = receive(log, entry("c", 3));
  assert.equal(keys(log), "amc");
  log = receive(log, entry("d", 4));
  log = settle(log, "m", { sequence: 2, delivery: "sent" });
  assert.equal(keys(log), "amcd");
  log = addOwn(log, entry("n", null, { mine: true }));
  log = receive(log, entry("f", 6));
  log = receive(log, entry("g", 7));
  log = settle(log, "n", { sequence: 8 });
  assert.equal(keys(log), "amcdfgn", "its own message moves to where the server put it");
});

test("chat: what is said after a restart of the server, which counts anew, comes below what was said before", () => {
  const before = receive(receive([], entry("a", 7)), entry("b", 8));
  const after = receive(withoutOrder(before), entry("c", 1));
  assert.deepEqual(after.map((each) => each.key), ["a", "b", "c"]);
  assert.equal(withoutOrder(after).every((each) => each.sequence === null), true);
});

test("a message that comes twice is shown once; a failed one keeps its place", () => {
  let log = receive([], entry("a", 1, { messageId: "x" }));
  assert.equal(receive(log, entry("b", 1, { messageId: "x" })), log);
  log = addOwn(log, entry("m", null, { mine: true }));
  log = settle(log, "m", { delivery: "failed", error: "no" });
  assert.equal(log[1]?.delivery, "failed");
  for (let i = 0; i < 3000; i++) log = receive(log, entry(`k${i}`, i + 10));
  assert.equal(log.length, 2000);
});

test("every person has a tile, every shared screen one more", () => {
  let roster = applyEvent([], event("ConfbridgeWelcome", channel("1", "A"), channel("2", "B"), channel("9", "Me")), "9");
  const stream = {} as MediaStream;
  const videos = [
    { key: "k1", mid: "2", participant: "1", kind: "camera" as const, stream },
    { key: "k2", mid: "3", participant: "1", kind: "screen" as const, stream },
    { key: "k3", mid: "4", participant: "7", kind: "camera" as const, stream },
  ];
  const room = { roster, videos, stalledMids: [] as string[], selfId: "9", name: "Me", hand: false };
  const own = { camera: null, micOn: false, talking: false };
  const { people, screens } = tilesOf(room, own);
  assert.deepEqual(people.map((each) => [each.participant, each.stream !== null, each.self]),
                   [["1", true, false], ["2", false, false], ["7", true, false], ["9", false, true]]);
  assert.deepEqual(screens.map((each) => each.participant), ["1"]);
  roster = change(roster, "1", { cameraOff: true });
  assert.equal(tilesOf({ ...room, roster }, own).people[0]?.stream, null);
  assert.equal(tilesOf({ ...room, stalledMids: ["2"] }, own).people[0]?.stream, null);
});

test("each refusal of a device has words of its own", () => {
  const named = (name: string): Error => Object.assign(new Error("x"), { name });
  const texts = [null, "ended", named("NotAllowedError"), named("NotFoundError"), named("NotReadableError"), named("Odd")]
    .map((each) => mediaProblem(each, "camera"));
  assert.equal(new Set(texts).size, texts.length);
  for (const text of texts) assert.match(text, /camera/);
});
