import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../shared/sip/jssip_fixes.ts";
import { Offers } from "../shared/sip/offers.ts";

type Handlers = { succeeded(response: unknown): void; failed(response?: unknown): void };

// A session whose peer answers each re-INVITE with the next of `answers`; 0: never.
function world(answers: number[], direction = "outgoing") {
  const log: string[] = [];
  const connection = {
    signalingState: "stable",
    setLocalDescription: async ({ type }: { type: string }) => {
      log.push(type);
      connection.signalingState = "stable";
    },
  };
  const session = {
    direction, ended: false, on: () => session, removeListener: () => session,
    isEstablished: () => !session.ended, isEnded: () => session.ended, isReadyToReOffer: () => true,
    _sendReinvite: ({ eventHandlers }: { eventHandlers: Handlers }) => {
      connection.signalingState = "have-local-offer";
      const status = answers.shift();
      log.push(`offer ${status}`);
      queueMicrotask(() => {
        if (status === 200) {
          connection.signalingState = "stable";
          eventHandlers.succeeded({ status_code: 200 });
        } else if (status !== 0) {
          eventHandlers.failed({ status_code: status });
        }
      });
    },
  };
  const placed: boolean[] = [];
  const pending: boolean[] = [];
  const offers: Offers = new Offers(session as unknown as Session, () => connection as unknown as RTCPeerConnection, (outgoing) => {
    placed.push(outgoing);
    pending.push(offers.pending);
    return 1;
  });
  return { log, session, offers, placed, pending };
}

// RFC 3261 14.1
test("an offer that meets glare again and again is made again, and nothing is prepared twice", async () => {
  const { log, offers, placed, pending } = world([491, 491, 200], "incoming");
  let prepared = 0;
  const result = await offers.send({}, () => ++prepared);
  assert.equal(result.ok, true);
  assert.deepEqual(log, ["offer 491", "rollback", "offer 491", "rollback", "offer 200"]);
  assert.equal(prepared, 1);
  assert.deepEqual(placed, [false, false]);
  assert.deepEqual(pending, [true, true], "the server's offer would come in between");
  assert.equal(offers.pending, false);
});

test("glare without an end is given up, what else is refused at once; the next offer goes its way", async () => {
  const { log, offers, placed } = world([491, 491, 491, 491, 491, 488, 200]);
  const first = await offers.send();
  assert.deepEqual([first.ok, first.response?.status_code, placed.length], [false, 491, 4]);
  const second = await offers.send();
  assert.deepEqual([second.ok, second.response?.status_code], [false, 488]);
  assert.equal((await offers.send()).ok, true);
  assert.equal(log.filter((each) => each === "rollback").length, 6);
});

test("a call that ends while its offer waits for another try is not waited for", async () => {
  const { log, session, offers } = world([491, 200]);
  const result = offers.send();
  setTimeout(() => (session.ended = true), 0);
  session.isReadyToReOffer = () => log.length === 0;
  assert.equal((await result).ok, false);
  assert.equal(log.filter((each) => each.startsWith("offer")).length, 1);
});

test("a connection that breaks ends the try that is under way", async () => {
  const { offers } = world([0, 200]);
  const result = offers.send();
  await new Promise((done) => setTimeout(done, 5));
  offers.connectionLost();
  assert.deepEqual(await result, { ok: false, response: null });
  assert.equal((await offers.send()).ok, true);
});
