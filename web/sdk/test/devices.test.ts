// Devices that the person allows late: while a call is being made they are sent, after it they are let go.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Call } from "../src/call.ts";
import { Webphone } from "../src/webphone.ts";
import { browser, FakePeer, type FakeTrack } from "./fake_browser.ts";
import { server, pause, until } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));

const phone = (name: string): Promise<Webphone> => Webphone.connect({ host: "pbx.test:7777", line: "Webphone1", displayName: name });

// Ann calls Bob; both are asked for what `video` says, and nobody has answered the browser yet.
async function ringing(video: boolean): Promise<{ a: Call; b: Call }> {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  browser.microphone = "asks";
  const incoming = new Promise<Call>((done) => bob.once("call", done));
  const a = ann.call(bob.number, { video });
  return { a, b: await incoming };
}
const upOf = (a: Call, b: Call): Promise<void> => until("both are up", () => a.status === "active" && b.status === "active");
const allow = (): void => {
  for (const question of browser.questions.splice(0)) question.allow();
};
const live = (): FakeTrack[] => browser.given.filter((each) => each.readyState === "live");
const sent = (peer: FakePeer | undefined): (string | undefined)[] => (peer?.lines ?? []).map((line) => line.sender.track?.readyState);

test("devices that are allowed while it rings are sent when the call is up, and devices allowed while one answers as well", async () => {
  const { a, b } = await ringing(true);
  allow();
  await until("they are on their lines", () => sent(FakePeer.all[0]).join() === "live,live");
  b.accept({ video: true });
  allow();
  await upOf(a, b);
  await until("Bob's are sent", () => sent(FakePeer.all[1]).join() === "live,live");
  assert.deepEqual(sent(FakePeer.all[0]), ["live", "live"]);
  assert.deepEqual(FakePeer.all.map((peer) => peer.lines.map((line) => line.currentDirection).join()), ["sendrecv,sendrecv", "sendrecv,sendrecv"]);
  a.hangUp();
  await until("all are let go", () => live().length === 0);
});

test("a camera that was not in the offer, allowed before the answer is there, is offered once the call is up", async () => {
  const { a, b } = await ringing(false);
  void a.startVideo().catch(() => undefined);
  await pause(2);
  allow();
  b.accept();
  await upOf(a, b);
  allow();
  await until("it is sent", () => FakePeer.all[0]?.lines[1]?.currentDirection === "sendrecv" || FakePeer.all[0]?.lines[1]?.currentDirection === "sendonly");
  assert.equal(sent(FakePeer.all[0])[1], "live");
  assert.ok(server.sent("INVITE").length >= 2);
  a.hangUp();
});

test("devices that are allowed after the call has ended are let go at once, and a refusal then is no news", async () => {
  const { a, b } = await ringing(true);
  const problems: string[] = [];
  for (const call of [a, b]) call.on("mediaProblem", ({ device }) => problems.push(device));
  b.accept({ video: true });
  await upOf(a, b);
  const picked = a.shareScreen().catch(() => undefined);
  await until("all are asked", () => browser.questions.length === 5);
  a.hangUp();
  await until("it ended there too", () => b.status === "ended");
  browser.questions.shift()?.refuse();
  allow();
  await picked;
  await until("they came", () => browser.given.length === 4);
  await until("all are let go", () => live().length === 0);
  assert.deepEqual(problems, []);
  assert.ok(FakePeer.all.every((peer) => peer.lines.every((line) => line.sender.track?.readyState !== "live")));
});

test("a device that is stopped while the person is asked stays off", async () => {
  const { a, b } = await ringing(false);
  b.accept({ audio: false });
  await upOf(a, b);
  const [voice, video, screen] = [a.setMicrophone(), a.startVideo(), a.shareScreen()];
  await until("all are asked", () => browser.questions.length >= 3);
  a.stopMicrophone();
  a.stopVideo();
  a.stopScreen();
  allow();
  await Promise.all([voice, video, screen]);
  await until("all are let go", () => browser.given.length >= 3 && live().length === 0);
  assert.deepEqual([a.hasMicrophone, a.localVideo], [false, null]);
  // Asked again, it opens.
  const again = a.setMicrophone();
  await until("asked again", () => browser.questions.length === 1);
  allow();
  await again;
  assert.equal(a.hasMicrophone, true);
  a.hangUp();
});

test("of two devices that are asked for one after the other the later one is taken, whichever is allowed first", async () => {
  const { a, b } = await ringing(false);
  allow();
  b.accept({ audio: false });
  await upOf(a, b);
  const [first, second] = [a.startVideo("cam1"), a.startVideo("cam2")];
  await until("both are asked", () => browser.questions.length === 2);
  const [one, two] = browser.questions.splice(0);
  assert.deepEqual([one?.id, two?.id], ["cam1", "cam2"]);
  two?.allow();
  await second;
  const taken = a.localVideo;
  one?.allow();
  await first;
  assert.equal(a.localVideo, taken);
  await until("the first one is let go", () => live().filter((each) => each.kind === "video").length === 1);
  a.hangUp();
});
