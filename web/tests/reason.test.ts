import assert from "node:assert/strict";
import { test } from "node:test";
import { readReason } from "../shared/sip/reason.ts";

// RFC 3326 2
test("the cause is SIP's, whatever else is named, and what stands in a text is no cause", () => {
  assert.deepEqual(readReason('SIP;cause=503;text="Server stopped"'), { cause: 503, text: "Server stopped" });
  assert.deepEqual(readReason('Q.850 ;cause=16 ;text="Terminated", sip ; text="a, \\"b\\"" ; cause=200'), { cause: 200, text: "Terminated" });
  assert.deepEqual(readReason('SIP;text="x;cause=503;"'), { cause: null, text: "x;cause=503;" });
  assert.deepEqual(readReason('Q.850;cause=503;text="SIP;cause=503"'), { cause: null, text: "SIP;cause=503" });
  assert.deepEqual(readReason("SIP;cause=5031"), { cause: null, text: null });
  assert.deepEqual(readReason(undefined), { cause: null, text: null });
});

test("a long header is read at once", () => {
  const begin = performance.now();
  readReason(`SIP;${'"'.repeat(20_000)}`);
  readReason(`SIP;text="${"\\".repeat(60_001)}`);
  readReason(",SIP;x".repeat(10_000));
  assert.ok(performance.now() - begin < 2000);
});
