// Text in a room, byte for byte (Enhanced Messaging, parts A.1, A.2, B.1 and B.2).

import { launchChromium } from "../lib/chromium.mjs";
import { servePages } from "../lib/pages.mjs";
import { PhonePage } from "../lib/phone_page.mjs";
import { startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";

const kType = "application/x-myphone-confbridge-chat+json";
const kEach = 50;

export async function run(runner) {
  await runner.group("chat", async (group) => {
    const server = await startServer();
    group.after(() => server.stop());
    const pages = await servePages(["phone"]);
    group.after(() => pages.stop());
    const browser = await launchChromium();
    group.after(() => browser.close());
    const all = [];
    for (const name of ["red", "green", "blue"]) {
      all.push(await PhonePage.join(browser, pages, server, "talk", name, { video: false }));
    }
    const [red, green, blue] = all;
    const arrived = async (count) => {
      for (const each of [green, blue]) await until(`${each.name} has ${count}`, async () => (await each.get("messages.length")) >= count || Promise.reject(new Error(String(await each.get("messages.length")))));
      await pause(300);
      return Promise.all([green, blue].map((each) => each.messages()));
    };
    const clear = async () => {
      for (const each of all) await each.page.evaluate(() => void (globalThis.phone.messages.length = 0));
    };

    for (const [what, type, body] of [
      ["UTF-8, as it is", kType, JSON.stringify({ From: "Zoë", Body: "Grüße, 漢字, עברית, 👩‍👩‍👧‍👦 \"quoted\" \\ \u0001 end" })],
      ["60 kB of it", "text/plain;charset=utf-8", "Straße 👋 ".repeat(4600)],
      ["a type with parameters and odd spelling", "Text/X-Odd ;  Charset=\"UTF-8\";a=b", "x"],
      ["line ends, blanks and a NUL", "application/octet-stream", "\r\n\r\n a\u0000b \n\n"],
    ]) {
      await group.test(`a message arrives once, with its type: ${what}`, async () => {
        same(await red.send(type, body), 202, "answer");
        for (const messages of await arrived(1)) {
          same(messages.map((each) => each.type), [type], "types");
          check(messages[0].body === body, `body: ${messages[0].body.length} characters instead of ${body.length}`);
          same([messages[0].name, messages[0].participant], ["red", red.id], "sender");
          check(messages[0].id !== null && !Number.isNaN(Date.parse(messages[0].date)), "id and date");
        }
        same(await red.get("messages.length"), 0, "copies to the sender");
        await clear();
      });
    }

    await group.test("what can't be taken is refused, and the call goes on", async () => {
      same(await red.send("text/plain", ""), 415, "empty");
      same(await red.send("image/png", "x"), 415, "type");
      same(await red.send("text/plain", "x".repeat(65_537)), 413, "size");
      same(await red.send("text/plain", "fine"), 202, "after that");
      for (const messages of await arrived(1)) same(messages.map((each) => each.body), ["fine"], "what arrived");
      await clear();
    });

    await group.test(`${kEach} of each of three at once: all, once, in one order`, async () => {
      const answers = await Promise.all(all.map((each) => each.page.evaluate(async ([type, name, count]) => {
        const sent = [];
        for (let i = 0; i < count; ++i) sent.push(globalThis.phone.send(type, JSON.stringify({ From: name, Body: `${name} ${i} ü` })));
        return Promise.all(sent);
      }, [kType, each.name, kEach])));
      same([...new Set(answers.flat())], [202], "answers");
      const order = new Map();
      for (const each of all) {
        const got = await until(`${each.name} has all`, async () => {
          const messages = await each.messages();
          return messages.length >= 2 * kEach && messages;
        });
        await pause(200);
        same(await each.get("messages.length"), 2 * kEach, `messages at ${each.name}`);
        check(got.every((one, i) => i === 0 || (one.sequence > got[i - 1].sequence && one.cseq > got[i - 1].cseq)), `${each.name} has them in order`);
        for (const other of all) {
          if (other === each) continue;
          same(got.filter((one) => one.participant === other.id).map((one) => JSON.parse(one.body).Body),
               Array.from({ length: kEach }, (_, i) => `${other.name} ${i} ü`), `${other.name}'s at ${each.name}`);
        }
        for (const one of got) {
          check(!order.has(one.sequence) || order.get(one.sequence) === one.id, `number ${one.sequence} means one message`);
          order.set(one.sequence, one.id);
        }
      }
      same(order.size, 3 * kEach, "numbers");
    });

    await group.test("all are still in the call", async () => {
      for (const each of all) same(await each.get("status"), "in", each.name);
    });
  });
}
