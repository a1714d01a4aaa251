// Makes docs/images/room.png: a room with chat, by the page itself.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchChromium } from "./lib/chromium.mjs";
import { pagesAreBuilt } from "./lib/prepare.mjs";
import { RoomPage } from "./lib/room_page.mjs";
import { kRepository, startServer } from "./lib/server.mjs";
import { pause, until } from "./lib/until.mjs";

pagesAreBuilt();
const server = await startServer();
const browser = await launchChromium();
try {
  const join_ = (name, portrait, tone) => RoomPage.join(browser, server.url, "Design review", name, { devices: { portrait, tone } });
  const ada = await join_("Ada", 215, 300);
  const grace = await join_("Grace", 330, 500);
  const linus = await join_("Linus", 95, 700);
  await grace.click("mic");
  await linus.click("mic");
  await linus.click("hand");
  await ada.page.setViewportSize({ width: 1280, height: 760 });
  await grace.say("Good morning! The new drafts are at https://example.org/drafts");
  await ada.say("Thanks, looking at them now");
  await linus.say("I like the second one.\nMay I share my screen?");
  await ada.say("Please do");
  await until("all is there", async () => (await ada.chat()).length === 4 && (await ada.chat()).at(-1).delivery === "sent");
  await ada.openPanel("chat-toggle", "chat-input");
  await pause(6000);      // until the notices are gone
  mkdirSync(join(kRepository, "docs/images"), { recursive: true });
  await ada.page.screenshot({ path: join(kRepository, "docs/images/room.png") });
} finally {
  await browser.close();
  await server.stop();
}
