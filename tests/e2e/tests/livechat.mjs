// The live chat page: who is online, requests, private chats by text, voice and video, and everybody's room.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { camera, launchChromium } from "../lib/chromium.mjs";
import { LiveChatPage } from "../lib/livechat_page.mjs";
import { startProxy } from "../lib/proxy.mjs";
import { startServer } from "../lib/server.mjs";
import { Chatter } from "../lib/webphone_page.mjs";
import { check, pause, same, until } from "../lib/until.mjs";

const kOddNames = ["<b onclick=alert(1)>Eve</b>", "שָׁלוֹם דנה", "👩‍👩‍👧 Zoë", "N".repeat(80)];

async function world(group, options) {
  const server = await startServer(options);
  group.after(() => server.stop());
  const browser = await launchChromium();
  group.after(() => browser.close());
  const enter = (name, more) => LiveChatPage.enter(browser, server.url, name, more);
  return { server, browser, enter };
}

// Ann (red), Ben (green) and so on: the tone of each by the name of a colour.
const as = (colour, name) => [name, { devices: { colour: { red: [220, 30, 30], green: [30, 190, 40], blue: [30, 50, 220] }[colour], tone: { red: 520, green: 930, blue: 1480 }[colour] } }];

async function together(asker, asked, kind = "text", how = "accept-text") {
  await asker.ask(asked.name, kind);
  await asked.answer(asker.name, how);
  await asker.is("stage", "open");
  await asked.is("stage", "open");
}

