// Makes docs/images/agent.png: the agents' desk with a chat and somebody who waits.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchChromium } from "./lib/chromium.mjs";
import { pagesAreBuilt } from "./lib/prepare.mjs";
import { addAccount, kRepository, startServer } from "./lib/server.mjs";
import { pause } from "./lib/until.mjs";
import { AgentPage, serveShop, ShopVisitor } from "./lib/widget_page.mjs";

const kConfig = `
[[webphone_line]]
name = "support"
default_target = "support"
roster = "nobody"
[[queue]]
name = "support"
agents = ["Nadia", "Tom"]
`;

pagesAreBuilt();
const server = await startServer({ more: kConfig });
for (const name of ["Nadia", "Tom"]) await addAccount(server, name, `password of ${name}`);
const shop = await serveShop(server.url);
const browser = await launchChromium();
try {
  const desk = { devices: {}, context: { viewport: { width: 1080, height: 640 } } };
  const tom = await AgentPage.signIn(browser, server.url, "Tom", "Tom", "password of Tom", desk);
  const nadia = await AgentPage.signIn(browser, server.url, "Nadia", "Nadia", "password of Nadia", desk);
  const visit = (name) => ShopVisitor.open(browser, shop.url, name, { devices: {} });
  const mira = await visit("Mira");
  await mira.begin("Does the Heron fit a fig that is two metres high?");
  await nadia.take("Mira");
  await nadia.reads("Does the Heron fit a fig that is two metres high?");
  await nadia.say("Yes! 28 cm give it room for some years.");
  await nadia.say("Feet of clay under it help in winter.");
  await mira.reads("Feet of clay under it help in winter.");
  await mira.say("Lovely, I take two. Do you send to Norway?");
  await nadia.reads("Lovely, I take two. Do you send to Norway?");
  const jonas = await visit("Jonas");
  await jonas.begin("My order 4711 came with a crack, what now?");
  await nadia.seesWaiting(["Jonas"]);
  await pause(9000);      // until the notice is gone
  mkdirSync(join(kRepository, "docs/images"), { recursive: true });
  await nadia.page.screenshot({ path: join(kRepository, "docs/images/agent.png") });
  await tom.close();
} finally {
  await browser.close();
  shop.stop();
  await server.stop();
}
