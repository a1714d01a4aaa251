// The pure parts of the widget and of the agents' desk.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deskNotice, kDeskType, readDeskNotice, transcriptOf } from "../shared/desk_notice.ts";
import { colourRules, contrast, parseColour } from "../widget/src/colour.ts";
import { readVisit } from "../widget/src/memory.ts";
import { cameFrom, kAgentWords, pageText, titleOf, waitedText } from "../agent/src/words.ts";

test("colours of a site become shades that can be read, or nothing", () => {
  assert.deepEqual(parseColour(" #0aF "), [0, 170, 255]);
  assert.deepEqual(parseColour("#2f6b4f"), [47, 107, 79]);
  for (const wrong of ["", "red", "#12", "#12345", "#gggggg", "#fff}body{display:none", "rgb(1,2,3)"]) assert.equal(colourRules(wrong), "", wrong);
  const rgb = (css: string, name: string): [number, number, number][] =>
    [...css.matchAll(new RegExp(`${name}:rgb\\((\\d+) (\\d+) (\\d+)\\)`, "g"))].map(([, r, g, b]) => [Number(r), Number(g), Number(b)]);
  for (const colour of ["#000", "#fff", "#ffee00", "#2f6b4f", "#ff0000", "#123456"]) {
    const css = colourRules(colour);
    const [light, dark] = rgb(css, "--accent-text");
    assert.ok(contrast(light as [number, number, number], [238, 240, 246]) >= 4.5, `${colour} on light`);
    assert.ok(contrast(dark as [number, number, number], [30, 34, 46]) >= 4.5, `${colour} on dark`);
    const [ink] = rgb(css, "--on-accent");
    assert.ok(contrast(ink as [number, number, number], parseColour(colour) as [number, number, number]) >= 3.4, `${colour} under its text`);
  }
});

test("what desk and widget tell each other is checked", () => {
  assert.deepEqual(readDeskNotice(kDeskType, deskNotice({ type: "here", name: "Ann\u202e" })), { type: "here", name: "Ann" });
  for (const wrong of ["", "null", "[]", "7", `{"type":"go"}`, `{"type":7}`, `{"type":"here"`, "x".repeat(70_000)]) {
    const read = readDeskNotice(kDeskType, wrong);
    assert.equal(read, null, wrong.slice(0, 20));
  }
  assert.equal(readDeskNotice("text/plain", deskNotice({ type: "here", name: "Ann" })), null);
  const odd = readDeskNotice(kDeskType, JSON.stringify({ type: "transcript", entries: [null, 7, { text: "no name" }, { name: "A", text: "b", at: 1e300 }, { name: "A", text: "b", at: 5 }] }));
  assert.deepEqual(odd, { type: "transcript", entries: [{ mine: false, name: "A", text: "b", at: 5 }] });
});

test("a transcript fits into a message, and its end is kept", () => {
  const entries = Array.from({ length: 500 }, (_, at) => ({ mine: at % 2 === 0, name: "Vi", text: `${at} ${"ä\"".repeat(200)}`, at }));
  const notice = transcriptOf(entries);
  const text = deskNotice(notice);
  assert.ok(new TextEncoder().encode(text).length < 64 * 1024);
  assert.equal(notice.type === "transcript" && notice.entries.at(-1)?.at, 499);
  const read = readDeskNotice(kDeskType, text);
  assert.equal(read?.type === "transcript" && read.entries.length, notice.type === "transcript" && notice.entries.length);
});

test("a chat is found again only by the page that comes after it", () => {
  const chat = { kind: "private", number: "desk", name: "Vi", log: [], draft: "d", unread: 1, voice: false, held: false };
  const visit = { version: 1, left: true, open: true, over: false, agent: "Ann", agents: 1, chats: [chat] };
  assert.deepEqual(readVisit(JSON.stringify(visit)), { chat, open: true, over: false, agent: "Ann", agents: 1 });
  // A tab that was duplicated has the same storage while the first page lives on.
  assert.equal(readVisit(JSON.stringify({ ...visit, left: false })), null);
  for (const wrong of ["", "null", "{}", JSON.stringify({ ...visit, version: 9 }), JSON.stringify({ ...visit, chats: [] })]) assert.equal(readVisit(wrong), null);
});

test("the desk's words", () => {
  assert.equal(waitedText(0), "0:00");
  assert.equal(waitedText(65_900), "1:05");
  assert.equal(waitedText(3_700_000), "1 h 1 min");
  assert.equal(waitedText(-5), "0:00");
  assert.equal(pageText("https://shop.example/caf%C3%A9"), "shop.example/café");
  for (const wrong of ["javascript:alert(1)", "shop", "", "https://x/%ff"]) assert.equal(pageText(wrong), "", wrong);
  assert.match(cameFrom("https://shop.example/", "Pots", "support", 61_000), /came from .*Pots \(shop\.example\).*waited 1:01 in/);
  assert.match(cameFrom("", "", "support", 0), /^This visitor waited 0:00/);
  assert.equal(titleOf(0, 0, null), "Agent desk");
  assert.equal(titleOf(2, 1, null), "(3) 2 visitors are waiting · Agent desk");
  assert.equal(titleOf(0, 0, "Vi"), "Vi is put through · Agent desk");
  assert.match(kAgentWords.ended({ cause: "not-found", local: false, status: 410, reason: null }, "Vi", false) ?? "", /Another agent took/);
});
