// Makes docs/images/room.png (a room with chat) and livechat.png, by the pages themselves.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchChromium } from "./lib/chromium.mjs";
import { LiveChatPage } from "./lib/livechat_page.mjs";
import { pagesAreBuilt } from "./lib/prepare.mjs";
import { RoomPage } from "./lib/room_page.mjs";
import { kRepository, startServer } from "./lib/server.mjs";
import { pause, until } from "./lib/until.mjs";

pagesAreBuilt();
const server = await startServer();
const browser = await launchChromium();
const images = join(kRepository, "docs/images");
mkdirSync(images, { recursive: true });

async function livechat() {
  const enter = (name, portrait) => LiveChatPage.enter(browser, server.url, name, { devices: { portrait }, context: { viewport: { width: 1120, height: 700 } } });
  const ada = await enter("Ada", 215);
  const grace = await enter("Grace", 330);
  const others = [];
  for (const name of ["Barbara", "Edsger", "Katherine", "Linus"]) others.push(await enter(name, 100));
  await others[1].say("Good morning, everybody!");
  await others[3].ask("Ada");
  await ada.answer("Linus", "accept-text");
  await others[3].is("stage", "open");
  await ada.ask("Grace", "video");
  await grace.answer("Ada", "accept-video");
  await ada.is("camera", "on");
  await grace.is("camera", "on");
  await grace.say("Hello Ada! Can you see me?");
  await ada.say("Perfectly. The drafts are at https://example.org/drafts");
  await grace.say("Thanks, looking at them now");
  await others[3].say("Do you have a minute?");
  await others[3].say("It's about the release");
  await until("all is there", async () => (await ada.chatOf("Linus")).unread === 2 && (await ada.messages()).length === 3);
  await others[0].ask("Ada");
  await ada.request("Barbara").waitFor();
  await pause(1500);
  await ada.page.screenshot({ path: join(images, "livechat.png") });
}

async function room() {
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
  await ada.page.screenshot({ path: join(images, "room.png") });
}

const only = process.argv[2];      // one of the names, or both
try {
  if (only === undefined || only === "room") await room();
  if (only === undefined || only === "livechat") await livechat();
} finally {
  await browser.close();
  await server.stop();
}
