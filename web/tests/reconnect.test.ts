import assert from "node:assert/strict";
import { test } from "node:test";
import { kGiveUpAfter, kIdle, kResumeTimeout, kStopTimeout, step, type LinkCommand, type LinkEvent, type LinkState } from "../conference/src/reconnect.ts";

class Link {
  state: LinkState = kIdle;
  now = 0;
  send(event: LinkEvent, after = 0): LinkCommand[] {
    this.now += after;
    const [next, commands] = step(this.state, event, this.now);
    this.state = next;
    return commands;
  }
  up(): this {
    this.send({ kind: "join" });
    this.send({ kind: "socket_up" });
    this.send({ kind: "accepted" });
    return this;
  }
}

test("joins once the socket is there", () => {
  const link = new Link();
  assert.deepEqual(link.send({ kind: "join" }), ["connect"]);
  assert.deepEqual(link.send({ kind: "socket_up" }), ["call"]);
  link.send({ kind: "accepted" });
  assert.equal(link.state.kind, "up");
});

test("a server that can't be reached, and one that refuses, end the attempt with their reasons", () => {
  const slow = new Link();
  slow.send({ kind: "join" });
  slow.send({ kind: "tick" }, 60_000);
  assert.equal(slow.state.end?.reason, "unreachable");
  const refused = new Link();
  refused.send({ kind: "join" });
  refused.send({ kind: "socket_up" });
  refused.send({ kind: "call_ended", by: "error", code: 403 });
  assert.deepEqual(refused.state.end, { reason: "refused", code: 403 });
});

test("a lost socket that comes back resumes the call that still lives", () => {
  const link = new Link().up();
  assert.deepEqual(link.send({ kind: "socket_down" }), []);
  assert.equal(link.state.kind, "waiting");
  assert.deepEqual(link.send({ kind: "socket_up" }, 3000), ["resume"]);
  link.send({ kind: "resumed" }, 200);
  assert.equal(link.state.kind, "up");
  assert.equal(link.state.lostSince, null);
});

test("when the call did not survive it calls again, and so it does when resuming fails or takes too long", () => {
  const gone = new Link().up();
  gone.send({ kind: "socket_down" });
  gone.send({ kind: "call_ended", by: "error", code: null });
  assert.deepEqual(gone.send({ kind: "socket_up" }), ["call"]);
  const failed = new Link().up();
  failed.send({ kind: "socket_down" });
  failed.send({ kind: "socket_up" });
  assert.deepEqual(failed.send({ kind: "resume_failed" }), ["abandon", "call"]);
  const slow = new Link().up();
  slow.send({ kind: "socket_down" });
  slow.send({ kind: "socket_up" });
  assert.deepEqual(slow.send({ kind: "tick" }, kResumeTimeout - 1), []);
  assert.deepEqual(slow.send({ kind: "tick" }, 1), ["abandon", "call"]);
  slow.send({ kind: "accepted" });
  assert.equal(slow.state.kind, "up");
});

test("lost media is looked into first: an answer means an ICE restart, silence a new socket", () => {
  const alive = new Link().up();
  assert.deepEqual(alive.send({ kind: "media_lost" }), ["probe"]);
  assert.deepEqual(alive.send({ kind: "media_lost" }), []);
  assert.deepEqual(alive.send({ kind: "probe_answered" }), ["resume"]);
  const dead = new Link().up();
  dead.send({ kind: "media_lost" });
  assert.deepEqual(dead.send({ kind: "probe_silent" }), ["reopen"]);
  dead.send({ kind: "socket_down" });
  assert.deepEqual(dead.send({ kind: "socket_up" }), ["resume"]);
});

test("BYE from the server ends the call; during a break it leads to a new one", () => {
  const link = new Link().up();
  link.send({ kind: "call_ended", by: "peer", code: null });
  assert.equal(link.state.end?.reason, "closed");
  const broken = new Link().up();
  broken.send({ kind: "media_lost" });
  assert.deepEqual(broken.send({ kind: "call_ended", by: "peer", code: null }), ["call"]);
});

