// Runs in the browsers' network namespace, with E2E_URL the server's address in its own.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { camera, launchChromium } from "../lib/chromium.mjs";
import { haveFirefox, launchFirefox } from "../lib/firefox.mjs";
import { setLink } from "../lib/namespaces.mjs";
import { RoomPage } from "../lib/room_page.mjs";
import { Runner } from "../lib/runner.mjs";
import { check, pause, same, until } from "../lib/until.mjs";

const url = process.env.E2E_URL;
const home = mkdtempSync(join(tmpdir(), "parley-e2e-home-"));
process.env.HOME = home;      // Firefox refuses a home that is not its user's
const runner = new Runner(null, Date.now() + 170_000);
const launch = () => launchChromium({ plainCandidates: false, args: ["--ignore-certificate-errors"] });

const kWithDevices = [];     // those whose camera and microphone the others should get

// Pictures are decoded, and sound comes that is not silence.
const plays = (person, videos) => until(`${person.name} gets ${videos} videos and sound`, async () => {
  const first = await person.page.evaluate(() => globalThis.__probe.inbound());
  await pause(700);
  const second = await person.page.evaluate(() => globalThis.__probe.inbound());
  const running = second.filter((each) => each.kind === "video" && each.frames > (first.find((old) => old.mid === each.mid)?.frames ?? 0));
  const energy = await person.page.evaluate(async () => {
    const stats = [...(await globalThis.__e2e.connections.at(-1).getStats()).values()];
    return stats.filter((each) => each.type === "inbound-rtp" && each.kind === "audio").map((each) => each.totalAudioEnergy);
  });
  if (running.length === videos && energy[0] > 1e-4) return true;
  const devices = await Promise.all(kWithDevices.map((each) => each.page.evaluate(() => ["mic", "camera"].map((id) => `${id} ${document.querySelector(`[data-testid=${id}]`)?.ariaPressed}`))));
  throw new Error(`${running.length} videos, energy ${energy}; the others' devices: ${devices.join("; ")}`);
}, 25_000);

await runner.group("plain Chromium", async (group) => {
  const browser = await launch();
  group.after(() => browser.close());
  const native = { devices: { native: true } };
  let red, green;

  await group.test("without any WebRTC flag but the fake devices, two see and hear each other", async () => {
    red = await RoomPage.join(browser, url, "plain", "red", native);
    green = await RoomPage.join(browser, url, "plain", "green", native);
    kWithDevices.push(red, green);
    for (const each of [red, green]) await plays(each, 1);
    const transport = await red.page.evaluate(() => globalThis.__probe.transport());
    same([transport.dtlsState, transport.srtpCipher], ["connected", "SRTP_AEAD_AES_128_GCM"], "DTLS");
  });

  await group.test("one without any permission (mDNS candidates alone) joins, watches and listens", async () => {
    const blue = await RoomPage.open(browser, url, "plain", "blue", { devices: { refuse: ["audio", "video"] } });
    await blue.enter({ devices: false });
    await plays(blue, 2);
    await blue.close();
  });

  await group.test("a cable that is out for 6 s ends nobody's call", async () => {
    const id = await red.selfId();
    setLink(process.env.E2E_SPACE, process.env.E2E_DEVICE, false);
    await pause(6000);
    setLink(process.env.E2E_SPACE, process.env.E2E_DEVICE, true);
    for (const each of [red, green]) await plays(each, 1);
    same(await red.selfId(), id, "participant id");
    await red.say("still here");
    await until("green reads it", async () => {
      await green.openPanel("chat-toggle", "chat-input");
      return (await green.chat()).at(-1)?.text === "still here";
    }, 25_000);
  });
});

