// Calls of two by pages that know nothing of Parley: JsSIP alone. A camera that comes later, and what is heard before the answer.

import { camera, kTones, launchChromium, nearest } from "../lib/chromium.mjs";
import { PhonePage } from "../lib/phone_page.mjs";
import { servePages } from "../lib/pages.mjs";
import { addAccount, startServer } from "../lib/server.mjs";
import { SoundProvider } from "../lib/sound_provider.mjs";
import { check, same, until } from "../lib/until.mjs";

// A softphone on the page: `soft`. It answers by sound alone and shows whatever video comes.
async function openSoft(browser, pages, server, name, account = null) {
  const { page } = await PhonePage.open(browser, pages, name, camera(name));
  await page.evaluate(([socket, user, password]) => {
    const soft = (globalThis.soft = { status: "idle", early: false, offers: 0, removed: 0, videos: [], audio: null });
    const host = new URL(socket.replace(/^ws/, "http")).hostname;
    soft.ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(socket)], uri: `sip:${user}@${host}`, register: password !== null, ...(password === null ? {} : { password }) });
    soft.ua.on(password === null ? "connected" : "registered", () => (soft.status = "ready"));
    const show = (connection) => {
      soft.connection = connection;
      connection.addEventListener("track", ({ track, streams: [stream] }) => {
        if (track.kind === "audio") {
          soft.audio = stream;
          soft.player = Object.assign(new Audio(), { autoplay: true, srcObject: stream });
          return;
        }
        const element = Object.assign(document.createElement("video"), { autoplay: true, muted: true, width: 160, srcObject: new MediaStream([track]) });
        document.body.append(element);
        soft.videos.push(element);
        stream.addEventListener("removetrack", () => {
          soft.removed++;
          soft.videos.splice(soft.videos.indexOf(element), 1);
          element.remove();
        });
      });
    };
    soft.ua.on("newRTCSession", ({ originator, session }) => {
      soft.session = session;
      session.connection ? show(session.connection) : session.on("peerconnection", ({ peerconnection }) => show(peerconnection));
      session.on("progress", ({ response }) => (soft.early ||= response?.status_code === 183));
      session.on("confirmed", () => (soft.status = "in"));
      session.on("ended", ({ cause }) => (soft.status = `ended: ${cause}`));
      session.on("failed", ({ cause }) => (soft.status = `failed: ${cause}`));
      session.on("reinvite", () => soft.offers++);
      if (originator === "remote") session.answer({ mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } });
    });
    soft.call = (number) => soft.ua.call(`sip:${number}@${host}`, { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } });
    soft.renegotiate = () => new Promise((done, fail) => soft.session.renegotiate({}, done) || fail(new Error("not ready")));
    soft.addCamera = async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      soft.sender = soft.connection.addTrack(stream.getVideoTracks()[0], stream);
      await soft.renegotiate();
    };
    soft.dropCamera = async () => {
      soft.connection.removeTrack(soft.sender);
      await soft.renegotiate();
    };
    soft.ua.start();
  }, [server.socket, account?.name ?? `guest-${name}`, account?.password ?? null]);
  page.is = (status) => until(`${name} is ${status}`, async () => (await page.evaluate("soft.status")) === status || Promise.reject(new Error(await page.evaluate("soft.status"))));
  page.sees = (colours) => until(`${name} sees ${colours}`, async () => {
    const seen = (await page.evaluate(() => soft.videos.map((each) => globalThis.__probe.colour(each)))).map((each) => nearest(each)).join();
    return seen === colours || Promise.reject(new Error(seen));
  });
  page.hears = (tone) => until(`${name} hears ${tone}`, async () => {
    const [level] = await page.evaluate((f) => (soft.audio === null ? [-200] : globalThis.__probe.tones(soft.audio, f)), [kTones[tone]]);
    return level > -45 || Promise.reject(new Error(`${level} dB`));
  });
  await page.is("ready");
  return page;
}

export async function run(runner) {
  await runner.group("later", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    await addAccount(server, "bob", "a secret of his");
    const pages = await servePages(["phone"]);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const red = await openSoft(browser, pages, server, "red");
    const green = await openSoft(browser, pages, server, "green", { name: "bob", password: "a secret of his" });

    await group.test("two talk, one adds a camera, and the other sees it without doing anything", async () => {
      await red.evaluate(() => soft.call("bob"));
      await green.is("in");
      await green.hears("red");
      await red.evaluate(() => soft.addCamera());
      await green.sees("red");
      const video = (await green.evaluate(() => globalThis.__probe.inbound())).find((each) => each.kind === "video");
      check(video.frames > 0, "frames were decoded");
      same(await green.evaluate("soft.offers"), 1, "re-INVITEs");
      await green.hears("red");
    });
    await group.test("the camera goes, and so does the picture; it comes again on the same line", async () => {
      await red.evaluate(() => soft.dropCamera());
      await until("the picture is gone", async () => (await green.evaluate("soft.videos.length")) === 0);
      await red.evaluate(() => soft.addCamera());
      await green.sees("red");
      same(await green.evaluate("soft.connection.getTransceivers().length"), 2, "m-lines");
    });
    await group.test("the other one adds its camera, too", async () => {
      await green.evaluate(() => soft.addCamera());
      await red.sees("green");
      await green.sees("red");
      await red.hears("green");
      await red.evaluate(() => soft.session.terminate());
      await until("it is over", async () => (await green.evaluate("soft.status")).startsWith("ended"));
    });
  });

  await runner.group("early", async (group) => {
    const provider = await SoundProvider.start(kTones.blue);
    group.after(() => provider.stop());
    const server = await startServer({
      more: `[[trunk]]\nname = "provider"\nserver = "127.0.0.1:${provider.port}"\n[[rule]]\npattern = "0(?P<n>[0-9]+)"\nfrom = ["guests"]\nto = "trunk:provider"\nnumber = "{n}"\n`,
    });
    group.after(() => server.stop());
    const pages = await servePages(["phone"]);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const red = await openSoft(browser, pages, server, "red");

    await group.test("a JsSIP page hears what a provider says before it answers", async () => {
      await red.evaluate(() => soft.call("0555"));
      await until("183", () => red.evaluate("soft.early"));
      await red.hears("blue");
      check((await red.evaluate("soft.status")) === "ready" && !provider.acknowledged, "not answered yet");
    });
    await group.test("the answer changes nothing of that, and the call ends as any", async () => {
      provider.answer();
      await red.is("in");
      check(provider.acknowledged, "acknowledged");
      await red.hears("blue");
      await red.evaluate(() => soft.session.terminate());
      await until("BYE", () => provider.ended);
    });
  });
}
