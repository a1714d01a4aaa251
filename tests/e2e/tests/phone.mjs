// Media as an application on bare JsSIP gets it (Enhanced Messaging, parts A.3 to A.6).

import { launchChromium } from "../lib/chromium.mjs";
import { servePages } from "../lib/pages.mjs";
import { PhonePage } from "../lib/phone_page.mjs";
import { startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";

// The m-lines of an SDP, as far as the tests look.
function lines(sdp) {
  return sdp.split(/^m=/m).slice(1).map((text) => ({
    kind: text.split(" ")[0], port: Number(text.split(" ")[1]), mid: /^a=mid:(\S+)/m.exec(text)?.[1],
    msid: /^a=msid:(\S+)/m.exec(text)?.[1], label: /^a=label:(\S+)/m.exec(text)?.[1], setup: /^a=setup:(\S+)/m.exec(text)?.[1],
  }));
}

const dtls = ({ dtlsState, localCertificateId, remoteCertificateId, srtpCipher, selectedCandidatePairChanges }) =>
  ({ dtlsState, localCertificateId, remoteCertificateId, srtpCipher, selectedCandidatePairChanges });

export async function run(runner) {
  await runner.group("jssip", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const pages = await servePages(["phone"]);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const join = (name, options) => PhonePage.join(browser, pages, server, "conf", name, options);
    const names = {};
    let red, green, blue, before;

    await group.test("two see and hear each other, SRTP is AES-GCM", async () => {
      red = await join("red");
      green = await join("green");
      for (const each of [red, green]) names[each.id] = each.name;
      await red.sees(names, ["green: green"]);
      await green.sees(names, ["red: red"]);
      await red.hears(["green"]);
      await green.hears(["red"]);
      before = dtls(await red.transport());
      same([before.dtlsState, before.srtpCipher], ["connected", "SRTP_AEAD_AES_128_GCM"], "DTLS");
    });
    if (green === undefined) return;

    await group.test("a late one gets all in one re-INVITE, its videos labelled by the events' ids", async () => {
      blue = await join("blue");
      names[blue.id] = "blue";
      await blue.sees(names, ["green: green", "red: red"]);
      await red.sees(names, ["blue: blue", "green: green"]);
      await green.sees(names, ["blue: blue", "red: red"]);
      await pause(500);
      same((await blue.get("offers")).length, 1, "re-INVITEs");
      const welcome = (await blue.get("events"))[0];
      same([welcome.type, welcome.channels.map((each) => names[each.id]).sort()], ["ConfbridgeWelcome", ["blue", "green", "red"]], "welcome");
      same(await blue.get("failures"), [], "faults in what the server sent");
      const first = [...(await blue.page.evaluate(() => [...globalThis.phone.firstFrame.values()]))];
      group.note(`first pictures of the others ${first.map((each) => Math.round(each)).join(" and ")} ms after the call was placed`);
    });

    await group.test("each hears the two others and not itself", async () => {
      await red.hears(["green", "blue"]);
      await green.hears(["red", "blue"]);
      await blue.hears(["red", "green"]);
    });

    await group.test("a leaver's m-line goes to port 0, and its slot comes back with another msid", async () => {
      const slot = lines((await red.get("offers")).at(-1)).find((each) => each.label === green.id);
      await green.leave();
      await red.sees(names, ["blue: blue"]);
      const freed = lines((await red.get("offers")).at(-1));
      same(freed.filter((each) => each.label === green.id), [], "m-lines of the leaver");
      check(freed.some((each) => each.port === 0), "an m-line has port 0");
      const leave = (await red.get("events")).at(-1);
      same([leave.type, leave.channels[0].id], ["ConfbridgeLeave", green.id], "event");
      await red.hears(["blue"]);
      const count = freed.length;
      const yellow = await join("yellow");
      names[yellow.id] = "yellow";
      await red.sees(names, ["blue: blue", "yellow: yellow"]);
      const reused = lines((await red.get("offers")).at(-1));
      same(reused.length, count, "m-lines");
      const now = reused.find((each) => each.label === yellow.id);
      check(now !== undefined && now.msid !== slot.msid, "another msid");
      await yellow.leave();
      await yellow.close();
      await red.sees(names, ["blue: blue"]);
    });

    await group.test("DTLS is as it was, after all these re-INVITEs", async () => {
      check((await red.get("offers")).length >= 3, "three re-INVITEs at least");
      same(dtls(await red.transport()), before, "transport");
      for (const offer of await red.get("offers")) {
        for (const line of lines(offer)) check(line.port === 0 || line.setup === "passive", `role held: ${line.setup}`);
      }
    });

    await group.test("audio only, video only and receive-only callers are normal", async () => {
      const listener = await join("yellow", { video: false });
      await listener.sees({ ...names, [listener.id]: "yellow" }, ["blue: blue", "red: red"]);
      await listener.hears(["red", "blue"]);
      await red.hears(["blue", "yellow"]);
      await listener.leave();
      await listener.close();
      const silent = await join("green", { audio: false });
      names[silent.id] = "green";
      await red.sees(names, ["blue: blue", "green: green"]);
      await red.hears(["blue"]);
      await silent.leave();
      await silent.close();
      const watcher = await join("yellow", { audio: false, video: false, receive: true });
      await watcher.sees(names, ["blue: blue", "red: red"]);
      await watcher.hears(["red", "blue"]);
      await watcher.leave();
      await watcher.close();
    });

    await group.test("pictures recover and go on", async () => {
      const first = await red.page.evaluate(() => globalThis.__probe.inbound());
      const video = await until("frames go on", async () => {
        const second = await red.page.evaluate(() => globalThis.__probe.inbound());
        const found = second.find((each) => each.kind === "video" && each.frames > 0);
        const earlier = first.find((each) => each.mid === found.mid);
        return found.frames - earlier.frames >= 8 ? found : Promise.reject(new Error(`${earlier.frames} to ${found.frames}`));
      });
      group.note(`video at red: ${video.frames} frames, ${video.keys} keyframes, ${video.lost} lost, ${video.pli} PLI`);
    });

    await group.test("a room can be left and ended, and the server has nothing left", async () => {
      await blue.leave();
      await until("red is alone", async () => (await red.seen(names)).length === 0);
      await red.hears([]);
      await red.leave();
    });
  });

  await runner.group("many", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const pages = await servePages(["phone"]);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const names = {};
    const all = [];

    await group.test("five with four videos each: more than 16 m-lines, every one the right one", async () => {
      for (const name of ["red", "green", "blue", "yellow", "magenta"]) {
        all.push(await PhonePage.join(browser, pages, server, "many", name, { videos: 4 }));
        names[all.at(-1).id] = name;
      }
      for (const each of all) {
        const expected = all.filter((other) => other !== each).flatMap((other) => Array(4).fill(`${other.name}: ${other.name}`));
        await each.sees(names, expected, 25_000);
      }
      same(lines((await all[0].get("offers")).at(-1)).length, 1 + 4 + 16, "m-lines");
      same(await all[0].get("failures"), [], "faults in what the server sent");
    });

    await group.test("a late one gets all twenty in one re-INVITE", async () => {
      const cyan = await PhonePage.join(browser, pages, server, "many", "cyan", { video: false });
      await cyan.sees(names, all.flatMap((other) => Array(4).fill(`${other.name}: ${other.name}`)), 25_000);
      same((await cyan.get("offers")).length, 1, "re-INVITEs");
    });
  });
}
