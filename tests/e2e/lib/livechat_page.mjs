// The live chat page as a person uses it: by its fields and buttons.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { camera, nearest, openPage } from "./chromium.mjs";
import { kArtifacts, kTones } from "./room_page.mjs";
import { pause, same, until } from "./until.mjs";

const at = (id) => `[data-testid=${id}]`;
const kHeard = -42;          // dB of full scale: a tone that is there is at about -26, the coder's noise below -60
const kNotHeard = -52;

export class LiveChatPage {
  constructor(page, name) {
    Object.assign(this, { page, name });
  }

  static async open(browser, url, name, { devices = camera(name), context = {}, path = "/livechat/" } = {}) {
    const self = new LiveChatPage(await openPage(browser, devices, context), name);
    await self.page.goto(`${url}${path}`);
    return self;
  }
  static async enter(browser, url, name, options) {
    const self = await LiveChatPage.open(browser, url, name, options);
    await self.signIn(name);
    return self;
  }
  async signIn(name) {
    await this.page.fill(at("name-input"), name);
    await this.page.press(at("name-input"), "Enter");
    await this.page.locator(at("screen")).waitFor();
  }

  click(id) { return this.page.click(at(id)); }
  count(id) { return this.page.locator(at(id)).count(); }
  text(id) { return this.page.locator(at(id)).first().textContent(); }
  number() { return this.page.locator(at("screen")).getAttribute("data-number"); }
  people() { return this.page.locator(at("person-name")).allTextContents(); }
  sees(names, limit) {
    const wanted = JSON.stringify([...names].sort());
    return until(`${this.name} sees ${wanted} online`, async () => {
      const seen = JSON.stringify((await this.people()).sort());
      return seen === wanted || Promise.reject(new Error(seen));
    }, limit);
  }
  person(name) { return this.page.locator(at("person")).filter({ has: this.page.locator(at("person-name"), { hasText: name }) }); }
  async ask(name, kind = "text") { await this.person(name).locator(at(kind === "text" ? "ask" : `ask-${kind}`)).click(); }
  request(name) { return this.page.locator(at("request")).filter({ hasText: name }); }
  async answer(name, how) {
    await this.request(name).waitFor();
    await this.request(name).locator(at(how)).click();
  }

  // The chats of the list: name, unread, stage.
  chats() {
    return this.page.evaluate(() => [...document.querySelectorAll("[data-testid=chat-row]")].map((each) => ({
      name: each.querySelector(".row-name").textContent, unread: Number(each.dataset.unread), stage: each.dataset.stage, line: each.querySelector(".row-line").textContent })));
  }
  async chatOf(name) { return (await this.chats()).find((each) => each.name === name); }
  async show(name) {
    await this.page.locator(at("chat-row")).filter({ has: this.page.locator(".row-name", { hasText: name }) }).click();
    await this.shows(name);
  }
  shows(name) { return until(`${this.name} has ${name} on the screen`, async () => (await this.page.locator(at("chat-name")).textContent()) === name); }
  chat() { return this.page.locator(at("chat")); }
  is(field, value, limit) {
    return until(`${this.name}'s chat has ${field} ${value}`, async () => {
      const now = await this.chat().getAttribute(`data-${field}`);
      return now === value || Promise.reject(new Error(now));
    }, limit);
  }
  async say(text) {
    await this.page.fill(at("input"), text);
    await this.page.press(at("input"), "Enter");
  }
  messages() {
    return this.page.evaluate(() => [...document.querySelectorAll("[data-testid=message]")].map((each) => ({
      text: each.querySelector("[data-testid=message-text]").textContent, mine: each.dataset.mine === "true", delivery: each.dataset.delivery })));
  }
  async texts() { return (await this.messages()).map((each) => each.text); }
  reads(text, limit) {
    return until(`${this.name} reads "${text}"`, async () => {
      const texts = await this.texts();
      return texts.includes(text) || Promise.reject(new Error(JSON.stringify(texts)));
    }, limit);
  }
  notices() { return this.page.locator(`${at("notice")} span`).allTextContents(); }
  notes(part, limit) {
    return until(`${this.name} is told "${part}"`, async () => {
      const notices = (await this.notices()).map((each) => each.replace(/[\u2068\u2069]/g, ""));
      return notices.some((each) => each.includes(part)) || Promise.reject(new Error(JSON.stringify(notices)));
    }, limit);
  }

  // The person answers the browser's question (with the devices' `asks`); what the browser opened then.
  allow() { return this.page.evaluate(() => globalThis.__e2e.allow()); }
  opened() { return this.page.evaluate(() => globalThis.__e2e.given.map((each) => each.readyState)); }
  letsGo(count) {
    const wanted = JSON.stringify(Array(count).fill("ended"));
    return until(`${this.name} lets ${count} devices go`, async () => {
      const now = JSON.stringify(await this.opened());
      return now === wanted || Promise.reject(new Error(now));
    });
  }

  // Hears exactly these tones, of all that play in the page.
  hears(names, limit = 25_000) {
    const all = Object.keys(kTones);
    return until(`${this.name} hears ${names.join(", ") || "nobody"}`, async () => {
      const levels = await this.page.evaluate(async (frequencies) => {
        const loudest = frequencies.map(() => -200);
        for (const element of document.querySelectorAll("[data-testid=chat-audio]")) {
          if (element.srcObject === null || element.paused) continue;
          const found = await globalThis.__probe.tones(element.srcObject, frequencies);
          found?.forEach((level, i) => { loudest[i] = Math.max(loudest[i], level); });
        }
        return loudest;
      }, Object.values(kTones));
      const good = all.every((name, i) => (names.includes(name) ? levels[i] > kHeard : levels[i] < kNotHeard));
      return good || Promise.reject(new Error(`${all} at ${levels} dB`));
    }, limit);
  }
  // Some sound comes in. After a hold Chromium plays it, but gives it to no AudioContext any more (the SSRC is the same).
  hearsSound(limit) {
    const energy = () => this.page.evaluate(async () => {
      let sum = 0;
      for (const each of globalThis.__e2e.connections) {
        for (const report of (await each.getStats()).values()) if (report.type === "inbound-rtp" && report.kind === "audio") sum += report.totalAudioEnergy;
      }
      return sum;
    });
    return until(`${this.name} hears something`, async () => {
      const before = await energy();
      await pause(500);
      return (await energy()) - before > 0.005;
    }, limit);
  }
  // The colour of the other's picture.
  colour() {
    return this.page.evaluate(() => globalThis.__probe.colour(document.querySelector("[data-testid=picture]:not([hidden]) video"))).then(nearest);
  }
  seesColour(colour, limit) { return until(`${this.name} sees ${colour}`, async () => (await this.colour()) === colour || Promise.reject(new Error(String(await this.colour()))), limit); }

  async shot(name) {
    mkdirSync(kArtifacts, { recursive: true });
    await pause(350);      // colours and sizes change smoothly
    await this.page.screenshot({ path: join(kArtifacts, `${name}.png`) });
  }
  async close() { await this.page.context().close(); }
  noErrors(allowed = /WebSocket connection|ERR_/) {
    same(this.page.errors.filter((each) => !allowed.test(each)), [], `errors in ${this.name}'s page`);
  }
}
