// What breaks and comes back keeps its place; what is gone for good is soon gone for the others too.

import { launchChromium } from "../lib/chromium.mjs";
import { launchMortal } from "../lib/process_browser.mjs";
import { startProxy } from "../lib/proxy.mjs";
import { RoomPage } from "../lib/room_page.mjs";
import { startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";

const kVanishLimit = 15_000;

const events = (person, type) => person.frames.received.filter((each) => each.startsWith("MESSAGE ") && each.includes(`"type":"${type}"`));

export async function run(runner) {
  await runner.group("comeback", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const proxy = await startProxy(Number(new URL(server.url).port));
    group.after(() => proxy.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const green = await RoomPage.join(browser, server.url, "back", "green");
    const red = await RoomPage.join(browser, `http://localhost:${proxy.port}`, "back", "red");
    const id = await red.selfId();
    // As of a network that is back, the browser tells its page: else it depends on the browser when it tries again.
    const restore = async () => {
      proxy.restore();
      await red.page.evaluate(() => globalThis.dispatchEvent(new Event("online")));
    };
    const together = async () => {
      await red.sees({ green: "green" });
      await green.sees({ red: "red" });
      await red.hears(["green"]);
      await green.hears(["red"]);
      same(await red.selfId(), id, "participant id");
      same((await green.tileOf("red")).participant, id, "id at the others");
    };

    await group.test("a cut WebSocket is told, comes back and keeps the place; what was written meanwhile arrives", async () => {
      await together();
      proxy.cut();
      await red.page.locator("[data-testid=banner].warning").waitFor();
      await red.shot("reconnecting");
      await pause(1000);
      await green.hears(["red"]);      // the media never stopped
      await red.say("from the dark");
      await green.say("can you hear me?");
      await restore();
      await red.page.locator("[data-testid=banner].success").waitFor();
      await together();
      await green.openPanel("chat-toggle", "chat-input");
      await until("green has the text once", async () => (await green.chat()).filter((each) => each.text === "from the dark").length === 1);
      same(events(green, "ConfbridgeLeave").length, 0, "Leave events");
      same(events(green, "ConfbridgeJoin").length, 1, "Join events");
    });

    await group.test("a reload keeps the place, with the same id", async () => {
      await red.page.reload();
      await until("red is back", async () => (await red.selfId()) === id);
      await together();
      same(events(green, "ConfbridgeLeave").length, 0, "Leave events");
      await red.say("after the reload");
      await until("green reads it", async () => (await green.chat()).at(-1)?.text === "after the reload");
    });

    await group.test("a second cut, and a screen shared while it lasts", async () => {
      await red.click("screen");
      await until("green sees the screen", async () => (await green.seen("screen")).red === "cyan");
      proxy.cut();
      await red.page.locator("[data-testid=banner].warning").waitFor();
      await pause(500);
      await restore();
      await red.page.locator("[data-testid=banner].success").waitFor();
      await together();
      await until("green still sees the screen", async () => (await green.seen("screen")).red === "cyan");
      await red.click("screen");
      await until("the screen is gone", async () => Object.keys(await green.seen("screen")).length === 0);
    });
    await red.close();

    for (const [what, act] of [["killed", "kill"], ["frozen", "freeze"]]) {
      await group.test(`a page that is ${what} is gone at the others within 15 s`, async () => {
        const mortal = await launchMortal();
        try {
          await RoomPage.join(mortal.browser, server.url, "back", "blue");
          await green.sees({ blue: "blue" });
          const leaves = events(green, "ConfbridgeLeave").length;
          const begin = Date.now();
          mortal[act]();
          await until("green is told", async () => events(green, "ConfbridgeLeave").length > leaves, kVanishLimit);
          const took = (Date.now() - begin) / 1000;
          await until("its tile is gone", async () => (await green.tileOf("blue")) === undefined, 8000);
          check(took <= 15, `it took ${took} s`);
          group.note(`told ${took.toFixed(1)} s after it was ${what}`);
        } finally {
          await mortal.end();
        }
      });
    }

    await group.test("SIGTERM ends the call with a BYE within 5 s, and the page waits for the server", async () => {
      const begin = Date.now();
      const exit = await server.stop();
      check(Date.now() - begin < 5500, `it took ${Date.now() - begin} ms`);
      same(exit.code, 0, "exit status");
      check(green.frames.received.some((each) => each.startsWith("BYE ")), "BYE");
      await green.page.locator("[data-testid=banner].warning", { hasText: "The server is restarting" }).waitFor();
      check(!(await green.page.locator("[data-testid=ended]").isVisible()), "the call is over");
      await green.shot("restarting");
    });
  });

  await runner.group("comeback: restart", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    let green;

    await group.test("a server that is stopped and started again has everybody back in the room, who see and hear each other", async () => {
      green = await RoomPage.join(browser, server.url, "again", "green");
      const red = await RoomPage.join(browser, server.url, "again", "red");
      const together = async (limit) => {
        await red.sees({ green: "green" }, limit);
        await green.sees({ red: "red" }, limit);
        await red.hears(["green"], limit);
        await green.hears(["red"], limit);
      };
      await together();
      await red.say("before");
      await green.openPanel("chat-toggle", "chat-input");
      await until("green reads it", async () => (await green.chat()).at(-1)?.text === "before");
      await server.end();
      for (const each of [green, red]) await each.page.locator("[data-testid=banner].warning", { hasText: "The server is restarting" }).waitFor();
      await red.say("while it is away");
      await server.startAgain();
      await together(30_000);
      await until("green reads what was written meanwhile, below what was said before",
                  async () => (await green.chat()).map((each) => each.text).join() === "before,while it is away", 15_000);
      await green.say("after");
      await until("red reads in order", async () => (await red.chat()).map((each) => each.text).join() === "before,while it is away,after", 15_000);
      await green.noErrors();
      await red.close();
      await until("one tile is left", async () => Object.keys(await green.seen()).length === 0);
    }, 120_000);

    await group.test("one who leaves while the server is away stays out", async () => {
      const blue = await RoomPage.join(browser, server.url, "again", "blue");
      await server.end();
      await blue.page.locator("[data-testid=banner].warning").waitFor();
      await blue.leave();
      await server.startAgain();
      await green.sees({});
      const red = await RoomPage.join(browser, server.url, "again", "red");
      await red.sees({ green: "green" }, 30_000);
      check(await blue.page.locator("[data-testid=ended]").isVisible(), "blue came back");
    }, 120_000);
  });
}