async function texts(group) {
  const { server, browser, enter } = await world(group);
  const { test } = group;
  const ann = await enter(...as("red", "Ann"));
  const ben = await enter(...as("green", "Ben"));
  const cyd = await enter(...as("blue", "Cyd"));

  await test("with no configuration the page is there, with or without the slash", async () => {
    const moved = await fetch(`${server.url}/livechat?room=x`, { redirect: "manual" });
    same([moved.status, moved.headers.get("location")], [308, "/livechat/?room=x"], "without the slash");
    const page = await fetch(`${server.url}/livechat/`);
    check(!/<script>|style=/.test(await page.text()), "inline script or style");
    check(!page.headers.get("content-security-policy").includes("unsafe"), "its policy");
  });
  await test("everybody sees the others, and nobody himself", async () => {
    await ann.sees(["Ben", "Cyd"]);
    await ben.sees(["Ann", "Cyd"]);
    await cyd.sees(["Ann", "Ben"]);
  });
  await test("everybody talks with everybody in one room", async () => {
    for (const each of [ann, ben, cyd]) await until(`${each.name} is in the room`, async () => (await each.chatOf("Everybody"))?.stage === "open");
    for (const each of [ann, ben, cyd]) await each.show("Everybody");
    await ann.say("hello everybody");
    for (const each of [ben, cyd]) await each.reads("hello everybody");
    await cyd.say("hi, here is Cyd");
    for (const each of [ann, ben]) await each.reads("hi, here is Cyd");
    same(await ben.page.locator("[data-testid=message-name]").allTextContents(), ["Ann", "Cyd"], "who said it");
    await until("Ann's is sent", async () => (await ann.messages())[0].delivery === "sent");
  });
  await test("a request is declined, in the page and without a dialog", async () => {
    await ann.ask("Ben");
    await ann.shows("Ben");
    check((await ann.text("waiting")).includes("Ben"), "Ann is not told to wait");
    await ben.request("Ann").waitFor();
    await until("the title says so", async () => (await ben.page.title()).startsWith("Ann wants to chat"));
    await ben.shot("livechat-request");
    await ben.answer("Ann", "refuse");
    await ann.notes("Ben declined your request.");
    await ann.is("stage", "ended");
    same(await ben.count("request"), 0, "cards");
  });
  await test("a request is taken back: the card goes, and it is told", async () => {
    await ann.click("ask-again");
    await ben.request("Ann").waitFor();
    await ann.click("withdraw");
    await ann.notes("You withdrew your request.");
    await until("the card is gone", async () => (await ben.count("request")) === 0);
    check((await ben.text("toast")).includes("Ann"), "Ben is not told");
  });
  await test("a request is accepted, and texts go both ways, unchanged", async () => {
    await ann.click("ask-again");
    await ben.answer("Ann", "accept-text");
    await ann.is("stage", "open");
    await ann.notes("Ben accepted your request.");
    await ben.shows("Ann");
    await ann.say("<b>bold?</b> & <img src=x onerror=alert(1)> 👋🏽 https://example.org/a?b=1.");
    await ben.reads("<b>bold?</b> & <img src=x onerror=alert(1)> 👋🏽 https://example.org/a?b=1.");
    const link = ben.page.locator("[data-testid=message-text] a");
    same([await link.getAttribute("href"), await link.getAttribute("rel")], ["https://example.org/a?b=1", "noopener noreferrer nofollow"], "the link");
    await ben.say("שלום, it works");
    await ann.reads("שלום, it works");
    await until("sent", async () => (await ann.messages())[0].delivery === "sent");
    check(!(await cyd.texts()).some((each) => each.includes("works")), "Cyd read it");
  });
  await test("Shift+Enter makes a line, a pasted long text is sent whole and shown folded", async () => {
    const input = ann.page.locator("[data-testid=input]");
    await input.fill("first");
    await input.press("Shift+Enter");
    await input.pressSequentially("second");
    await input.press("Enter");
    await ben.reads("first\nsecond");
    const long = Array.from({ length: 400 }, (_, i) => `line ${i} of a long text`).join("\n");
    await ann.say(long);
    await ben.reads(long);
    check(await ben.page.locator(".unfold").isVisible(), "it is not folded");
    await input.fill("ä".repeat(33_000));
    check(/64\.0 KiB/.test(await ann.page.locator(".compose .field-error").textContent()), "too long is not said");
    check(await ann.page.locator("[data-testid=send]").isDisabled(), "it can be sent");
    await input.fill("");
  });
  await test("who is writing is shown, and no longer when it is sent", async () => {
    await ben.page.locator("[data-testid=input]").pressSequentially("I am");
    await until("Ann sees it", async () => (await ann.text("chat-status")).includes("is writing"));
    await ben.page.press("[data-testid=input]", "Enter");
    await ann.reads("I am");
    await until("Ann sees it no more", async () => !(await ann.text("chat-status")).includes("is writing"));
  });
  await test("several chats at once, with what is unread in the list and the title", async () => {
    await cyd.ask("Ann");
    await ann.answer("Cyd", "accept-text");
    await ann.shows("Cyd");
    await ben.say("one");
    await ben.say("two");
    await until("two are unread", async () => (await ann.chatOf("Ben")).unread === 2);
    await until("the title says so", async () => (await ann.page.title()).startsWith("(2) "));
    await cyd.is("stage", "open");
    await cyd.say("and I");
    await ann.reads("and I");
    await ann.show("Ben");
    await ann.reads("two");
    await until("nothing is unread", async () => (await ann.chatOf("Ben")).unread === 0 && !(await ann.page.title()).startsWith("("));
    await ann.page.fill("[data-testid=input]", "half a thou");
    await ann.shot("livechat-chats");
    await ann.show("Cyd");
    await ann.show("Ben");
    same(await ann.page.inputValue("[data-testid=input]"), "half a thou", "the draft");
  });
  await test("a reload keeps number, chats, texts and the draft, and asks for no microphone", async () => {
    const number = await ann.number();
    const before = await ann.texts();
    await ann.page.reload();
    await ann.page.locator("[data-testid=screen]").waitFor();
    same(await ann.number(), number, "the number");
    await ann.shows("Ben");
    await ann.is("stage", "open");
    same(await ann.texts(), before, "the texts");
    same(await ann.page.inputValue("[data-testid=input]"), "half a thou", "the draft");
    same(await ann.chat().getAttribute("data-microphone"), "off", "the microphone");
    await ann.say("reloaded");
    await ben.reads("reloaded");
    await ben.say("welcome back");
    await ann.reads("welcome back");
    await until("Cyd's chat is back too", async () => (await ann.chatOf("Cyd"))?.stage === "open" && (await ann.chatOf("Everybody"))?.stage === "open");
    await ann.show("Everybody");
    await cyd.show("Everybody");
    await cyd.say("still here?");
    await ann.reads("still here?");
    await ann.sees(["Ben", "Cyd"]);
  });
  await test("who leaves a chat is told at the other, and can be asked again", async () => {
    await ben.click("hang-up");
    await ben.notes("You left the chat.");
    await ann.show("Ben");
    await ann.notes("Ben left the chat.");
    await ben.click("ask-again");
    await ann.answer("Ben", "accept-text");
    await ben.is("stage", "open");
    await ben.say("again");
    await ann.reads("again");
    await ann.reads("welcome back");     // what was said before is still there
  });
  await test("two who ask each other at once get one chat", async () => {
    await ben.ask("Cyd");
    await cyd.answer("Ben", "refuse");
    await ben.notes("Cyd declined");
    await Promise.all([ben.ask("Cyd"), cyd.ask("Ben")]);
    await ben.is("stage", "open");
    await cyd.is("stage", "open");
    await ben.say("at once");
    await cyd.show("Ben");
    await cyd.reads("at once");
    same([await ben.count("request"), await cyd.count("request")], [0, 0], "cards");
  });
  await test("names of all kinds are shown as text", async () => {
    const odd = [];
    for (const name of kOddNames) odd.push(await enter(name, { devices: {} }));
    const nobody = await enter("", { devices: {} });
    const guest = await nobody.text("own-name");
    check(/^Guest \d{4}$/.test(guest), guest);
    await ann.sees(["Ben", "Cyd", guest, ...kOddNames]);
    await odd[0].ask("Ann");
    await ann.answer(kOddNames[0], "accept-text");
    same(await ann.text("chat-name"), kOddNames[0], "the name");
    await ann.page.fill("[data-testid=search]", "zoe");
    same(await ann.people(), [kOddNames[2]], "found by name, without accents");
    await ann.page.fill("[data-testid=search]", "");
    await ann.shot("livechat-names");
    for (const each of [...odd, nobody]) await each.close();
    await until("it is told", async () => /left the chat|went offline/.test((await ann.notices()).join()), 25_000);
    check((await ann.text("over")).includes("gone"), await ann.text("over"));
    await ann.click("close-chat");
  }, 90_000);
  await test("no errors in the pages", async () => {
    for (const each of [ann, ben, cyd]) each.noErrors();
  });
  await test("sound can be switched off, and the choice and the name stay", async () => {
    await cyd.click("sound");
    same(await cyd.page.getAttribute("[data-testid=sound]", "aria-pressed"), "false", "the switch");
    await cyd.click("sign-out");
    same(await cyd.page.inputValue("[data-testid=name-input]"), "Cyd", "the name");
    await ann.sees(["Ben"], 5000);
    await cyd.click("enter");
    await cyd.page.locator("[data-testid=screen]").waitFor();
    same(await cyd.page.getAttribute("[data-testid=sound]", "aria-pressed"), "false", "the switch");
    same((await cyd.chats()).map((each) => each.name), ["Everybody"], "its chats");
  });
}

