// Calls of two with pictures, by the SDK: the echo test, packets that pass untouched, offers of both sides at once, transfers.

import { launchChromium } from "../lib/chromium.mjs";
import { startServer } from "../lib/server.mjs";
import { check, same, until } from "../lib/until.mjs";
import { connect, hangUp, openCaller } from "../lib/video_call.mjs";
import { serveElsewhere } from "../lib/webphone_page.mjs";

const kConfig = `
[[rule]]
pattern = "echo"
to = "echo"
`;

async function echo({ test, open }) {
  const ann = await open("Ann", "red");
  await test("who dials the echo with a camera sees and hears himself, on one line for each", async () => {
    await ann.evaluate(() => { watch(phone.call("echo", { video: true })); });
    await ann.is("active");
    await ann.shows("red");
    await ann.hears("red");
    same(await ann.lines(), ["audio sendrecv", "video sendrecv"], "lines");
  });
  await test("the picture goes with the camera, comes back with it, and text is given back as well", async () => {
    await ann.evaluate(() => call.stopVideo());
    await ann.sees("nothing is sent", `__e2e.connections.at(-1).getTransceivers()[1].currentDirection === "recvonly" && call.localVideo === null`);
    await ann.hears("red");
    await ann.evaluate(() => call.startVideo());
    await ann.shows("red");
    await ann.evaluate(() => call.sendMessage("to myself"));
    await ann.sees("the text", `seen.texts.at(-1) === "to myself"`);
    await ann.evaluate(() => call.hangUp());
  });
  await test("one who dialled it without a camera gets the picture when it comes later", async () => {
    await ann.evaluate(() => { watch(phone.call("echo")); });
    await ann.is("active");
    await ann.hears("red");
    await ann.shows(null);
    await ann.evaluate(() => call.startVideo());
    await ann.shows("red");
    await ann.evaluate(() => call.hangUp());
  });
  await ann.context().close();
}

// Frames of Opus as they leave one browser and as they come to the other, before its decoder.
async function untouched({ test, open }) {
  const [ann, ben] = [await open("Ann", "red", { frames: true }), await open("Ben", "green", { frames: true })];
  const digests = (page, way) => page.evaluate((which) => __e2e.frames[which], way);
  const same90 = (from, to) => until("the frames are the same, octet by octet", async () => {
    const [sent, came] = [await digests(from, "sent"), await digests(to, "came")];
    const known = new Set(sent);
    const lately = came.slice(-100);
    const found = lately.filter((each) => known.has(each)).length;
    return (lately.length === 100 && found >= 98) || Promise.reject(new Error(`${found} of ${lately.length}`));
  }, 30_000);
  await test("with Opus at both ends the other's frames come as they were sent", async () => {
    await connect(ann, ben, { video: false });
    await ann.hears("green");
    await ben.hears("red");
    await same90(ann, ben);
    await same90(ben, ann);
  });
  await test("held they are the server's music, and afterwards the other's again", async () => {
    await ann.evaluate(() => call.hold());
    await ben.is("held");
    const known = new Set(await digests(ann, "sent"));
    await until("other frames", async () => {
      const lately = (await digests(ben, "came")).slice(-50);
      return lately.every((each) => !known.has(each));
    });
    await ann.evaluate(() => call.unhold());
    await ben.is("active");
    await same90(ann, ben);
    await same90(ben, ann);
    await hangUp(ann, ben);
  });
  for (const each of [ann, ben]) await each.context().close();
}

