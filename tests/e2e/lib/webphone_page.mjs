// Pages of other web servers than Parley's: the published live chat, and a bare page with the SDK.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { openPage } from "./chromium.mjs";
import { kRepository } from "./server.mjs";
import { until } from "./until.mjs";

const kTypes = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8" };

// The chat as the article says: Parley's address written into the first script tag, everything else as it is.
export async function serveElsewhere(parley) {
  const chat = join(kRepository, "web/dist/examples/ozeki-livechat");
  const read = (name) => readFileSync(join(chat, name), "utf8");
  const files = new Map([
    ["/live_chat.html", read("live_chat.html").replace('src="/WebphoneAPI"', `src="${parley}/WebphoneAPI"`)],
    ["/jquery.min.js", read("jquery.min.js")],
    ["/style.css", read("style.css")],
    ["/sdk.html", `<!doctype html><meta charset="utf-8"><title>sdk</title>`],
  ]);
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const found = files.get(path);
    response.writeHead(found === undefined ? 404 : 200, { "Content-Type": kTypes[path.split(".").pop()] ?? "text/plain" });
    response.end(found ?? "");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://localhost:${server.address().port}`, stop: () => server.close() };
}

// One who has opened the live chat. confirm() is answered by `decide`, at once or when it is done.
export class Chatter {
  constructor(page, name) {
    Object.assign(this, { page, name, asked: 0, decide: () => true });
  }

  static async open(browser, url, name) {
    const page = await openPage(browser, {});
    const self = new Chatter(page, name);
    page.on("dialog", async (dialog) => {
      try {
        if (dialog.type() === "prompt") return await dialog.accept(name);
        self.asked++;
        await ((await self.decide()) ? dialog.accept() : dialog.dismiss());
      } catch {
        // the page is gone
      }
    });
    await page.goto(url);
    return self;
  }

  welcome() { return this.page.textContent("#welcome"); }
  chat() { return this.page.evaluate(() => document.getElementById("chatbox").innerText); }
  online() {
    return this.page.evaluate(() => [...document.querySelectorAll("#clients button")]
      .filter((each) => each.style.display !== "none" && each.innerText !== "").map((each) => each.innerText).sort());
  }
  sees(names) {
    const wanted = JSON.stringify([...names].sort());
    return until(`${this.name} sees ${wanted} online`, async () => {
      const seen = JSON.stringify(await this.online());
      return seen === wanted || Promise.reject(new Error(seen));
    });
  }
  reads(text, limit) {
    return until(`${this.name} reads "${text}"`, async () => {
      const chat = await this.chat();
      return chat.includes(text) || Promise.reject(new Error(chat));
    }, limit);
  }
  request(name) {
    return this.page.evaluate((wanted) => [...document.querySelectorAll("#clients button")].find((each) => each.innerText === wanted).click(), name);
  }
  async say(text) {
    await this.page.fill("#usermsg", text);
    await this.page.click("button:has-text('Send')");
  }
  // The state of the call that the program keeps, or null.
  state() { return this.page.evaluate("MyCall === null ? null : MyCall.getCallState()"); }
  is(state) {
    return until(`${this.name}'s call is ${state}`, async () => {
      const now = await this.state();
      return now === state || Promise.reject(new Error(String(now)));
    });
  }
}

// A bare page with the SDK: `phone`, `call` (the last one, made or come in) and what was seen of them. `prepare`: called before it is loaded.
export async function openSdk(browser, url, parley, name, options = {}, devices = {}, prepare = async () => undefined) {
  const page = await openPage(browser, devices);
  await prepare(page);
  return startSdk(page, url, parley, name, options);
}

// The same in a page that is open already, of whichever browser.
export async function startSdk(page, url, parley, name, options = {}) {
  page.start = () => page.evaluate(async ([server, displayName, more]) => {
    const { Webphone } = await import(`${server}/sdk/parley-webphone.js`);
    const seen = (globalThis.seen = { clients: {}, texts: [], states: [], status: [] });
    const watch = (globalThis.watch = (call) => {
      globalThis.call = call;
      call.on("status", (status) => seen.states.push(status));
      call.on("message", ({ text }) => seen.texts.push(text));
      return call;
    });
    const phone = (globalThis.phone = new Webphone({ host: new URL(server).host, line: "Webphone1", displayName, ...more }));
    phone.on("clientOnline", (client) => { seen.clients[client.displayName] = client; });
    phone.on("clientOffline", (client) => { delete seen.clients[client.displayName]; });
    phone.on("status", (status) => seen.status.push(status));
    phone.on("call", (call) => watch(call));
    phone.on("callResumed", (call) => watch(call));
    await phone.connect();
    return phone.number;
  }, [parley, name, options]);
  page.sees = (what, expression, limit) => until(`${name}: ${what}`, async () => (await page.evaluate(expression)) || Promise.reject(new Error(JSON.stringify(await page.evaluate("globalThis.seen")))), limit);
  await page.goto(`${url}/sdk.html`);
  page.number = await page.start();
  return page;
}