async function voices(group) {
  const { browser, server, enter } = await world(group);
  const { test } = group;
  const ann = await enter(...as("red", "Ann"));
  const ben = await enter(...as("green", "Ben"));
  const cyd = await enter(...as("blue", "Cyd"));

  await test("a text chat gets voice at both ends, and mute silences", async () => {
    await together(ann, ben);
    await ann.click("microphone");
    await ann.is("microphone", "on");
    await ben.hears(["red"]);
    await ben.page.locator("[data-testid=you-hear]").waitFor();
    await ben.click("you-hear-action");
    await ann.hears(["green"]);
    await ann.click("microphone");
    await ann.is("microphone", "muted");
    await ben.hears([]);
    await ann.click("microphone");
    await ben.hears(["red"]);
  });
  await test("cameras come on, are seen, and go off", async () => {
    await ann.click("camera");
    await ann.is("camera", "on");
    await ben.seesColour("red");
    await ben.click("camera");
    await ann.seesColour("green");
    await ann.shot("livechat-video");
    await ann.click("camera");
    await until("Ben sees no picture", async () => (await ben.page.locator("[data-testid=picture]:visible").count()) === 0);
    await ann.hears(["green"]);
  });
  await test("voice in one chat puts the other on hold, and back", async () => {
    await cyd.ask("Ann", "voice");
    await ann.answer("Cyd", "accept-voice");
    await ann.hears(["blue"]);
    await cyd.hears(["red"]);
    await ann.show("Ben");
    await ann.is("held", "here");
    await ben.is("held", "there");
    await ben.hears([]);
    await ann.say("one moment");
    await ben.reads("one moment");
    await ann.click("held-here-action");
    await ann.is("held", "no");
    await ann.hearsSound();
    await cyd.is("held", "there");
    await cyd.hears([]);
    await ben.hears(["red"]);
  });
  await test("a reload brings the voice back, muted as it was", async () => {
    await ann.click("microphone");
    await ann.is("microphone", "muted");
    await ann.page.reload();
    await ann.shows("Ben");
    await ann.is("stage", "open");
    await ann.is("microphone", "muted");
    await ann.hears(["green"]);
    await ben.hears([]);
    await ann.click("microphone");
    await ben.hears(["red"]);
  });
  await test("another microphone is chosen, for the chats that have one on alone", async () => {
    await ann.click("devices");
    const choice = ann.page.locator("[data-testid=microphone-select]");
    await choice.waitFor();
    const ids = await choice.locator("option").evaluateAll((list) => list.map((each) => each.value));
    await choice.selectOption(ids.at(-1));
    await ann.page.keyboard.press("Escape");
    same(await ann.count("device-menu"), 0, "the menu");
    await ben.hears(["red"]);
    await ann.is("microphone", "on");
  });
  await test("by text alone again: the microphone is let go", async () => {
    await ann.click("devices");
    await ann.click("stop-voice");
    await ann.is("microphone", "off");
    await ben.hears([]);
    await ann.say("by text");
    await ben.reads("by text");
  });
  await test("in everybody's room voices are heard by those who join them, by nobody else", async () => {
    await ben.click("hang-up");
    for (const each of [ann, ben, cyd]) await each.show("Everybody");
    await ann.click("microphone");
    await ben.click("microphone");
    await ann.hears(["green"]);
    await ben.hears(["red"]);
    await cyd.hears([]);
    await until("Cyd is told", async () => (await cyd.count("join-voices")) === 1);
    await cyd.click("join-voices-action");
    await cyd.hears(["red", "green"]);
    await ann.hears(["green", "blue"]);
    await ann.shot("livechat-everybody");
  });
  await test("no errors in the pages", async () => {
    for (const each of [ann, ben, cyd]) each.noErrors();
  });
  for (const each of [ann, ben, cyd]) await each.close();
  await test("a microphone that is refused, or never allowed, holds no text up", async () => {
    const dee = await LiveChatPage.enter(browser, server.url, "Dee", { devices: { refuse: ["audio", "video"] } });
    const eli = await LiveChatPage.enter(browser, server.url, "Eli", { devices: {} });
    await eli.page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => new Promise(() => undefined); });
    await dee.sees(["Eli"]);
    await dee.ask("Eli", "voice");
    await eli.answer("Dee", "accept-voice");
    await dee.page.locator("[data-testid=device-problem]").waitFor();
    check(/blocked.*Allow it.*by text/.test(await dee.text("device-problem")), await dee.text("device-problem"));
    await eli.page.locator("[data-testid=asking-microphone]").waitFor();
    await dee.say("text works");
    await eli.reads("text works");
    await eli.say("here too");
    await dee.reads("here too");
    await dee.shot("livechat-refused");
    await dee.close();
    await eli.close();
  });
  await test("devices that are allowed late are sent; after the chat, or when they are no longer wanted, they are let go", async () => {
    const asks = { devices: camera("blue", { asks: true }) };
    const gus = await LiveChatPage.enter(browser, server.url, "Gus", asks);
    const hal = await LiveChatPage.enter(browser, server.url, "Hal", asks);
    const ida = await LiveChatPage.enter(browser, server.url, "Ida", { devices: camera("green") });
    await gus.ask("Ida", "video");
    await ida.answer("Gus", "accept-text");
    await gus.page.locator("[data-testid=asking-microphone]").waitFor();
    await gus.say("in a moment");
    await ida.reads("in a moment");
    await gus.allow();
    await gus.is("microphone", "on");
    await gus.is("camera", "on");
    await ida.hears(["blue"], 30_000);
    await gus.click("hang-up");
    await gus.letsGo(2);
    await hal.ask("Ida", "voice");
    await ida.answer("Hal", "accept-text");
    await hal.page.locator("[data-testid=asking-microphone]").waitFor();
    await hal.click("hang-up");
    await hal.is("stage", "ended");
    await hal.allow();
    await hal.letsGo(1);
    same(await hal.chat().getAttribute("data-microphone"), "off", "Hal's microphone");
    for (const each of [gus, hal, ida]) await each.close();
  });
}