await runner.group("loss", async (group) => {
  const lossyUrl = process.env.E2E_LOSSY_URL;
  const browser = await launch();
  group.after(() => browser.close());
  let red, green;
  const video = async (person) => (await person.page.evaluate(() => globalThis.__probe.inbound())).filter((each) => each.kind === "video")[0];

  await group.test("with 5 % of packets lost each way two connect, and pictures and sound go on", async () => {
    red = await RoomPage.join(browser, lossyUrl, "lossy", "red");
    green = await RoomPage.join(browser, lossyUrl, "lossy", "green");
    await red.sees({ green: "green" }, 20_000);
    await green.sees({ red: "red" }, 20_000);
    const before = [await video(red), await video(green)];
    const after = await until("20 frames come to each", async () => {
      const now = [await video(red), await video(green)];
      const more = now.map((each, i) => each.frames - before[i].frames);
      return more.every((each) => each >= 20) ? now : Promise.reject(new Error(`${more}`));
    });
    await red.hears(["green"]);
    await green.hears(["red"]);
    group.note(`at red: ${after[0].frames - before[0].frames} frames, NACK ${after[0].nack}, PLI ${after[0].pli}, keyframes ${after[0].keys}`);
  });

  await group.test("a newcomer gets in and sees all the same", async () => {
    const blue = await RoomPage.join(browser, lossyUrl, "lossy", "blue");
    await blue.sees({ red: "red", green: "green" }, 20_000);
    await red.sees({ green: "green", blue: "blue" }, 20_000);
    await blue.hears(["red", "green"]);
    await blue.say("through the noise");
    await red.openPanel("chat-toggle", "chat-input");
    await until("red reads it", async () => (await red.chat()).at(-1)?.text === "through the noise");
  });
});

await runner.group("Chromium with Firefox", async (group) => {
  if (!haveFirefox()) return group.skip("see and hear each other", "firefox-esr is not installed");
  const firefox = await launchFirefox();
  group.after(() => firefox.close());
  group.note(firefox.version);
  const chromium = await launch();
  group.after(() => chromium.close());
  const joinFirefox = async (name, more) => {
    const person = new RoomPage(await firefox.open(camera(name, more)), name);
    await person.page.goto(`${url}/?room=mix`);
    await person.enter();
    return person;
  };
  let red, green, blue;

  await group.test("three see each other, whoever came first", async () => {
    red = await joinFirefox("red");
    green = await RoomPage.join(chromium, url, "mix", "green");
    await red.sees({ green: "green" }, 25_000);
    await green.sees({ red: "red" }, 25_000);
    blue = await joinFirefox("blue", { refuse: ["audio"] });   // one tone is all that Firefox has
    await red.sees({ green: "green", blue: "blue" }, 25_000);
    await green.sees({ red: "red", blue: "blue" });
    await blue.sees({ red: "red", green: "green" });
  });
  if (blue === undefined) return;

  await group.test("each hears the others and not itself", async () => {
    await red.hears(["green"]);
    await green.hears(["red"]);
    await blue.hears(["red", "green"]);
  });

  await group.test("Firefox's SRTP is AES-GCM too", async () => {
    const cipher = await red.page.evaluate(async () => {
      for (const each of (await globalThis.__e2e.connections.at(-1).getStats()).values()) if (each.type === "transport" || each.srtpCipher) return each.srtpCipher ?? null;
      return null;
    });
    if (cipher === null) return group.note("this Firefox does not tell its SRTP cipher");
    check(/GCM/.test(cipher), `cipher ${cipher}`);
  });

  await group.test("they chat, raise hands, share a screen", async () => {
    await red.say("Grüße von Firefox 👋");
    await green.say("and from Chromium");
    for (const each of [red, green, blue]) {
      await each.openPanel("chat-toggle", "chat-input");
      await until(`${each.name} has both`, async () => (await each.chat()).map((one) => one.text).sort().join("|") === "Grüße von Firefox 👋|and from Chromium");
    }
    await blue.click("hand");
    await until("green sees the hand", async () => (await green.tileOf("blue")).hand);
    await blue.click("screen");
    for (const each of [red, green]) await until(`${each.name} sees the screen`, async () => (await each.seen("screen")).blue === "cyan", 20_000);
    await blue.click("screen");
    await until("the screen is gone", async () => Object.keys(await green.seen("screen")).length === 0);
    await green.shot("with-firefox");
  });

  await group.test("one leaves and comes back, and nobody hangs", async () => {
    await green.click("leave");
    await red.sees({ blue: "blue" });
    await green.click("rejoin");
    await red.sees({ green: "green", blue: "blue" }, 20_000);
    await green.sees({ red: "red", blue: "blue" }, 20_000);
    await blue.hears(["red", "green"]);
  });
});

rmSync(home, { recursive: true, force: true, maxRetries: 3 });
process.exit(0);
