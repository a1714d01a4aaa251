// The widget on a site of another origin, and the agents' desk: from the first message to the end of the chat.

import { launchChromium } from "../lib/chromium.mjs";
import { startProxy } from "../lib/proxy.mjs";
import { addAccount, startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";
import { AgentPage, serveShop, ShopVisitor } from "../lib/widget_page.mjs";

const kConfig = `
[[webphone_line]]
name = "support"
default_target = "support"
roster = "nobody"
call_clients = false
call_accounts = false
[[webphone_line]]
name = "tiny"
default_target = "tiny"
roster = "nobody"
[[webphone_line]]
name = "elsewhere"
default_target = "support"
origins = ["https://elsewhere.example"]
[[webphone_line]]
name = "nowhere"
[[rule]]
pattern = "closed"
to = "refuse:480 Closed"
[[webphone_line]]
name = "night"
default_target = "closed"
[[queue]]
name = "support"
agents = ["Ann", "Ben"]
[[queue]]
name = "tiny"
agents = ["Ben"]
max_waiting = 1
max_wait = 6
`;

const at = (id) => `[data-testid=${id}]`;
const kHtml = `<b onclick="alert(1)">not bold</b> & <img src=x onerror="globalThis.hacked=1">`;

async function world(group, options = {}) {
  const server = await startServer({ more: kConfig });
  group.after(() => server.stop());
  for (const name of ["Ann", "Ben", "Cleo"]) await addAccount(server, name, `password of ${name}`);
  const shop = await serveShop(server.url, options);
  group.after(() => shop.stop());
  const browser = await launchChromium();
  group.after(() => browser.close());
  const visit = (name, more) => ShopVisitor.open(browser, shop.url, name, more);
  const agent = (name, more) => AgentPage.signIn(browser, server.url, name, name, `password of ${name}`, more);
  return { server, shop, browser, visit, agent };
}

const devices = (colour) => ({ devices: { tone: { red: 520, green: 930, blue: 1480 }[colour] } });

async function chats(group) {
  const { server, browser, visit, agent } = await world(group);
  const { test } = group;
  const ann = await AgentPage.open(browser, server.url, "Ann", { devices: { tone: 520 }, context: { viewport: { width: 1120, height: 720 } } });
  let ben, vi, wu;

  await test("the script is small, may be loaded by any site, and is kept for a while", async () => {
    const loader = await fetch(`${server.url}/widget.js`);
    same([loader.status, loader.headers.get("access-control-allow-origin"), loader.headers.get("cache-control"), loader.headers.get("cross-origin-resource-policy")],
         [200, "*", "public, max-age=300", "cross-origin"], "its headers");
    check((await loader.text()).length < 9000, "its size");
    same((await fetch(`${server.url}/widget-chat.js`)).headers.get("cross-origin-resource-policy"), "cross-origin", "of the large one");
  });
  await test("a wrong password is refused, and the right one shows the queues", async () => {
    await ann.enter("Ann", "wrong");
    await until("it is refused", async () => (await ann.text("problem")).includes("Account or password is wrong"));
    await ann.shot("agent-sign-in");
    await ann.enter("Ann", "password of Ann");
    await ann.page.locator(at("screen")).waitFor();
    same(await ann.text("queues"), "support", "her queues");
    await until("nobody waits", async () => (await ann.text("nobody-waits")).includes("Nobody is waiting"));
    same(await ann.page.evaluate(() => JSON.stringify([sessionStorage, localStorage]).includes("password of")), false, "a password in a storage");
    ben = await agent("Ben", { devices: { tone: 930 } });
    same(await ben.text("queues"), "support, tiny", "Ben's queues");
  });
  await test("nothing is connected before somebody writes", async () => {
    vi = await visit("Vi", devices("blue"));
    const before = await vi.page.evaluate(() => performance.getEntriesByType("resource").map((each) => each.name));
    check(!before.some((each) => each.includes("widget-chat")), "the large script is loaded at once");
    await vi.openWindow();
    await vi.shot("widget-form");
    const loaded = () => vi.page.evaluate(() => performance.getEntriesByType("resource").map((each) => each.name));
    await until("the large script is loaded", async () => (await loaded()).some((each) => each.includes("widget-chat.js?v=")));
    await pause(300);
    const after = await loaded();
    check(!after.some((each) => each.includes("/api/")), after.join());
    await vi.page.keyboard.press("Escape");
    await vi.page.locator(at("widget-panel")).waitFor({ state: "hidden" });
    same(await vi.page.evaluate(() => document.querySelector("[data-parley]").shadowRoot.activeElement.dataset.testid), "widget-button", "the focus");
    await vi.click("widget-button");
  });
  await test("visitors wait in turn; agents see who, from where, and what they wrote", async () => {
    await vi.page.fill(at("widget-name"), "Vi");
    await vi.page.fill(at("widget-message"), "Does the Heron fit a fig?");
    await vi.click("widget-start");
    await vi.isNumber(1);
    await ann.seesWaiting(["Vi"]);
    wu = await visit("Wu", devices("green"));
    await wu.begin(kHtml, "<i>Wu</i>");
    await wu.isNumber(2);
    await ann.seesWaiting(["Vi", "<i>Wu</i>"]);
    await vi.say("It is two metres high.");
    await until("it is shown", async () => (await ann.waiting())[0].texts.length === 2);
    const [first, second] = await ann.waiting();
    same([first.queue, first.page, first.texts], ["support", "Fern & Clay: pots for plants", ["Does the Heron fit a fig?", "It is two metres high."]], "the first");
    same(second.texts, [kHtml], "the second");
    check(/^0:\d\d$/.test(first.waited), first.waited);
    check((await ann.page.title()).startsWith("(2) 2 visitors are waiting"), await ann.page.title());
    await vi.shot("widget-waiting");
    await ann.shot("agent-waiting");
  });
  await test("an agent takes the first: what was written before is there, and both write", async () => {
    await ann.take("Vi");
    await ann.reads("Does the Heron fit a fig?");
    await ann.reads("It is two metres high.");
    await vi.notes("Ann is here.");
    same(await vi.text("widget-title"), "Ann", "who it is");
    await wu.isNumber(1);
    await ben.seesWaiting(["<i>Wu</i>"]);
    await ann.say("Yes, with 28 cm it has room for some years.");
    await vi.reads("Yes, with 28 cm it has room for some years.");
    await vi.say(kHtml);
    await ann.reads(kHtml);
    await ann.say(kHtml);
    await until("it is text", async () => (await vi.texts()).filter((each) => each === kHtml).length === 2);
    same([await vi.page.evaluate("globalThis.hacked"), await ann.page.evaluate("globalThis.hacked")], [undefined, undefined], "what ran");
    await until("hers is delivered", async () => (await ann.messages()).at(-1).delivery === "sent");
  });
  await test("typing is seen on both sides", async () => {
    await vi.page.locator(at("input")).pressSequentially("hm", { delay: 60 });
    await until("Ann sees it", async () => (await ann.text("chat-status")).includes("is writing"));
    await ann.page.locator(at("input")).pressSequentially("hm", { delay: 60 });
    await until("Vi sees it", async () => (await vi.text("widget-status")).includes("is writing"));
    await vi.page.fill(at("input"), "");
    await ann.page.fill(at("input"), "");
  });
  await test("of two agents who take one the first wins, and the other is told", async () => {
    // Ben's page is held back a little: it has not learned yet that Wu is taken.
    await ben.page.evaluate(() => document.querySelector("[data-testid=take]").focus());
    const [a, b] = [ann.take("Wu"), ben.take("Wu")];
    await Promise.all([a.catch(() => undefined), b.catch(() => undefined)]);
    const holder = await until("one has it", async () => {
      const states = [await ann.chats(), await ben.chats()].map((all) => all.some((each) => each.name === "<i>Wu</i>" && each.stage === "open"));
      return states[0] !== states[1] ? (states[0] ? ann : ben) : null;
    });
    const other = holder === ann ? ben : ann;
    await until("the other is told, or never could", async () => (await other.waiting()).length === 0 && !(await other.chats()).some((each) => each.name === "<i>Wu</i>" && each.stage !== "ended"));
    await wu.notes(`${holder.name} is here.`);
    await holder.reads(kHtml);
    await holder.say("Hello Wu");
    await wu.reads("Hello Wu");
    await wu.click("widget-end");
    await wu.is("over");
    await wu.notes("You ended the chat.");
    await until("the agent is told", async () => (await holder.notices()).join().includes("left the chat"));
    await wu.close();
  });
  await test("voice: the microphone only on a click, and each hears the other", async () => {
    await ann.show("Vi");
    same(await vi.page.evaluate(() => globalThis.__e2e.asked ?? 0), 0, "asked before");
    await vi.click("widget-microphone");
    await ann.hears(["blue"]);
    await ann.click("you-hear-action");
    await vi.hears(["red"]);
    await vi.shot("widget-voice");
    await vi.click("widget-stop-voice");
    await ann.click("microphone");
    await ann.hears([]);
  });
  await test("the chat goes on over a reload, and on the next page", async () => {
    await vi.page.reload();
    await vi.reads("Yes, with 28 cm it has room for some years.");
    same(await vi.text("widget-title"), "Ann", "who it is");
    await ann.say("still there?");
    await vi.reads("still there?");
    await Promise.all([vi.page.waitForNavigation(), vi.page.click("nav a:nth-child(2)")]);
    check(vi.page.url().endsWith("?page=plants"), vi.page.url());
    await vi.reads("still there?");
    await until("it is connected", async () => (await vi.text("widget-status")) === "Online");
    await vi.say("yes, on the next page");
    await ann.reads("yes, on the next page");
    same((await ann.chats()).filter((each) => each.stage === "open").map((each) => each.name), ["Vi"], "her chats");
  });
  await test("handed over to the other agent, who reads what was said", async () => {
    await ben.page.setViewportSize({ width: 375, height: 740 });
    await until("Ben is there", async () => (await ann.page.locator(`${at("colleague")}[data-online=true]`).count()) === 1, 20_000);
    await ann.click("transfer");
    await ann.shot("agent-transfer");
    await ann.page.locator(at("target")).filter({ hasText: "Ben" }).click();
    await vi.notes("You are being put through to Ben…");
    await ben.request("Vi").waitFor();
    await ben.shot("agent-phone-request");
    await ben.request("Vi").locator(at("accept-text")).click();
    await vi.notes("Ben is here.");
    await until("Ann's is over", async () => (await ann.stage()) === "ended" && (await ann.notices()).join().includes("over to"));
    await ben.reads("Yes, with 28 cm it has room for some years.");
    await ben.say("Ben here. Shall I set one aside?");
    await vi.reads("Ben here. Shall I set one aside?");
    await vi.say("Please do");
    await ben.reads("Please do");
    await ben.shot("agent-phone-chat");
    const width = await ben.page.evaluate(() => document.scrollingElement.scrollWidth);
    check(width <= 375, `it is ${width} wide`);
  });
  await test("refused by the other agent: the first goes on", async () => {
    await ben.click("transfer");
    await ben.page.locator(at("target")).filter({ hasText: "Ann" }).click();
    await ann.request("Vi").waitFor();
    await ann.request("Vi").locator(at("refuse")).click();
    await until("Ben is told", async () => (await ben.notices()).join().includes("did not take this chat"));
    await vi.say("still with you?");
    await ben.reads("still with you?");
  });
  await test("handed over to a queue: the visitor waits there", async () => {
    await ben.click("transfer");
    await ben.page.locator(at("target")).filter({ hasText: "support" }).click();
    await vi.isNumber(1);
    await ann.seesWaiting(["Vi"]);
    await ann.take("Vi");
    await vi.notes("Ann is here.");
    await ann.reads("Please do");
    await ann.say("So, it is set aside.");
    await vi.reads("So, it is set aside.");
  });
  await test("an agent closes the chat; one may begin another", async () => {
    await ann.click("close-chat");
    await vi.is("over");
    await vi.notes("Ann has ended the chat.");
    await vi.shot("widget-over");
    await vi.click("widget-again");
    await vi.page.fill(at("widget-message"), "One more thing");
    await vi.click("widget-start");
    await ann.seesWaiting(["Vi"]);
  });
  await test("a visitor who leaves is no longer shown", async () => {
    await vi.click("widget-end");
    await ann.seesWaiting([]);
    await ben.seesWaiting([]);
    vi.noErrors();
    ann.noErrors(/WebSocket connection|ERR_|status of 403/);
    ben.noErrors();
    await vi.close();
  });
  await test("an account that serves no queue is told so", async () => {
    const cleo = await agent("Cleo", devices("red"));
    check((await cleo.text("no-queue")).includes("serves no queue"), "it is not said");
    await cleo.close();
  });
  await test("an agent who asked for it keeps chats over a reload; others sign in again", async () => {
    const xi = await visit("Xi", devices("blue"));
    await xi.begin("Hello?");
    const stays = await AgentPage.signIn(browser, server.url, "Ann", "Ann", "password of Ann", { ...devices("red"), stay: true });
    await ann.close();
    await stays.take("Xi");
    await stays.reads("Hello?");
    await stays.page.reload();
    await stays.reads("Hello?");
    await stays.say("I am back");
    await xi.reads("I am back");
    same(await stays.page.evaluate(() => JSON.stringify(sessionStorage).includes("password of")), false, "a password while the page is there");
    await ben.page.reload();
    await ben.page.locator(at("sign-in")).waitFor();
    await stays.close();
    await xi.close();
  });
}

async function waits(group) {
  const { server, shop, browser, visit, agent } = await world(group);
  const { test } = group;
  await test("a full queue, nobody who comes, nobody on duty: each is said politely", async () => {
    const first = await visit("A", { ...devices("red"), tag: `data-line="tiny"` });
    await first.begin("hello");
    await first.isNumber(1);
    const second = await visit("B", { ...devices("red"), tag: `data-line="tiny"` });
    await second.begin("hello too");
    await until("it is full", async () => (await second.text("widget-problem")).includes("A lot of people are waiting"));
    same(await second.page.inputValue(at("widget-message")), "hello too", "what was typed");
    await second.shot("widget-full");
    await first.is("over", 15_000);
    await first.notes("Nobody could take your chat");
    const third = await visit("C", { ...devices("red"), tag: `data-line="night" data-language="de"` });
    await third.begin("Hallo");
    await until("nobody is there", async () => (await third.text("widget-problem")).includes("Gerade ist niemand da"));
    await third.shot("widget-german");
    for (const each of [first, second, third]) await each.close();
  });
  await test("a site that the line does not list, and a line that is none, are told apart by nobody", async () => {
    for (const line of ["elsewhere", "unknown", "nowhere"]) {
      const visitor = await visit("D", { ...devices("red"), tag: `data-line="${line}"` });
      await visitor.begin("hello");
      await until("it is not set up", async () => (await visitor.text("widget-problem")).includes("isn't ready"));
      await visitor.close();
    }
    const again = await visit("D", { ...devices("red"), tag: `data-line="elsewhere"` });
    await again.begin("hello");
    await until("it is not set up still", async () => (await again.text("widget-problem")).includes("isn't ready"));
    await again.close();
    const said = () => server.log.split("\n").filter((line) => line.includes(`webphone line elsewhere: pages of ${shop.url} are refused`));
    await until("the log says what to do", async () => said().length > 0);
    same(said().length, 1, "lines of the log");
  });
  await test("visitors see and call nobody but the queue", async () => {
    const [e, f] = [await visit("E", devices("red")), await visit("F", devices("green"))];
    await e.begin("hello");
    await e.isNumber(1);
    const seen = await f.page.evaluate(async (parley) => {
      const { Webphone } = await import(`${parley}/sdk/parley-webphone.js`);
      const phone = await Webphone.connect({ host: parley, line: "support", displayName: "F" });
      const end = (number) => new Promise((done) => phone.call(number, { audio: false }).on("ended", ({ status }) => done(status)));
      await new Promise((done) => setTimeout(done, 1000));
      return { clients: phone.clients, ann: await end("Ann"), take: await end("take~guessed") };
    }, server.url);
    same(seen, { clients: [], ann: 403, take: 403 }, "what F sees and reaches");
    await e.close();
    await f.close();
  });
  await test("a visitor who waits and reloads keeps the place; one who vanishes loses it", async () => {
    const [g, h] = [await visit("G", devices("red")), await visit("H", devices("green"))];
    const ben = await agent("Ben", devices("blue"));
    await g.begin("I am first");
    await g.isNumber(1);
    await h.begin("I am second");
    await h.isNumber(2);
    await g.page.reload();
    await g.isNumber(1);
    await ben.seesWaiting(["G", "H"]);
    await g.close();
    await ben.seesWaiting(["H"], 25_000);
    await h.isNumber(1);
    await ben.take("H");
    await ben.reads("I am second");
    await h.close();
    await until("Ben is told", async () => (await ben.notices()).join().includes("left") || (await ben.stage()) === "ended", 30_000);
    await ben.close();
  }, 90_000);
  await test("a microphone that is refused is said, and text goes on", async () => {
    const j = await visit("J", { devices: { refuse: true } });
    await j.page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError")); });
    const ben = await agent("Ben", devices("blue"));
    await j.begin("hello");
    await ben.take("J");
    await j.notes("Ben is here.");
    await j.click("widget-microphone");
    check(/blocked.*Allow it.*by text/.test(await j.text("widget-device-problem")), await j.text("widget-device-problem"));
    await j.say("text works");
    await ben.reads("text works");
    await j.shot("widget-refused");
    await j.close();
    await ben.close();
  });
  await test("a microphone that is allowed late is heard; one that is allowed after the chat is let go, at both ends", async () => {
    const asks = { devices: { tone: 1480, asks: true } };
    const [q, r, ben] = [await visit("Q", asks), await visit("R", asks), await agent("Ben", asks)];
    await q.begin("may I talk?");
    await ben.take("Q");
    await q.notes("Ben is here.");
    await q.click("widget-microphone");
    await q.page.locator(at("widget-asking")).waitFor();
    await q.say("just a moment");
    await ben.reads("just a moment");
    await q.allow();
    await q.page.locator(`${at("widget-microphone")}[data-microphone=on]`).waitFor();
    await ben.hears(["blue"], 30_000);
    await q.click("widget-end");
    await q.letsGo(1);
    await r.begin("and I?");
    await ben.take("R");
    await r.notes("Ben is here.");
    await r.click("widget-microphone");
    await r.page.locator(at("widget-asking")).waitFor();
    await ben.click("microphone");
    await ben.page.locator(at("asking-microphone")).waitFor();
    await r.click("widget-end");
    await r.is("over");
    await ben.is("stage", "ended");
    for (const each of [r, ben]) await each.allow();
    for (const each of [r, ben]) await each.letsGo(1);
    for (const each of [q, r, ben]) await each.close();
  });
  await test("opened and closed by the site's own buttons; unread texts are counted", async () => {
    const k = await visit("K", devices("red"));
    const ben = await agent("Ben", devices("blue"));
    await k.page.evaluate(() => ParleyWidget.open());
    await k.page.locator(at("widget-panel")).waitFor();
    await k.page.fill(at("widget-message"), "hello");
    await k.click("widget-start");
    await ben.take("Visitor");
    await k.notes("Ben is here.");
    await k.page.evaluate(() => ParleyWidget.close());
    await k.page.locator(at("widget-panel")).waitFor({ state: "hidden" });
    await ben.say("one");
    await ben.say("two");
    await until("two are counted", async () => (await k.page.locator(".count").textContent()) === "2" && (await k.page.locator(".count").isVisible()));
    await k.click("widget-button");
    await k.reads("two");
    await ben.close();
    await k.close();
  });
  await test("on a phone, dark", async () => {
    const l = await visit("L", { ...devices("red"), context: { viewport: { width: 375, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true } });
    const ann = await agent("Ann", { ...devices("blue"), context: { viewport: { width: 375, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true } });
    await l.begin("From my phone: do you send to Norway?");
    await l.isNumber(1);
    await l.shot("widget-phone-waiting");
    await ann.seesWaiting(["L"]);
    await ann.shot("agent-phone-waiting");
    await ann.take("L");
    await l.notes("Ann is here.");
    await ann.say("Yes, we do. It takes about five days.");
    await l.reads("Yes, we do. It takes about five days.");
    await l.shot("widget-phone-chat");
    const width = await l.page.evaluate(() => document.scrollingElement.scrollWidth);
    check(width <= 375, `it is ${width} wide`);
    await ann.close();
    await l.close();
  });
  await test("the server is away: said, and what was typed stays", async () => {
    const proxy = await startProxy(Number(new URL(server.url).port));
    const far = await serveShop(`http://localhost:${proxy.port}`);
    try {
      const m = await ShopVisitor.open(browser, far.url, "M", devices("red"));
      const n = await ShopVisitor.open(browser, far.url, "N", devices("red"));
      await m.openWindow();
      proxy.cut();
      await m.page.fill(at("widget-message"), "anybody?");
      await m.click("widget-start");
      await until("it is said", async () => (await m.text("widget-problem")).includes("can't be reached"));
      same(await m.page.inputValue(at("widget-message")), "anybody?", "what was typed");
      await n.click("widget-button");
      await until("it is said without the large script", async () => (await n.page.locator(".say").textContent()).includes("can't be reached"));
      await n.shot("widget-unreachable");
      proxy.restore();
      await m.click("widget-start");
      await m.isNumber(1);
      proxy.cut();
      await m.page.locator(at("widget-offline")).waitFor({ timeout: 20_000 });
      proxy.restore();
      await m.page.locator(at("widget-offline")).waitFor({ state: "detached", timeout: 20_000 });
      await m.isNumber(1);
      await m.close();
      await n.close();
    } finally {
      proxy.stop();
      far.stop();
    }
  }, 90_000);
  await test("a site with a strict policy", async () => {
    const { host } = new URL(server.url);
    const strict = await serveShop(server.url, { policy: `default-src 'none'; style-src 'self'; script-src http://${host}; connect-src http://${host} ws://${host}; require-trusted-types-for 'script'` });
    try {
      const o = await ShopVisitor.open(browser, strict.url, "O", { devices: { native: true } });
      await o.begin("strict");
      await o.isNumber(1);
      same(o.page.errors.filter((each) => !/favicon/.test(each)), [], "what the policy refused");
      await o.close();
    } finally {
      strict.stop();
    }
  });
}

async function restarts(group) {
  const { server, visit, agent } = await world(group);
  const { test } = group;
  const ann = await agent("Ann");
  const vi = await visit("Vi", devices("blue"));
  const wu = await visit("Wu", devices("green"));
  await vi.begin("Is the Heron frost-proof?");
  await ann.seesWaiting(["Vi"]);
  await ann.take("Vi");
  await vi.notes("Ann is here.");
  await wu.begin("And the Egret?");
  await ann.seesWaiting(["Wu"]);

  await test("the server stops: both sides are told, and what was typed stays", async () => {
    await vi.page.fill(at("input"), "One more thing");
    await wu.page.fill(at("input"), "not sent yet");
    await server.end();
    for (const each of [vi, wu]) {
      await each.notes("our server is being restarted", 30_000);
      await each.is("over");
      await each.reads(each === vi ? "Is the Heron frost-proof?" : "And the Egret?");
    }
    await vi.shot("widget-restarting");
    await ann.notes("the server was stopped", 30_000);
    await ann.reads("Is the Heron frost-proof?");
    await vi.click("widget-again");
    same(await vi.page.inputValue(at("widget-message")), "One more thing", "what Vi had typed");
    await vi.click("widget-start");
    await until("it is said that nobody can be reached", async () => (await vi.text("widget-problem")).includes("can't be reached"), 30_000);
    same(await vi.page.inputValue(at("widget-message")), "One more thing", "what Vi had typed, then");
    await ann.page.locator(at("connection-banner")).waitFor({ timeout: 30_000 });
  });
  await test("it is back: the agent is signed in still, and a new chat begins with what was typed", async () => {
    // Who comes back in the first moment is let in, too.
    const answers = [];
    let started = false;
    const early = (async () => {
      while (!started) {
        await fetch(`${server.url}/api/webphone/connect`, { method: "POST", body: JSON.stringify({ line: "Cleo", password: "password of Cleo" }) })
          .then(({ status }) => answers.push(status), () => undefined);
        await pause(2);
      }
    })();
    await server.startAgain();
    started = true;
    await early;
    same(answers.filter((status) => status === 401 || status === 403 || status === 404), [], "refusals");
    await ann.page.locator(at("connection-banner")).waitFor({ state: "detached", timeout: 45_000 });
    await until("nobody waits", async () => (await ann.waiting()).length === 0, 30_000);
    await vi.click("widget-start");
    await ann.seesWaiting(["Vi"], 30_000);
    await ann.take("Vi");
    await ann.reads("One more thing", 30_000);
    await wu.click("widget-again");
    same(await wu.page.inputValue(at("widget-message")), "not sent yet", "what Wu had typed");
    await ann.say("frost-proof down to -20 degrees");
    await vi.reads("frost-proof down to -20 degrees", 30_000);
  }, 150_000);
}

export async function run(runner) {
  await runner.group("widget and desk", chats);
  await runner.group("widget elsewhere", waits);
  await runner.group("widget restart", restarts);
}
