// Parley in real browsers: starts a server and runs every group of tests, or those whose name matches the argument.

import { pagesAreBuilt } from "./lib/prepare.mjs";
import { Runner } from "./lib/runner.mjs";
import * as page from "./tests/page.mjs";
import * as comeback from "./tests/comeback.mjs";
import * as phone from "./tests/phone.mjs";
import * as chat from "./tests/chat.mjs";
import * as calls from "./tests/calls.mjs";
import * as videoCalls from "./tests/video_calls.mjs";
import * as firefoxCalls from "./tests/firefox_calls.mjs";
import * as codecs from "./tests/codecs.mjs";
import * as others from "./tests/others.mjs";
import * as webphone from "./tests/webphone.mjs";
import * as classic from "./tests/classic.mjs";
import * as sdk from "./tests/sdk.mjs";
import * as queue from "./tests/queue.mjs";
import * as livechat from "./tests/livechat.mjs";
import * as widget from "./tests/widget.mjs";
import * as sdkExamples from "./tests/sdk_examples.mjs";
import * as networks from "./tests/networks.mjs";

const kAllLimit = 1_200_000;

pagesAreBuilt();
const filter = process.argv[2] === undefined ? null : new RegExp(process.argv[2]);
const runner = new Runner(filter, Date.now() + kAllLimit);
// Whatever hangs, the run ends.
setTimeout(() => {
  console.log("FAIL all: the time is over");
  process.exit(1);
}, kAllLimit + 130_000).unref();   // the test that is being run may take its time

for (const { run } of [phone, calls, videoCalls, chat, page, comeback, others, webphone, classic, sdk, queue, livechat, widget, sdkExamples, codecs, firefoxCalls, networks]) await run(runner);
const { passed, failed, skipped } = runner;
console.log(`browser tests: ${passed.length} passed, ${failed.length} failed, ${skipped.length} not run`);
process.exit(failed.length > 0 || passed.length === 0 ? 1 : 0);
