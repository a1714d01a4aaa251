// A site on another origin that embeds the widget, its visitors, and the agents at their desk.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { camera, openPage } from "./chromium.mjs";
import { LiveChatPage } from "./livechat_page.mjs";
import { kRepository } from "./server.mjs";
import { until } from "./until.mjs";

const at = (id) => `[data-testid=${id}]`;

// The shop of the examples as any web server serves it, with Parley's address in the tag and what `attributes` says more of it.
export async function serveShop(parley, { policy = null } = {}) {
  const read = (name) => readFileSync(join(kRepository, "examples", name), "utf8");
  const page = (attributes) => {
    const html = read("widget.html").replace('src="/widget.js"', `src="${parley}/widget.js"`);
    return attributes === "" ? html : html.replace(/data-line="[^>]*async/, `${attributes} async`);
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://x");
    const [type, body] = pathname.endsWith(".css") ? ["text/css", read("widget.css")] : ["text/html; charset=utf-8", page(searchParams.get("tag") ?? "")];
    response.writeHead(200, { "Content-Type": type, ...(policy === null ? {} : { "Content-Security-Policy": policy }) });
    response.end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://localhost:${server.address().port}`, stop: () => server.close() };
}

// One who looks at the shop's pages. What LiveChatPage knows of messages, tones and screenshots holds here too.
export class ShopVisitor extends LiveChatPage {
  static async open(browser, shop, name, { devices = camera(name), context = {}, path = "/widget.html", tag = "" } = {}) {
    const self = new ShopVisitor(await openPage(browser, devices, context), name);
    self.address = `${shop}${path}${tag === "" ? "" : `?tag=${encodeURIComponent(tag)}`}`;
    await self.page.goto(self.address);
    await self.page.locator(at("widget-button")).waitFor();
    return self;
  }
  async openWindow() {
    await this.click("widget-button");
    await this.page.locator(at("widget-panel")).waitFor();
  }
  async begin(message, name = this.name) {
    await this.openWindow();
    await this.page.fill(at("widget-name"), name);
    await this.page.fill(at("widget-message"), message);
    await this.click("widget-start");
  }
  phase() { return this.page.locator(at("widget-panel")).getAttribute("data-phase"); }
  is(phase, limit) {
    return until(`${this.name}'s widget is at ${phase}`, async () => (await this.phase()) === phase || Promise.reject(new Error(await this.phase())), limit);
  }
  isNumber(position, limit) {
    return until(`${this.name} is number ${position}`, async () => {
      const now = await this.page.locator(at("widget-place")).getAttribute("data-position", { timeout: 1000 });
      return now === String(position) || Promise.reject(new Error(now));
    }, limit);
  }
  // Locators look into open shadow roots, document.querySelectorAll doesn't.
  messages() {
    return this.page.locator(at("message")).evaluateAll((all) => all.map((each) => ({
      text: each.querySelector("[data-testid=message-text]").textContent, mine: each.dataset.mine === "true", delivery: each.dataset.delivery })));
  }
}

export class AgentPage extends LiveChatPage {
  static async open(browser, url, name, { devices = camera(name), context = {} } = {}) {
    return LiveChatPage.open.call(AgentPage, browser, url, name, { devices, context, path: "/agent/" }).then((page) => new AgentPage(page.page, name));
  }
  async enter(account, password, { stay = false } = {}) {
    await this.page.fill(at("account-input"), account);
    await this.page.fill(at("password-input"), password);
    if (stay) await this.page.check(at("stay"));
    await this.click("enter");
  }
  static async signIn(browser, url, name, account, password, options = {}) {
    const self = await AgentPage.open(browser, url, name, options);
    await self.enter(account, password, options);
    await self.page.locator(at("screen")).waitFor();
    return self;
  }
  async waiting() {
    return this.page.locator(at("waiting")).evaluateAll((all) => all.map((each) => ({
      name: each.dataset.name, queue: each.dataset.queue, page: each.querySelector("[data-testid=waiting-page]")?.textContent ?? "",
      texts: [...each.querySelectorAll("[data-testid=waiting-texts] p")].map((line) => line.textContent), waited: each.querySelector("[data-testid=waited]").textContent })));
  }
  seesWaiting(names, limit) {
    const wanted = JSON.stringify(names);
    return until(`${this.name} sees ${wanted} waiting`, async () => {
      const seen = JSON.stringify((await this.waiting()).map((each) => each.name));
      return seen === wanted || Promise.reject(new Error(seen));
    }, limit);
  }
  take(name) { return this.page.locator(at("waiting")).filter({ hasText: name }).locator(at("take")).click(); }
  // `target`: an agent's or queue's name in the list; else what is typed.
  async transfer(target, { typed = false } = {}) {
    await this.click("transfer");
    await this.page.locator(at("transfer-menu")).waitFor();
    if (!typed) return this.page.locator(at("target")).filter({ hasText: target }).click();
    await this.page.fill(at("transfer-number") + ":is(input)", target);
    await this.click("transfer-to");
  }
  stage() { return this.chat().getAttribute("data-stage"); }
}
