// The conference page by its buttons.

import { camera, launchChromium } from "../lib/chromium.mjs";
import { RoomPage } from "../lib/room_page.mjs";
import { startServer } from "../lib/server.mjs";
import { check, same, until } from "../lib/until.mjs";

const kText = "Grüße 👋🏽 & <b>not bold</b> \u202eabc\u202c 漢字 https://example.org/a?b=1";

export async function run(runner) {
  await runner.group("page", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const people = {};

    await group.test("three join by the form and see each other in their own colours", async () => {
      for (const name of ["red", "green", "blue"]) people[name] = await RoomPage.join(browser, server.url, "Team", name);
      await people.red.sees({ green: "green", blue: "blue" });
      await people.green.sees({ red: "red", blue: "blue" });
      await people.blue.sees({ red: "red", green: "green" });
    });
    const { red, green, blue } = people;
    if (blue === undefined) return;

    await group.test("each hears the tones of the others and not its own", async () => {
      await red.hears(["green", "blue"]);
      await green.hears(["red", "blue"]);
      await blue.hears(["red", "green"]);
    });

    await group.test("the last one got all that was there in one re-INVITE", async () => {
      await new Promise((done) => setTimeout(done, 600));
      same(blue.offers().length, 1, "re-INVITEs to the last one");
      same(green.offers().length, 2, "re-INVITEs to the second");
      same(red.offers().length, 2, "re-INVITEs to the first");
    });

    await group.test("the roster names everybody under the ids of the tiles", async () => {
      const roster = await red.roster();
      same(roster.map((each) => each.name).sort(), ["blue", "green", "red"], "names");
      for (const each of roster) same((await red.tileOf(each.name)).participant, each.id, `id of ${each.name}`);
    });

    await group.test("chat arrives once, as text, and is counted while closed", async () => {
      await red.say(kText);
      await until("green counts one unread", async () => (await green.text("unread"))[0] === "1");
      for (const each of [green, blue]) {
        await each.openPanel("chat-toggle", "chat-input");
        const got = await until("the text", async () => (await each.chat()).length > 0 && each.chat());
        same(got.map((one) => [one.text, one.mine]), [[kText, false]], "chat");
      }
      check(await green.page.locator("[data-testid=chat-text] b").count() === 0, "no element was made of it");
      same(await green.page.locator("[data-testid=chat-text] a").getAttribute("href"), "https://example.org/a?b=1", "link");
      await until("it is shown as sent", async () => (await red.chat())[0].delivery === "sent");
    });

    await group.test("texts of three at once stand in one order everywhere", async () => {
      await Promise.all([red, green, blue].map(async (each) => {
        for (let i = 0; i < 5; ++i) await each.say(`${each.name} ${i}`);
      }));
      const logs = await Promise.all([red, green, blue].map((each) => until(`${each.name} has all`, async () => {
        const log = await each.chat();
        return log.length === 16 && log.every((one) => one.delivery === "sent") && log.map((one) => one.text);
      })));
      same(logs[1], logs[0], "order at green");
      same(logs[2], logs[0], "order at blue");
    });

    await group.test("a muted microphone is marked and silent, and comes back", async () => {
      await green.click("mic");
      await until("red sees the mark", async () => (await red.tileOf("green")).muted);
      await red.hears(["blue"]);
      await green.click("mic");
      await until("the mark is gone", async () => !(await red.tileOf("green")).muted);
      await red.hears(["green", "blue"]);
    });

    await group.test("a raised hand is shown and goes down", async () => {
      await blue.click("hand");
      await until("red sees the hand", async () => (await red.tileOf("blue")).hand);
      check((await red.roster()).find((each) => each.name === "blue").hand, "hand in the roster");
      await blue.click("hand");
      await until("the hand is down", async () => !(await red.tileOf("blue")).hand);
    });

    await group.test("a camera goes off and on", async () => {
      await green.click("camera");
      await until("red sees no picture", async () => (await red.tileOf("green")).colour === null);
      await green.click("camera");
      await red.sees({ green: "green", blue: "blue" });
    });

    await group.test("a shared screen comes beside the camera and goes again", async () => {
      await green.click("screen");
      for (const each of [red, blue]) {
        await until(`${each.name} sees the screen`, async () => (await each.seen("screen")).green === "cyan");
        same((await each.seen()).green, "green", "camera beside it");
      }
      const labels = red.offers().at(-1);
      same(/a=content:slides/.test(labels), true, "a=content:slides in the offer");
      await red.shot("page-screen");
      await green.click("screen");
      await until("the screen is gone", async () => Object.keys(await red.seen("screen")).length === 0);
    });

    await group.test("one who joins without camera and microphone sees, hears and reads", async () => {
      const yellow = await RoomPage.open(browser, server.url, "Team", "yellow");
      await yellow.enter({ devices: false });
      await yellow.sees({ red: "red", green: "green", blue: "blue" });
      await yellow.hears(["red", "green", "blue"]);
      await yellow.say("hello from the audience");
      await until("red reads it", async () => (await red.chat()).at(-1)?.text === "hello from the audience" || red.openPanel("chat-toggle", "chat-input"));
      await until("it is marked as muted", async () => (await red.tileOf("yellow")).muted);
      await yellow.click("leave");
      await yellow.page.locator("[data-testid=ended]").waitFor();
      await until("red sees it go", async () => (await red.tileOf("yellow")) === undefined, 8000);
      await yellow.close();
    });

    await group.test("pictures of the room are kept: light, dark, phone", async () => {
      for (const each of [red, green, blue]) await each.openPanel("chat-toggle", "chat-input");
      const long = "A longer text that needs more than one line, with a link to https://example.org/minutes and an emoji 🎉.";
      await green.say("Good morning! Shall we start?");
      await red.say(long);
      await until("it is there", async () => (await red.chat()).at(-1)?.delivery === "sent");
      await red.page.setViewportSize({ width: 1280, height: 760 });
      await red.shot("room-light");
      await red.page.emulateMedia({ colorScheme: "dark" });
      await red.shot("room-dark");
      await red.openPanel("people-toggle", "roster");
      await red.shot("room-dark-people");
      await red.page.setViewportSize({ width: 390, height: 780 });
      await red.shot("phone-people");
      await red.page.keyboard.press("Escape");
      await red.openPanel("chat-toggle", "chat-input");
      await red.shot("phone-chat");
      await red.page.keyboard.press("Escape");
      await red.page.emulateMedia({ colorScheme: "light" });
      await red.shot("phone-room");
      await red.page.setViewportSize({ width: 1000, height: 640 });
    });

    await group.test("who leaves is gone at the others at once, and the rest stays", async () => {
      await blue.click("leave");
      await until("red sees blue go", async () => (await red.tileOf("blue")) === undefined, 8000);
      await red.sees({ green: "green" });
      await red.hears(["green"]);
      await blue.shot("ended");
      await blue.click("rejoin");
      await red.sees({ green: "green", blue: "blue" });
      await blue.sees({ red: "red", green: "green" });
      await red.hears(["green", "blue"]);
    });

    await group.test("no page reported an error", async () => {
      for (const each of [red, green, blue]) each.noErrors();
    });
  });

  await runner.group("devices", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    let red;

    await group.test("a refused microphone is told, and the camera is used alone", async () => {
      red = await RoomPage.open(browser, server.url, "refused", "red", { devices: camera("red", { refuse: ["audio"] }) });
      await red.page.locator(".callout").waitFor();
      await red.shot("prejoin-refused");
      await red.enter();
      const green = await RoomPage.join(browser, server.url, "refused", "green");
      await green.sees({ red: "red" });
      await red.hears(["green"]);
      await green.hears([]);
      await until("it is marked as muted", async () => (await green.tileOf("red")).muted);
      await green.close();
    });

    await group.test("a refused camera is told, and the microphone is used alone", async () => {
      const blue = await RoomPage.join(browser, server.url, "refused", "blue", { devices: camera("blue", { refuse: ["video"] }) });
      await red.hears(["blue"]);
      await red.sees({ blue: null });
      await blue.sees({ red: "red" });
      await blue.close();
    });

    // Holds what the server sends from the moment that `hold` is called, until the function that it returns is.
    const gate = async (page) => {
      const held = [];
      let open = true;
      await page.routeWebSocket(/.*/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => (open ? socket.send(message) : held.push([socket, message])));
      });
      return { held, close: () => (open = false), open: () => {
        open = true;
        for (const [socket, message] of held.splice(0)) socket.send(message);
      } };
    };
    const allow = (person) => person.page.evaluate(() => globalThis.__e2e.allow());

    await group.test("devices that come while the call is being made are sent", async () => {
      const asked = await RoomPage.open(browser, server.url, "slow", "green", { devices: camera("green", { asks: true }) });
      const wire = await gate(asked.page);
      await asked.page.reload();
      const blue = await RoomPage.join(browser, server.url, "slow", "blue");
      wire.close();
      await asked.page.fill("[data-testid=name-input]", "green");
      await asked.click("join");
      await until("the answer is on its way", async () => wire.held.some(([, message]) => /^SIP\/2\.0 200/.test(String(message))));
      await allow(asked);
      await asked.page.locator("[data-testid=camera][aria-pressed=true]").waitFor();
      wire.open();
      await blue.sees({ green: "green" });
      await blue.hears(["green"]);
      check(!(await blue.tileOf("green")).muted, "muted at blue");
      await asked.close();
      await blue.close();
    });

    await group.test("devices that come after one has joined are sent", async () => {
      const green = await RoomPage.join(browser, server.url, "slow", "green", { devices: camera("green", { asks: true }) });
      const blue = await RoomPage.join(browser, server.url, "slow", "blue");
      await blue.sees({ green: null });
      await allow(green);
      await blue.sees({ green: "green" });
      await blue.hears(["green"]);
      await until("it isn't marked as muted", async () => !(await blue.tileOf("green")).muted);
      await green.close();
      await blue.close();
    });

    await group.test("who joins without devices gets none when the browser's question is answered later", async () => {
      const green = await RoomPage.open(browser, server.url, "slow", "green", { devices: camera("green", { asks: true }) });
      await green.enter({ devices: false });
      await allow(green);
      await until("the tracks have ended", async () => (await green.page.evaluate(() => globalThis.__e2e.given.map((each) => each.readyState).join())) === "ended,ended");
      await green.page.locator("[data-testid=camera][aria-pressed=false]").waitFor();
      await green.page.locator("[data-testid=mic][aria-pressed=false]").waitFor();
      await green.close();
    });

    await group.test("a screen that is picked after one has left is let go", async () => {
      const green = await RoomPage.join(browser, server.url, "slow", "green");
      await green.page.evaluate(() => {
        const { mediaDevices } = navigator;
        const native = mediaDevices.getDisplayMedia.bind(mediaDevices);
        mediaDevices.getDisplayMedia = (...wanted) => new Promise((done) => {
          globalThis.pick = () => native(...wanted).then((stream) => {
            globalThis.picked = stream.getTracks();
            done(stream);
          });
        });
      });
      await green.click("screen");
      await until("the browser asks", () => green.page.evaluate(() => typeof globalThis.pick === "function"));
      await green.leave();
      await green.page.evaluate(() => globalThis.pick());
      await until("it is let go", () => green.page.evaluate(() => globalThis.picked.every((each) => each.readyState === "ended")));
      await green.close();
    });

    await group.test("the page before joining, as pictures", async () => {
      const green = await RoomPage.open(browser, server.url, "look", "green");
      await green.page.fill("[data-testid=name-input]", "Ada Lovelace");
      await green.page.waitForTimeout(500);
      await green.shot("prejoin-light");
      await green.page.emulateMedia({ colorScheme: "dark" });
      await green.page.setViewportSize({ width: 390, height: 780 });
      await green.shot("prejoin-phone-dark");
      await green.close();
    });

    await group.test("the start page leads to all that there is, and has an icon however it is asked for", async () => {
      const icon = await fetch(`${server.url}/favicon.ico`);
      same([icon.status, icon.headers.get("content-type"), (await icon.arrayBuffer()).byteLength > 500], [200, "image/x-icon", true], "the icon");
      const green = await RoomPage.open(browser, server.url, "look", "green");
      const links = await green.page.locator("[data-testid=elsewhere] a").evaluateAll((all) => all.map((each) => each.href));
      same(links.map((each) => new URL(each).pathname), ["/livechat/", "/agent/", "/examples/", "/api/"], "the links");
      for (const link of links) same((await fetch(link)).status, 200, link);
      await green.close();
    });
  });
}