async function breaks(group) {
  const { server, enter, browser } = await world(group);
  const { test } = group;
  const proxy = await startProxy(Number(new URL(server.url).port));
  group.after(() => proxy.stop());
  const ann = await LiveChatPage.enter(browser, `http://localhost:${proxy.port}`, "Ann", { devices: {} });
  const ben = await enter("Ben", { devices: {} });
  await together(ann, ben);
  await test("a broken connection is told; what is written meanwhile arrives", async () => {
    proxy.cut();
    await ann.page.locator("[data-testid=connection-banner]").waitFor({ timeout: 30_000 });
    await ann.say("written without a connection");
    same((await ann.messages()).at(-1).delivery, "sending", "its delivery");
    await ann.shot("livechat-offline");
    proxy.restore();
    await ben.reads("written without a connection", 20_000);
    await until("sent", async () => (await ann.messages()).at(-1).delivery === "sent");
    await ann.page.locator("[data-testid=connection-banner]").waitFor({ state: "detached" });
    await ben.say("and back");
    await ann.reads("and back");
  });
  await test("on a phone: the list, a chat, and back; dark too", async () => {
    const cyd = await LiveChatPage.enter(browser, server.url, "Cyd", { devices: { portrait: 200 }, context: { viewport: { width: 375, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true } });
    await cyd.sees(["Ann", "Ben"]);
    await cyd.shot("livechat-phone-list");
    await cyd.ask("Ann");
    await ann.answer("Cyd", "accept-text");
    await cyd.is("stage", "open");
    await cyd.say("from my phone");
    await ann.reads("from my phone");
    await ann.say("Nice! Look: https://example.org/a/very/long/address/that/does/not/fit/on/a/phone/in/one/line");
    await until("it came", async () => (await cyd.texts()).length === 2);
    const width = await cyd.page.evaluate(() => document.scrollingElement.scrollWidth);
    check(width <= 375, `it is ${width} wide`);
    await cyd.shot("livechat-phone-chat");
    await cyd.click("back");
    await ben.ask("Cyd");
    await cyd.request("Ben").waitFor();
    await cyd.shot("livechat-phone-request");
    await cyd.answer("Ben", "accept-text");
    await cyd.shows("Ben");
    await cyd.close();
  });
  await test("by the keyboard alone", async () => {
    const { page } = ben;
    await page.bringToFront();
    await ben.show("Ann");
    await until("the field has the focus", () => page.evaluate(() => document.activeElement.dataset.testid === "input"));
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await ann.show("Ben");
    await ann.reads("typed");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    check(await page.evaluate(() => document.activeElement !== document.body), "the focus is lost");
  });
  await test("the server is started anew, then lets in nobody: it is told, what was said stays, and one can go on", async () => {
    const number = await ann.number();
    await ann.page.fill("[data-testid=input]", "not sent yet");
    await server.stop();
    await ann.page.locator("[data-testid=connection-banner]").waitFor();
    proxy.cut();
    const next = await startServer();
    group.after(() => next.stop());
    proxy.restore(Number(new URL(next.url).port));
    await ann.page.locator("[data-testid=connection-banner]").waitFor({ state: "detached" });
    await until("it has another number", async () => (await ann.number()) !== number);
    await ann.reads("typed");
    await ann.notes("the server was stopped");
    same((await ann.text("over")).includes("gone"), true, "Ben");
    await until("everybody's room is there", async () => (await ann.chatOf("Everybody"))?.stage === "open");
    const dee = await LiveChatPage.enter(browser, next.url, "Dee", { devices: {} });
    await dee.show("Everybody");
    // What is said before she is back in it isn't hers to read: this room has no history.
    await until("Ann is back in the room", async () => (await dee.text("chat-status")) === "2 people are here");
    await dee.say("are you here?");
    await ann.show("Everybody");
    await ann.reads("are you here?");
    await together(dee, ann);
    await dee.say("good");
    await ann.reads("good");
    await next.stop();
    proxy.cut();
    const strict = await startServer({ more: `[[webphone_line]]\nname = "Webphone1"\naccess = "password"\npassword = "correct horse"\n` });
    group.after(() => strict.stop());
    proxy.restore(Number(new URL(strict.url).port));
    await ann.page.locator("[data-testid=sign-in]").waitFor();
    check((await ann.text("problem")).startsWith("You were signed off"), await ann.text("problem"));
    await ann.click("enter");
    await ann.page.fill("[data-testid=password-input]", "correct horse");
    await ann.click("enter");
    await ann.page.locator("[data-testid=screen]").waitFor();
    await ann.show("Dee");
    await ann.reads("good");        // what was said before is still there
  }, 90_000);
}

async function elsewhere(group) {
  const { test } = group;
  await test("over http from another machine: text only, and said so", async () => {
    const server = await startServer({ names: ["chat.test"] });
    const browser = await launchChromium({ args: ["--host-resolver-rules=MAP chat.test 127.0.0.1"] });
    try {
      const url = server.url.replace("localhost", "chat.test");
      const ann = await LiveChatPage.open(browser, url, "Ann", { devices: { native: true } });
      check(/Text only/.test(await ann.text("text-only")), "it is not said");
      await ann.signIn("Ann");
      const ben = await LiveChatPage.enter(browser, url, "Ben", { devices: { native: true } });
      await together(ann, ben);
      await ann.say("plain");
      await ben.reads("plain");
      same(await ann.count("microphone"), 0, "buttons for a microphone");
    } finally {
      await browser.close();
      await server.stop();
    }
  });
  await test("the published live chat and this page chat with each other", async () => {
    const server = await startServer();
    const browser = await launchChromium();
    try {
      const ann = await LiveChatPage.enter(browser, server.url, "Ann", { devices: {} });
      const sue = await Chatter.open(browser, `${server.url}/examples/ozeki-livechat/live_chat.html`, "Sue");
      await sue.sees(["Ann"]);
      await sue.request("Ann");
      await ann.answer("Sue", "accept-text");
      await ann.is("stage", "open");
      await sue.say("hello <b>Ann</b> & all");
      await ann.reads("Sue said: hello Ann & all");
      await ann.say("hello Sue");
      await sue.reads("hello Sue");
      await ann.click("hang-up");
      await ann.click("ask-again");
      await ann.is("stage", "open");
      await ann.reads("Sue accepted your chat request.");
    } finally {
      await browser.close();
      await server.stop();
    }
  });
  await test("who is put through to somebody else sees with whom he chats, also after a reload", async () => {
    const { server, browser, enter } = await world(group);
    const [ann, ben, cyd] = [await enter("Ann", { devices: {} }), await enter("Ben", { devices: {} }), await enter("Cyd", { devices: {} })];
    await together(cyd, ann);
    await cyd.say("from Cyd, before");
    await ann.reads("from Cyd, before");
    await ann.click("hang-up");
    await together(ann, ben);
    await ann.say("to Ben");
    await ben.reads("to Ben");
    const authorization = `Bearer ${readFileSync(join(server.folder, "data", "admin-token"), "utf8").trim()}`;
    const rest = async (path, body) => {
      const answer = await fetch(`${server.url}/api/v1/${path}`, { method: body === undefined ? "GET" : "POST", headers: { authorization, "content-type": "application/json" },
                                                                  ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      check(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
      return answer.json();
    };
    const numbers = [await ann.number(), await ben.number(), await cyd.number()];
    const calls = await rest("calls");
    const call = (calls.calls ?? calls).find((each) => each.from.number === numbers[0] && each.to.number === numbers[1]);
    await rest(`calls/${call.id}/transfer`, { party: numbers[0], to: numbers[2] });
    await cyd.answer("Ann", "accept-text");
    await ann.shows("Cyd");
    await ann.notes("You are chatting with Cyd now.");
    same((await ann.chats()).map((each) => each.name).filter((each) => each !== "Everybody"), ["Cyd"], "her chats");
    check((await ann.texts()).includes("from Cyd, before") && (await ann.texts()).includes("to Ben"), "what was said is gone");
    await ann.page.reload();
    await ann.page.locator("[data-testid=screen]").waitFor();
    await ann.shows("Cyd");
    await ann.is("stage", "open");
    await ann.say("it is you");
    await cyd.reads("it is you");
    await ben.is("stage", "ended");
    await ben.ask("Ann");                 // a chat of its own
    await ann.answer("Ben", "accept-text");
    await ann.shows("Ben");
    await until("both are open", async () => (await ann.chats()).filter((each) => each.name !== "Everybody" && each.stage === "open").length === 2);
  });
  await test("a line with a password asks for it; where no room is configured there is none", async () => {
    const server = await startServer({ more: `[[webphone_line]]\nname = "Webphone1"\naccess = "password"\npassword = "correct horse"\n` });
    const browser = await launchChromium();
    try {
      const ann = await LiveChatPage.open(browser, server.url, "Ann", { devices: {} });
      await ann.page.fill("[data-testid=name-input]", "Ann");
      await ann.click("enter");
      await ann.page.fill("[data-testid=password-input]", "wrong");
      await ann.click("enter");
      await until("it is refused", async () => (await ann.text("problem")).includes("not the password"));
      await ann.page.fill("[data-testid=password-input]", "correct horse");
      await ann.click("enter");
      await ann.page.locator("[data-testid=screen]").waitFor();
      await pause(500);
      same(await ann.chats(), [], "its chats");
      await ann.shot("livechat-nobody");
    } finally {
      await browser.close();
      await server.stop();
    }
  });
}

export async function run(runner) {
  await runner.group("livechat page", texts);
  await runner.group("livechat voices", voices);
  await runner.group("livechat breaks", breaks);
  await runner.group("livechat elsewhere", elsewhere);
}
