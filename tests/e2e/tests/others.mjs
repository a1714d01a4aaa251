// Other people's clients: the example page from any web server, and SIP.js.

import { join } from "node:path";
import { camera, kTones, launchChromium, nearest, openPage } from "../lib/chromium.mjs";
import { serveFolder, servePages } from "../lib/pages.mjs";
import { RoomPage } from "../lib/room_page.mjs";
import { addAccount, kRepository, startServer } from "../lib/server.mjs";
import { same, until } from "../lib/until.mjs";

async function openExample(browser, url, server, name) {
  const page = await openPage(browser, camera(name));
  await page.goto(`${url}/jssip-chat.html?server=${encodeURIComponent(server.socket)}&room=demo&name=${name}`);
  await page.click("#join");
  await until(`${name} is in`, async () => (await page.textContent("#status")) === "In room demo" || Promise.reject(new Error(`${await page.textContent("#status")} ${page.errors}`)));
  const colours = () => page.evaluate(() => [...document.querySelectorAll("#videos video")].map((each) => globalThis.__probe.colour(each)));
  return {
    page, messages: () => page.locator("#messages li").allTextContents(),
    async sees(...names) {
      await until(`${name} sees ${names}`, async () => {
        const seen = (await colours()).map(nearest).sort().join();
        return seen === names.sort().join() || Promise.reject(new Error(seen));
      });
    },
    async hears(other) {
      await until(`${name} hears ${other}`, async () => {
        const levels = await page.evaluate((f) => globalThis.__probe.tones(document.querySelector("#audio").srcObject, f), [kTones[other], kTones[name]]);
        return (levels[0] > -42 && levels[1] < -52) || Promise.reject(new Error(`${levels} dB`));
      });
    },
  };
}

export async function run(runner) {
  await runner.group("example", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const elsewhere = await serveFolder(join(kRepository, "web/dist/examples"));
    group.after(() => elsewhere.stop());
    let red, green;

    await group.test("two of jssip-chat.html, one from Parley and one from another web server, see and hear each other", async () => {
      red = await openExample(browser, `${server.url}/examples`, server, "red");
      green = await openExample(browser, elsewhere.url, server, "green");
      await red.sees("green");
      await green.sees("red");
      await red.hears("green");
      await green.hears("red");
    });
    if (green === undefined) return;

    await group.test("they chat with each other and with the conference page", async () => {
      const blue = await RoomPage.join(browser, server.url, "demo", "blue");
      await red.sees("green", "blue");
      await red.page.fill("#text", "Hallo <i>Grün</i> 👋");
      await red.page.click("#send");
      await until("green reads it", async () => (await green.messages()).join() === "red: Hallo <i>Grün</i> 👋");
      await until("red sees its own", async () => (await red.messages()).join() === "Me: Hallo <i>Grün</i> 👋");
      await blue.openPanel("chat-toggle", "chat-input");
      await until("blue reads it", async () => (await blue.chat()).map((each) => each.text).join() === "Hallo <i>Grün</i> 👋");
      await blue.close();
      await red.sees("green");
    });

    await group.test("one leaves and the other's picture of it goes", async () => {
      await green.page.click("#leave");
      await red.sees();
      same(await red.page.textContent("#status"), "In room demo", "status");
      same([...red.page.errors, ...green.page.errors].filter((each) => !/favicon|404/.test(each)), [], "errors");
    });
  });

  await runner.group("sip.js", async (group) => {
    // SIP.js 0.21 reads only the last WWW-Authenticate, JsSIP only the first, and both know MD5 alone.
    const server = await startServer({ more: '[authentication]\nalgorithms = ["MD5"]\n' });
    group.after(() => server.stop());
    await addAccount(server, "carol", "a secret of hers");
    const browser = await launchChromium();
    group.after(() => browser.close());
    const pages = await servePages(["sipjs"]);
    group.after(() => pages.stop());
    const page = await openPage(browser, camera("green"));
    await page.goto(`${pages.url}/sipjs.html`);
    const state = () => page.evaluate(() => globalThis.phone.state);

    await group.test("a wrong password is refused, the right one registers", async () => {
      await page.evaluate((all) => globalThis.phone.start(all), { server: server.socket, account: "carol", password: "wrong" });
      await until("refused", async () => (await state()) === "rejected");
      await until("the account is known to the server, and registered", async () => {
        await page.evaluate((all) => globalThis.phone.start(all), { server: server.socket, account: "carol", password: "a secret of hers" });
        await until("an answer", async () => !["starting", "started"].includes(await state()));
        return (await state()) === "registered";
      }, 10_000, 500);
    });

    await group.test("it calls a room, sees and hears the others, and takes their text", async () => {
      const red = await RoomPage.join(browser, server.url, "mixed", "red");
      await page.evaluate(() => globalThis.phone.call("mixed"));
      await until("established", async () => (await state()) === "established" || Promise.reject(new Error(await state())));
      await red.sees({ carol: "green" });
      await red.hears(["green"]);
      await until("it sees red", async () => nearest(await page.evaluate(() => globalThis.__probe.colour(globalThis.phone.video()))) === "red");
      await until("it hears red", async () => {
        const levels = await page.evaluate((f) => globalThis.phone.audio && globalThis.__probe.tones(globalThis.phone.audio, f), [kTones.red, kTones.green]);
        return (levels && levels[0] > -42 && levels[1] < -52) || Promise.reject(new Error(`${levels} dB`));
      });
      await red.say("hello SIP.js, schön");
      await until("it reads it", async () => (await page.evaluate(() => globalThis.phone.texts)).join() === "hello SIP.js, schön");
      await page.evaluate(() => globalThis.phone.say("hello page"));
      await until("the page reads it", async () => (await red.chat()).at(-1)?.text === "hello page");
      await page.evaluate(() => globalThis.phone.hangUp());
      await until("it is gone", async () => (await red.tileOf("carol")) === undefined);
      await red.close();
    });
  });
}
