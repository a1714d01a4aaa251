// Hold, keys and devices as browsers and the server have them: what the SDK makes of a source that is named no more, of a
// key that the other side pressed, and of a camera that is open before the offer is in.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Call } from "../src/call.ts";
import { KeptSources } from "../src/kept_sources.ts";
import { forgetTaken } from "../src/resume_store.ts";
import { Webphone } from "../src/webphone.ts";
import { browser, FakePeer, sdpOf } from "./fake_browser.ts";
import type { Leg } from "./fake_server.ts";
import { server, until } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));

const phone = (name: string): Promise<Webphone> => Webphone.connect({ host: "pbx.test:7777", line: "Webphone1", displayName: name });
const legOf = (number: string): Leg => server.legs.filter((each) => each.number === number && each.state === "up").at(-1)!;

const kHead = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const audio = (direction: string, more = "", port = 9): string => `m=audio ${port} UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n${more}a=${direction}\r\n`;
const kSource = "a=ssrc:7 cname:x\r\n";
const kVideo = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ssrc-group:FID 8 9\r\na=ssrc:8 cname:x\r\na=ssrc:9 cname:x\r\na=sendrecv\r\n";

test("a source stays named while the other side sends nothing, and only then", () => {
  const sources = new KeptSources();
  const first = kHead + audio("sendrecv", kSource) + kVideo;
  assert.equal(sources.complete(first), first);
  assert.equal(sources.complete(kHead + audio("recvonly") + kVideo), kHead + audio("recvonly") + kSource + kVideo);
  const quiet = kVideo.replace(/a=ssrc.*\r\n/g, "").replace("sendrecv", "inactive");
  assert.equal(sources.complete(kHead + audio("recvonly") + quiet), kHead + audio("recvonly") + kSource + quiet + kVideo.match(/a=ssrc.*\r\n/g)!.join(""));
  const other = kHead + audio("sendrecv", "a=ssrc:70 cname:y\r\n");
  assert.equal(sources.complete(other), other);
  assert.match(sources.complete(kHead + audio("inactive")), /a=ssrc:70 /);
  for (const each of [kHead + audio("inactive", "", 0), kHead + audio("sendrecv"), kHead, "", "m=audio", "no description"]) assert.equal(sources.complete(each), each);
  assert.equal(new KeptSources().complete(kHead + audio("recvonly")), kHead + audio("recvonly"));
});

test("a key that the other side pressed comes by the server's notice; what is none is no key", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  bob.on("call", (call) => call.accept());
  const call = ann.call(bob.number);
  await until("up", () => call.status === "active");
  const got: string[] = [];
  call.on("dtmf", (key) => got.push(key));
  call.on("data", ({ body }) => got.push(body));
  const tell = (body: string): void => void server.request("MESSAGE", legOf(call.number), ["Content-Type: application/vnd.parley.call+json"], body);
  for (const body of ['{"type":"dtmf","key":"5"}', '{"type":"dtmf","key":"55"}', '{"type":"dtmf"}', '{"type":"dtmf","key":"#"}']) tell(body);
  await until("all", () => got.length === 4);
  assert.deepEqual(got.sort(), ["#", "5", '{"type":"dtmf","key":"55"}', '{"type":"dtmf"}'].sort());
  call.hangUp();
});

test("a camera that opens at once when a video call is accepted takes the offered line, not one more", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  const incoming = new Promise<Call>((done) => bob.once("call", done));
  const a = ann.call(bob.number, { video: true });
  (await incoming).accept({ video: true });
  await until("up", () => a.status === "active");
  const [, peer] = FakePeer.all;
  await until("the camera is on its line", () => peer?.lines[1]?.sender.track != null);
  assert.deepEqual(peer?.lines.map((line) => [line.receiver.track.kind, line.currentDirection]), [["audio", "sendrecv"], ["video", "sendrecv"]]);
  a.hangUp();
});

test("a camera goes by the line that the other side's camera has opened", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  bob.on("call", (call) => call.accept({ audio: false }));
  const call = ann.call(bob.number, { audio: false });
  await until("up", () => call.status === "active");
  const [peer] = FakePeer.all;
  const leg = legOf(call.number);
  server.request("INVITE", leg, ["Content-Type: application/sdp"], sdpOf([{ kind: "audio", direction: "sendrecv", mid: "0" }, { kind: "video", direction: "sendrecv", mid: "s1" }]), (answer) => {
    if (answer.status === 200) server.request("ACK", leg, [], "", undefined, leg.cseq);
  });
  await until("the other's video", () => peer?.lines[1]?.currentDirection === "recvonly");
  call.receiveVideo();
  await call.startVideo();
  await until("both ways", () => peer?.lines[1]?.currentDirection === "sendrecv");
  assert.deepEqual([peer?.lines.length, peer?.lines[1]?.sender.track?.kind], [2, "video"]);
  call.hangUp();
});

test("so it does after a hold, whose answer says nothing of this side's camera", async () => {
  const [ann, bob] = [await phone("Ann"), await phone("Bob")];
  bob.on("call", (call) => call.accept({ audio: false }));
  const call = ann.call(bob.number, { audio: false });
  await until("up", () => call.status === "active");
  const [peer] = FakePeer.all;
  const leg = legOf(call.number);
  server.request("INVITE", leg, ["Content-Type: application/sdp"], sdpOf([{ kind: "audio", direction: "sendrecv", mid: "0" }, { kind: "video", direction: "sendrecv", mid: "1" }]), (answer) => {
    if (answer.status === 200) server.request("ACK", leg, [], "", undefined, leg.cseq);
  });
  await until("the other's video", () => peer?.lines[1]?.currentDirection === "recvonly");
  await call.hold();
  await call.unhold();
  await call.startVideo();
  await until("both ways", () => peer?.lines[1]?.currentDirection === "sendrecv");
  assert.deepEqual([peer?.lines.length, peer?.lines[1]?.sender.track?.kind], [2, "video"]);
  call.hangUp();
});

test("a hold outlives a reload, on both sides, and the call is told to be back", async () => {
  for (const holds of ["here", "there"] as const) {
    server.clients.clear();
    server.legs.length = 0;
    const [ann, bob] = [await phone("Ann"), await phone("Bob")];
    const incoming = new Promise<Call>((done) => bob.once("call", done));
    const a = ann.call(bob.number);
    const b = await incoming;
    b.accept();
    await until("both are up", () => a.status === "active" && b.status === "active");
    await (holds === "here" ? a : b).hold();
    await until("held", () => a.status === "held" && b.status === "held");
    (ann as unknown as { remember(): void }).remember();
    server.clients.get(ann.number)!.socket!.close();
    browser.reloaded = true;
    forgetTaken();
    const again = new Webphone({ host: "pbx.test:7777", line: "Webphone1", displayName: "Ann" });
    const resumed = new Promise<Call>((done) => again.once("callResumed", done));
    await again.connect();
    const call = await resumed;
    assert.deepEqual([call.status, call.heldHere, call.heldThere], ["held", holds === "here", holds === "there"]);
    assert.equal(FakePeer.all.at(-1)?.lines[0]?.direction, holds === "here" ? "sendonly" : "sendrecv");
    await (holds === "here" ? call : b).unhold();
    await until("up again", () => call.status === "active");
    for (const each of [again, bob, ann]) each.disconnect();
  }
});
