// One participant on the bare JsSIP page.

import { camera, kColours, kTones, nearest, openPage } from "./chromium.mjs";
import { until } from "./until.mjs";

export class PhonePage {
  constructor(page, name) {
    this.page = page;
    this.name = name;
  }

  static async open(browser, pages, name, devices = camera(name)) {
    const page = await openPage(browser, devices);
    await page.goto(`${pages.url}/phone.html`);
    return new PhonePage(page, name);
  }
  static async join(browser, pages, server, room, name, options = {}) {
    const self = await PhonePage.open(browser, pages, name, options.devices);
    await self.enter(server, room, options);
    return self;
  }

  async enter(server, room, { devices: _, ...options } = {}) {
    await this.page.evaluate((all) => globalThis.phone.join(all), { server: server.socket, room, name: this.name, ...options });
    await until(`${this.name} is in`, async () => {
      const status = await this.page.evaluate(() => globalThis.phone.status);
      return status === "in" || Promise.reject(new Error(status));
    });
    this.id = await this.page.evaluate(() => globalThis.phone.participant);
  }

  get(expression) { return this.page.evaluate(`globalThis.phone.${expression}`); }

  // participant id -> colours, for who is in `names` (id -> name).
  async seen(names) {
    const all = await this.page.evaluate(() => globalThis.phone.colours());
    return all.map(([id, colour]) => `${names[id] ?? id}: ${nearest(colour)}`).sort();
  }
  sees(names, expected, limit) {
    const wanted = JSON.stringify(expected.sort());
    return until(`${this.name} sees ${wanted}`, async () => {
      const seen = JSON.stringify(await this.seen(names));
      return seen === wanted || Promise.reject(new Error(seen));
    }, limit);
  }
  hears(names, limit = 25_000) {
    const all = Object.keys(kTones);
    return until(`${this.name} hears ${names.join(", ") || "nobody"}`, async () => {
      const levels = await this.page.evaluate((f) => globalThis.phone.audio && globalThis.__probe.tones(globalThis.phone.audio, f), Object.values(kTones));
      const good = levels && all.every((name, i) => (names.includes(name) ? levels[i] > -42 : levels[i] < -52));
      return good || Promise.reject(new Error(`${all} at ${levels} dB`));
    }, limit);
  }

  send(type, body) { return this.page.evaluate(([t, b]) => globalThis.phone.send(t, b), [type, body]); }
  messages() { return this.get("messages"); }
  transport() { return this.page.evaluate(() => globalThis.__probe.transport()); }
  async leave() {
    await this.page.evaluate(() => globalThis.phone.leave());
  }
  async close() {
    await this.page.context().close();
  }
}

export { kColours };
