// Firefox by WebDriver BiDi, with as much of Playwright's page as room_page.mjs uses.

import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { kScripts, kTones } from "./chromium.mjs";

const kExecutable = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const kPreferences = {
  "media.navigator.streams.fake": true, "media.navigator.audio.fake_frequency": kTones.red, "media.navigator.permission.disabled": true, "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0, "media.gmp-manager.updateEnabled": false,
  // H.264 comes as a download that a test can't wait for.
  "media.gmp-gmpopenh264.enabled": false, "network.captive-portal-service.enabled": false, "app.update.enabled": false,
};

export const haveFirefox = () => existsSync(kExecutable);

class Page {
  constructor(page) {
    this.page = page;
    this.errors = [];
    page.on("pageerror", (error) => this.errors.push(String(error)));
  }
  on() {}
  goto(url) { return this.page.goto(url); }
  evaluate(...args) { return this.page.evaluate(...args); }
  async fill(selector, text) {
    const field = await this.page.waitForSelector(selector);
    await field.evaluate((element) => element.select());
    await field.type(text);
  }
  async click(selector) {
    await (await this.page.waitForSelector(selector)).click();
  }
  locator(selector) {
    return {
      isVisible: async () => (await this.page.$(selector)) !== null,
      waitFor: () => this.page.waitForSelector(selector),
      allInnerTexts: () => this.page.$$eval(selector, (all) => all.map((each) => each.innerText)),
    };
  }
  screenshot(options) { return this.page.screenshot(options); }
  context() { return { close: () => this.page.close() }; }
}

// `preferences`: others beside; `home`: a folder of the user's own, where $HOME is none (Firefox refuses that).
export async function launchFirefox({ preferences = {}, home = process.env.HOME } = {}) {
  const browser = await puppeteer.launch({
    browser: "firefox", executablePath: kExecutable, headless: true, acceptInsecureCerts: true, extraPrefsFirefox: { ...kPreferences, ...preferences },
    env: { ...process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: "1", LANG: "C.UTF-8" },
  });
  return {
    version: await browser.version(),
    close: () => browser.close(),
    // Firefox runs no AudioContext without a sound device: its microphone is the browser's own fake one.
    async open(given) {
      const devices = { ...given, deviceless: true };
      const page = await browser.newPage();
      const scripts = [`globalThis.__devices = ${JSON.stringify(devices)};`, ...kScripts];
      await page.evaluateOnNewDocument(scripts.join("\n"));
      return new Page(page);
    },
  };
}
