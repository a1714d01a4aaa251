// Calls of two between Firefox and Chromium, by the SDK, each way: sound and pictures, hold, cameras that come later, texts, the end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { camera, launchChromium } from "../lib/chromium.mjs";
import { haveFirefox, launchFirefox } from "../lib/firefox.mjs";
import { startServer } from "../lib/server.mjs";
import { same } from "../lib/until.mjs";
import { connect, openCaller, watchCall } from "../lib/video_call.mjs";
import { serveElsewhere, startSdk } from "../lib/webphone_page.mjs";

// The server is on this machine, which a machine without a network reaches by loopback alone.
const kPreferences = { "media.peerconnection.ice.loopback": true };

export async function run(runner) {
  await runner.group("Firefox calls", async (group) => {
    if (!haveFirefox()) return group.skip("Firefox and Chromium in calls of two", "firefox-esr is not installed");
    const home = mkdtempSync(join(tmpdir(), "parley-e2e-home-"));
    group.after(async () => rmSync(home, { recursive: true, force: true, maxRetries: 3 }));
    const server = await startServer();
    group.after(() => server.stop());
    const pages = await serveElsewhere(server.url);
    group.after(() => pages.stop());
    const chromium = await launchChromium();
    group.after(() => chromium.close());
    const firefox = await launchFirefox({ preferences: kPreferences, home });
    group.after(() => firefox.close());
    group.note(firefox.version);
    // Its microphone is Firefox's own fake one, which has the tone of red.
    const fox = watchCall(await firefox.open(camera("red")), "Fox");
    await startSdk(fox, pages.url, server.url, "Fox");
    const ann = await openCaller(chromium, pages.url, server.url, "Ann", "green");

    const both = async () => {
      await fox.shows("green");
      await ann.shows("red");
      await fox.hears("green");
      await ann.hears("red");
    };
    const holds = async (one, other) => {
      await one.evaluate(() => call.hold());
      await one.is("held");
      await other.sees("held there", "call.status === 'held' && call.heldThere && !call.heldHere");
      await one.hears(null);
      await one.evaluate(() => call.unhold());
      await one.is("active");
      await other.is("active");
      await both();
    };
    const ends = async (one, other) => {
      await one.evaluate(() => call.hangUp());
      await other.sees("the end", `call.status === "ended" && call.end.cause === "hung-up" && !call.end.local`);
    };

    for (const [title, from, to] of [["Firefox calls Chromium", fox, ann], ["Chromium calls Firefox", ann, fox]]) {
      await group.test(`${title} with pictures: both see and hear`, async () => {
        await connect(from, to);
        await both();
        for (const each of [from, to]) same(await each.lines(), ["audio sendrecv", "video sendrecv"], "lines");
      });
      await group.test(`${title}: each holds, is heard by nobody meanwhile, and afterwards all is as before`, async () => {
        await holds(from, to);
        await holds(to, from);
      });
      await group.test(`${title}: texts go both ways, and hanging up ends it at the other`, async () => {
        await from.evaluate(() => call.sendMessage("Grüße 👋"));
        await to.sees("the text", `seen.texts.at(-1) === "Grüße 👋"`);
        await to.evaluate(() => call.sendMessage("back"));
        await from.sees("the answer", `seen.texts.at(-1) === "back"`);
        await ends(to, from);
      });
      await group.test(`${title} by sound alone: the camera of each comes later, on one line, and goes`, async () => {
        await connect(from, to, { video: false });
        await from.hears(to === ann ? "green" : "red");
        await from.evaluate(() => call.startVideo());
        await to.shows(from === ann ? "green" : "red");
        await to.evaluate(() => call.startVideo());
        await both();
        for (const each of [from, to]) same(await each.lines(), ["audio sendrecv", "video sendrecv"], "lines");
        await from.evaluate(() => call.stopVideo());
        await to.shows(null);
        await ends(from, to);
      });
    }
  });
}
