// What a tab keeps of a webphone: for a reload of the page, or for the next page of the site.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { forgetTaken, save, type Saved, type SavedCall, takeSaved, thisPage } from "../src/resume_store.ts";
import type { Call } from "../src/call.ts";
import { Webphone } from "../src/webphone.ts";
import { browser } from "./fake_browser.ts";
import { Page, pause, server, until } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));

const kSaved: Saved = { host: "pbx.test:7777", line: "support", page: "/a", number: "n1", resume: "token", instance: "i", grace: 10, at: 1000, calls: [] as SavedCall[] };

test("the next page of the site goes on, when the one before was left", () => {
  save({ ...kSaved, left: true }, "tab");
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab")?.number, "n1");
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab"), null);   // once for each page
  forgetTaken();
  // It is kept until this page is connected: it may be left before.
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab")?.number, "n1");
  for (const [host, line, now] of [["other:7777", "support", 2000], ["pbx.test:7777", "sales", 2000], ["pbx.test:7777", "support", 80_000]] as const) {
    forgetTaken();
    assert.equal(takeSaved(host, line, now, "tab"), null);
  }
});

test("a tab that was duplicated does not take the other's place", () => {
  save({ ...kSaved, left: false }, "tab");
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab"), null);
  forgetTaken();
  browser.reloaded = true;
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab"), null);
});

test("a page that is reloaded and one that goes on do not mix", () => {
  save({ ...kSaved, page: thisPage(), left: true }, "page");
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "tab"), null);
  forgetTaken();
  assert.equal(takeSaved("pbx.test:7777", "support", 2000, "page"), null);   // no reload
});

test("with resume \"tab\" number and call are there on the next page", async () => {
  const bob = await new Page("Bob").connect();
  const options = { host: "pbx.test:7777", line: "Webphone1", displayName: "Ann", resume: "tab" as const };
  const ann = await Webphone.connect(options);
  const call = ann.call(bob.number, { audio: false });
  await until("it rings", () => bob.calls.length === 1);
  bob.calls[0]!.accept();
  await until("it is up", () => call.status === "active");
  await pause(5);
  (ann as unknown as { remember(left: boolean): void }).remember(true);   // as the page is left
  server.clients.get(ann.number)!.socket!.close();
  forgetTaken();
  const again = new Webphone(options);
  const resumed = new Promise<Call>((done) => again.once("callResumed", done));
  await again.connect();
  assert.equal(again.number, ann.number);
  assert.equal((await resumed).number, bob.number);
});