// RFC 3261 section 14: who refuses the other's offer because of his own, and both get what they wanted.
async function glare({ test, open }) {
  const [ann, ben] = [await open("Ann", "red"), await open("Ben", "green")];
  const settled = () => Promise.all([ann.settled(), ben.settled()]);
  const both = (act) => Promise.all([ann, ben].map((each) => each.evaluate(act)));
  const count = (page, what) => page.frames.filter((each) => what.test(each)).length;

  // `late` offers before it sees the offer that the server makes it because of `early`.
  const cross = async (early, late, act, crossing = (page) => page.evaluate(act)) => {
    const refusals = count(late, /^SIP\/2\.0 491/);
    late.gate.shut();
    await early.evaluate(act);
    await late.gate.has(/^INVITE /);
    await crossing(late);
    await late.gate.has(/^SIP\/2\.0 491/);
    late.gate.open();
    await until("491 came", async () => count(late, /^SIP\/2\.0 491/) > refusals);
  };
  const look = async () => {
    await ann.shows("green");
    await ben.shows("red");
    await settled();
    same([await ann.lines(), await ben.lines()], [["audio sendrecv", "video sendrecv"], ["audio sendrecv", "video sendrecv"]], "lines");
    await ann.hears("green");
    await ben.hears("red");
  };
  for (const [who, early, late] of [["the one who was called", ann, ben], ["the caller", ben, ann]]) {
    await test(`cameras of both at once, and ${who} is told 491: both are seen, on one line`, async () => {
      await connect(ann, ben, { video: false });
      await ben.hears("red");
      await cross(early, late, () => void call.startVideo());
      await look();
      await hangUp(late, early);
    });
  }
  await test("as pages do it, several times: cameras of both at once", async () => {
    for (let i = 0; i < 3; ++i) {
      await connect(ann, ben, { video: false });
      await both(() => void call.startVideo());
      await look();
      await hangUp(ann, ben);
    }
  });
  await test("both make room for the other's picture at once, then one sends it", async () => {
    await connect(ann, ben, { video: false });
    await both(() => call.receiveVideo());
    await settled();
    await ann.evaluate(() => call.startVideo());
    await ben.shows("red");
    await hangUp(ben, ann);
  });
  await test("hold at both ends at once, and off at once: nobody is left held", async () => {
    await connect(ann, ben);
    await ann.shows("green");
    await ben.shows("red");
    for (let i = 0; i < 3; ++i) {
      await both(() => call.hold());
      await ann.sees("held by both", "call.status === 'held' && call.heldHere && call.heldThere");
      await ben.sees("held by both", "call.status === 'held' && call.heldHere && call.heldThere");
      await both(() => call.unhold());
      await ann.sees("up", "call.status === 'active' && !call.heldHere && !call.heldThere");
      await ben.sees("up", "call.status === 'active' && !call.heldHere && !call.heldThere");
    }
    await look();
    await hangUp(ann, ben);
  });
  for (const [who, early, late] of [["the one who was called", ann, ben], ["the caller", ben, ann]]) {
    await test(`hold meets the offer of a camera, and ${who} is told 491: held, seen, and neither held afterwards`, async () => {
      await connect(ann, ben, { video: false });
      await early.hears(late.colour);
      let held;
      await cross(early, late, () => void call.startVideo(), (page) => { held = page.evaluate(() => call.hold()); });
      await held;
      await late.is("held");
      await early.sees("held there", "call.status === 'held' && call.heldThere && !call.heldHere");
      await late.evaluate(() => call.unhold());
      for (const each of [ann, ben]) await each.is("active");
      await late.shows(early.colour);
      await late.evaluate(() => call.startVideo());
      await look();
      await hangUp(early, late);
    });
  }
  for (const each of [ann, ben]) {
    same(each.errors.filter((error) => !/Failed to load resource/.test(error)), [], "errors");   // a favicon that the test's own server has not
    await each.context().close();
  }
}

async function transfers({ test, open }) {
  const [alf, bea, cat] = [await open("Alf", "red"), await open("Bea", "green"), await open("Cat", "blue")];
  const joined = async () => {
    await bea.is("active");
    await cat.is("active");
    await bea.shows("blue");
    await cat.shows("green");
    await bea.hears("blue");
    await cat.hears("green");
  };
  const over = async () => {
    await hangUp(bea, cat);
    for (const each of [alf, bea, cat]) await each.evaluate(() => { globalThis.call = undefined; });
  };
  await test("a video call that is handed over blindly goes on with the third one's picture", async () => {
    await connect(alf, bea);
    await bea.shows("red");
    await alf.shows("green");
    await bea.evaluate(() => { globalThis.kept = call; });
    await alf.evaluate((number) => { globalThis.result = null; void call.transfer(number).then((r) => { globalThis.result = r; }); }, cat.number);
    await cat.is("ringing");
    check(await cat.evaluate("call.video"), "no video is offered");
    await cat.evaluate(() => call.accept({ video: true }));
    await alf.sees("the result", `globalThis.result?.ok === true && call.status === "ended"`);
    await joined();
    check(await bea.evaluate("call === kept"), "it is another call");
    await over();
  });
  await test("one who was called by sound alone and turns the camera on after it was handed over is seen", async () => {
    await connect(alf, bea, { video: false });
    await bea.evaluate((number) => { globalThis.result = null; void call.transfer(number).then((r) => { globalThis.result = r; }); }, cat.number);
    await cat.is("ringing");
    await cat.evaluate(() => call.accept());
    await bea.sees("the result", `globalThis.result?.ok === true`);
    await alf.is("active");
    await cat.is("active");
    await alf.hears("blue");
    await cat.evaluate(() => call.startVideo());
    await alf.shows("blue");
    await alf.evaluate(() => call.startVideo());
    await cat.shows("red");
    await hangUp(alf, cat);
    for (const each of [alf, bea, cat]) await each.evaluate(() => { globalThis.call = undefined; });
  });
  await test("an attended transfer joins two video calls", async () => {
    await connect(alf, bea);
    await bea.shows("red");
    await alf.evaluate(() => { globalThis.first = call; return first.hold(); });
    await bea.sees("held", "call.heldThere");
    await connect(alf, cat);
    await cat.shows("red");
    await alf.shows("blue");
    await alf.evaluate(() => { globalThis.result = null; void first.transferTo(call).then((r) => { globalThis.result = r; }); });
    await alf.sees("the result", `globalThis.result?.ok === true && first.status === "ended" && call.status === "ended"`);
    await joined();
    await bea.evaluate(() => call.hold());
    await cat.sees("held", "call.heldThere");
    await bea.evaluate(() => call.unhold());
    await joined();
    await over();
  });
  for (const each of [alf, bea, cat]) {
    same(each.errors.filter((error) => !/Failed to load resource/.test(error)), [], "errors");   // a favicon that the test's own server has not
    await each.context().close();
  }
}

export async function run(runner) {
  await runner.group("video calls", async (group) => {
    const server = await startServer({ more: kConfig });
    group.after(() => server.stop());
    const pages = await serveElsewhere(server.url);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const all = { test: group.test, open: (name, colour, devices) => openCaller(browser, pages.url, server.url, name, colour, devices) };
    for (const each of [echo, untouched, glare, transfers]) await each(all);
  });
}