test("a server that says it stops is waited for: a call once its socket is back, and not before", () => {
  const link = new Link().up();
  assert.deepEqual(link.send({ kind: "call_ended", by: "peer", code: null, stopping: true }), []);
  assert.equal(link.state.kind, "waiting");
  assert.equal(link.state.stopped, true);
  assert.deepEqual(link.send({ kind: "tick" }, kStopTimeout - 1), []);
  assert.deepEqual(link.send({ kind: "socket_down" }), []);
  assert.deepEqual(link.send({ kind: "tick" }, 30_000), []);
  assert.deepEqual(link.send({ kind: "socket_up" }), ["call"]);
  link.send({ kind: "call_ended", by: "error", code: 503 });
  assert.equal(link.state.kind, "backoff");
  assert.deepEqual(link.send({ kind: "tick" }, 500), ["call"]);
  link.send({ kind: "accepted" });
  assert.equal(link.state.kind, "up");
  assert.equal(link.state.stopped, false);
  assert.equal(link.state.lostSince, null);
});

test("a server that said it stops and stays is called again; one that stays away is given up", () => {
  const there = new Link().up();
  there.send({ kind: "call_ended", by: "peer", code: null, stopping: true });
  assert.deepEqual(there.send({ kind: "tick" }, kStopTimeout), ["call"]);
  const away = new Link().up();
  away.send({ kind: "call_ended", by: "peer", code: null, stopping: true });
  away.send({ kind: "socket_down" });
  assert.deepEqual(away.send({ kind: "tick" }, kGiveUpAfter + 1), []);
  assert.deepEqual(away.state.end, { reason: "lost", code: null });
  assert.equal(away.state.stopped, true);     // so that the page can say so
  const left = new Link().up();
  left.send({ kind: "call_ended", by: "peer", code: null, stopping: true });
  left.send({ kind: "leave" });
  assert.equal(left.state.end?.reason, "left");
});

test("a server that stops while the way back is being looked for is waited for too", () => {
  const link = new Link().up();
  link.send({ kind: "media_lost" });
  assert.deepEqual(link.send({ kind: "call_ended", by: "peer", code: null, stopping: true }), []);
  assert.equal(link.state.kind, "waiting");
});

test("a new call is tried again with growing pauses, and not for ever", () => {
  const link = new Link().up();
  link.send({ kind: "socket_down" });
  link.send({ kind: "call_ended", by: "error", code: null });
  assert.deepEqual(link.send({ kind: "socket_up" }), ["call"]);
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    link.send({ kind: "call_ended", by: "error", code: 503 });
    assert.equal(link.state.kind, "backoff");
    pauses.push((link.state.deadline ?? 0) - link.now);
    assert.deepEqual(link.send({ kind: "tick" }, pauses[i] ?? 0), ["call"]);
  }
  assert.deepEqual(pauses, [500, 1000, 2000, 4000]);
  link.send({ kind: "call_ended", by: "error", code: 503 }, kGiveUpAfter);
  assert.equal(link.state.end?.reason, "lost");
  const waiting = new Link().up();
  waiting.send({ kind: "socket_down" });
  assert.deepEqual(waiting.send({ kind: "tick" }, kGiveUpAfter + 1), ["abandon"]);
  assert.equal(waiting.state.end?.reason, "lost");
});

test("a refusal on the way back is final when trying again can't help", () => {
  const link = new Link().up();
  link.send({ kind: "socket_down" });
  link.send({ kind: "socket_up" });
  link.send({ kind: "resume_failed" });
  link.send({ kind: "call_ended", by: "error", code: 403 });
  assert.deepEqual(link.state.end, { reason: "refused", code: 403 });
});

test("leaving works from anywhere, and nothing follows it but a new join", () => {
  for (const before of [new Link(), new Link().up()]) {
    assert.deepEqual(before.send({ kind: "leave" }), ["hang_up"]);
    for (const event of [{ kind: "accepted" }, { kind: "tick" }, { kind: "media_lost" }, { kind: "resumed" }] as LinkEvent[]) {
      assert.deepEqual(before.send(event, 1000), []);
    }
    assert.equal(before.state.end?.reason, "left");
    before.send({ kind: "socket_down" });
    assert.deepEqual(before.send({ kind: "join" }), ["connect"]);
  }
});
