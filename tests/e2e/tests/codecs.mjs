// Each video codec that a room may prefer, forwarded between pages; a newcomer gets its picture by a keyframe.

import { launchChromium } from "../lib/chromium.mjs";
import { RoomPage } from "../lib/room_page.mjs";
import { startServer } from "../lib/server.mjs";
import { same } from "../lib/until.mjs";

const kCodecs = ["VP9", "H264", "AV1"];    // VP8 is what all the other tests use

const inUse = (person) => person.page.evaluate(async () => {
  const stats = await globalThis.__e2e.connections.at(-1).getStats();
  const names = [...stats.values()].filter((each) => each.type === "inbound-rtp" && each.kind === "video" && each.framesDecoded > 0)
    .map((each) => stats.get(each.codecId)?.mimeType);
  return [...new Set(names)];
});

export async function run(runner) {
  await runner.group("codecs", async (group) => {
    const rooms = kCodecs.map((codec) => `[room."${codec.toLowerCase()}"]\nvideo_codecs = ["${codec}", "VP8"]\n`);
    const server = await startServer({ more: rooms.join("") });
    group.after(() => server.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    for (const codec of kCodecs) {
      await group.test(`${codec} goes from page to page`, async () => {
        const red = await RoomPage.join(browser, server.url, codec.toLowerCase(), "red");
        const green = await RoomPage.join(browser, server.url, codec.toLowerCase(), "green");
        await red.sees({ green: "green" });
        await green.sees({ red: "red" });
        same(await inUse(red), [`video/${codec}`], "codec");
        const blue = await RoomPage.join(browser, server.url, codec.toLowerCase(), "blue");
        await blue.sees({ red: "red", green: "green" });
        await green.sees({ red: "red", blue: "blue" });
        for (const each of [red, green, blue]) await each.close();
      });
    }
  });
}
