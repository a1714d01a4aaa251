// The product page as a person uses it: by its fields and buttons.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { kColours, kTones, nearest, openPage, camera } from "./chromium.mjs";
import { kRepository } from "./server.mjs";
import { pause, same, until } from "./until.mjs";

const at = (id) => `[data-testid=${id}]`;
const kHeard = -42;          // dB of full scale: a tone that is in the mix is at about -26, the coder's noise below -60
const kNotHeard = -52;

export const kArtifacts = join(kRepository, "tests/artifacts");

export class RoomPage {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.frames = { received: [], sent: [] };
    page.on?.("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => this.frames.received.push(String(payload)));
      socket.on("framesent", ({ payload }) => this.frames.sent.push(String(payload)));
    });
  }

  static async open(browser, url, room, name, { devices = camera(name), context = {} } = {}) {
    const self = new RoomPage(await openPage(browser, devices, context), name);
    await self.page.goto(`${url}/?room=${encodeURIComponent(room)}`);
    return self;
  }
  static async join(browser, url, room, name, options) {
    const self = await RoomPage.open(browser, url, room, name, options);
    await self.enter();
    return self;
  }

  async enter({ devices = true } = {}) {
    await this.page.fill(at("name-input"), this.name);
    await this.page.click(at(devices ? "join" : "join-without-devices"));
    await until(`${this.name} is in the room`, async () => (await this.selfId()) !== "self" && (await this.selfId()));
  }

  click(id) { return this.page.click(at(id)); }
  tiles() { return this.page.evaluate(() => globalThis.__probe.tiles()); }
  async selfId() { return (await this.tiles()).find((each) => each.self)?.participant; }
  async tileOf(name, kind = "camera") { return (await this.tiles()).find((each) => each.name === name && each.kind === kind); }
  text(id) { return this.page.locator(at(id)).allInnerTexts(); }

  // The INVITEs that the server sent.
  offers() { return this.frames.received.filter((each) => each.startsWith("INVITE ")); }

  // What is shown of the others: name -> colour.
  async seen(kind = "camera") {
    const tiles = (await this.tiles()).filter((each) => !each.self && each.kind === kind);
    return Object.fromEntries(tiles.map((each) => [each.name, nearest(each.colour)]).sort());
  }
  sees(expected, limit) {
    const wanted = JSON.stringify(Object.fromEntries(Object.entries(expected).sort()));
    let last;
    return until(`${this.name} sees ${wanted}`, async () => JSON.stringify((last = await this.seen())) === wanted || Promise.reject(new Error(JSON.stringify(last))), limit);
  }

  // Hears the tones of exactly these.
  hears(names, limit = 25_000) {
    const all = Object.keys(kTones);
    return until(`${this.name} hears ${names.join(", ") || "nobody"}`, async () => {
      const levels = await this.page.evaluate((f) => globalThis.__probe.roomTones(f), Object.values(kTones));
      const good = levels !== null && all.every((name, i) => (names.includes(name) ? levels[i] > kHeard : levels[i] < kNotHeard));
      return good || Promise.reject(new Error(`${all} at ${levels} dB`));
    }, limit);
  }

  async openPanel(id, probe) {
    if (!(await this.page.locator(at(probe)).isVisible())) await this.click(id);
    await this.page.locator(at(probe)).waitFor();
  }
  async say(text) {
    await this.openPanel("chat-toggle", "chat-input");
    await this.page.fill(at("chat-input"), text);
    await this.click("chat-send");
  }
  chat() {
    return this.page.evaluate(() => [...document.querySelectorAll("[data-testid=chat-message]")].map((each) => ({
      text: each.querySelector("[data-testid=chat-text]").textContent, mine: each.dataset.mine === "true",
      delivery: each.dataset.delivery, sequence: each.dataset.sequence })));
  }
  async roster() {
    await this.openPanel("people-toggle", "roster");
    return this.page.evaluate(() => [...document.querySelectorAll("[data-testid=roster-entry]")].map((each) => ({
      id: each.dataset.participant, muted: each.dataset.muted === "true", hand: each.dataset.hand === "true",
      name: each.querySelector("bdi").textContent })));
  }
  async shot(name) {
    mkdirSync(kArtifacts, { recursive: true });
    await pause(350);      // colours and sizes change smoothly
    await this.page.screenshot({ path: join(kArtifacts, `${name}.png`) });
  }
  async leave() {
    await this.click("leave");
    await this.page.locator(at("ended")).waitFor();
  }
  async close() {
    if (await this.page.locator(at("leave")).isVisible()) await this.leave();
    await this.page.context().close();
  }
  noErrors(allowed = /WebSocket connection|ERR_/) {
    same(this.page.errors.filter((each) => !allowed.test(each)), [], `errors in ${this.name}'s page`);
  }
}

export { kColours, kTones };
