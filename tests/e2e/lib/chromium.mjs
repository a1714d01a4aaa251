// Chromium with participants in it: one browser for all, a context of its own for each.

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const kExecutable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const kFlags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
];
const kFakeDevices = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
// Host candidates by address: contexts without camera permission would offer mDNS names alone.
const kPlainCandidates = ["--disable-features=WebRtcHideLocalIpsWithMdns"];

export const kScripts = ["fake_devices.js", "probes.js"].map((name) => readFileSync(new URL(name, import.meta.url), "utf8"));

export const kColours = { red: [220, 30, 30], green: [30, 190, 40], blue: [30, 50, 220], yellow: [230, 220, 30], cyan: [20, 210, 210], magenta: [210, 30, 200] };
export const kTones = { red: 520, green: 930, blue: 1480, yellow: 2210 };

export function nearest(colour) {
  if (colour === null || colour === undefined) return null;
  const distance = (a) => a.reduce((sum, each, at) => sum + (each - colour[at]) ** 2, 0);
  const [name, best] = Object.entries(kColours).map(([key, value]) => [key, distance(value)]).sort((a, b) => a[1] - b[1])[0];
  return best < 90 ** 2 ? name : null;
}

// Playwright's options; the profile is a new one each time.
export function chromiumOptions({ plainCandidates = true, args = [] } = {}) {
  return {
    executablePath: kExecutable, headless: true, ignoreDefaultArgs: ["--mute-audio", "--hide-scrollbars"],
    args: ["--headless=new", ...kFlags, ...kFakeDevices, ...(plainCandidates ? kPlainCandidates : []), ...args],
    env: { ...process.env, LANG: "C.UTF-8" },
  };
}
export const launchChromium = (options) => chromium.launch(chromiumOptions(options));

// A page that has the given colour as camera and the tone of that colour as microphone.
export async function openPage(browser, devices = {}, context = {}) {
  const owner = await browser.newContext({ ignoreHTTPSErrors: true, permissions: [], viewport: { width: 1000, height: 640 }, ...context });
  const page = await owner.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  await page.addInitScript(`globalThis.__devices = ${JSON.stringify(devices)};`);
  for (const script of kScripts) await page.addInitScript(script);
  return page;
}

export const camera = (name, more = {}) => ({ colour: kColours[name], tone: kTones[name] ?? 440, ...more });
