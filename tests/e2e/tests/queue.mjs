// Queues and supervision: visitors who wait, agents who take them, a supervisor who listens; by the SDK and by the old script.

import { launchChromium, openPage } from "../lib/chromium.mjs";
import { addAccount, startServer } from "../lib/server.mjs";
import { check, same, until } from "../lib/until.mjs";
import { openSdk, serveElsewhere } from "../lib/webphone_page.mjs";

const kConfig = `
[[webphone_line]]
name = "Visitors"
default_target = "support"
roster = "nobody"
call_clients = false
[[queue]]
name = "support"
agents = ["1500", "1501"]
[[queue]]
name = "sales"
agents = ["1501"]
`;

// Keys at the top of the file stand before the tables.
async function setUp(group) {
  const server = await startServer({ top: `supervisors = ["1600"]\n`, more: kConfig });
  group.after(() => server.stop());
  for (const number of ["1500", "1501", "1600"]) await addAccount(server, number, `password-${number}`);
  await until("the accounts are read", async () => (await fetch(`${server.url}/api/webphone/connect`, {
    method: "POST", body: JSON.stringify({ line: "1600", password: "password-1600", who: "" }),
  })).ok);
  const pages = await serveElsewhere(server.url);
  group.after(() => pages.stop());
  const browser = await launchChromium();
  group.after(() => browser.close());
  return { server, pages, browser };
}

async function queues({ test, server, pages, browser }) {
  const signIn = async (number, name) => {
    const page = await openSdk(browser, pages.url, server.url, name, { line: number, password: `password-${number}`, resume: false });
    await page.evaluate(() => {
      globalThis.sessions = phone.followSessions();
      globalThis.ended = [];
      sessions.on("closed", (each) => ended.push(each.sessionState));
    });
    await page.sees("what there is", "sessions.ready");
    return page;
  };
  const [ann, ben, boss] = [await signIn("1500", "Ann"), await signIn("1501", "Ben"), await signIn("1600", "Boss")];
  const visit = async (name) => {
    const page = await openSdk(browser, pages.url, server.url, name, { line: "Visitors", resume: true });
    await page.evaluate(() => {
      globalThis.news = [];
      watch(phone.call("", { audio: false })).on("queue", (each) => news.push(each.type === "waiting" ? each.position : each.agent.number));
    });
    return page;
  };
  const [vi, wu] = [await visit("Vi"), await visit("Wu")];
  await test("visitors wait in turn, and write meanwhile", async () => {
    await vi.sees("the first place", `call.status === "active" && news.at(-1) === 1`);
    await wu.sees("the second place", `call.status === "active" && news.at(-1) === 2`);
    await vi.evaluate(() => call.sendMessage("I wait"));
    await vi.evaluate(() => call.sendMessage("<b>still</b>", { contentType: "text/html" }));
    same(await vi.evaluate("phone.clients"), [], "whom a visitor sees");
    await ann.sees("both", `sessions.waiting.map((each) => each.callerName).join() === "Vi,Wu"`);
    await boss.sees("both", `sessions.list.length === 2`);
    same(await boss.evaluate("sessions.waiting[0].take"), null, "a supervisor's pickup number");
  });
  await test("an agent takes the first, reads what was written, and the other moves up", async () => {
    await ann.evaluate(() => { watch(phone.takeFromQueue(sessions.waiting[0], { audio: false })); });
    await ann.sees("the call", `call.status === "active" && call.displayName === "Vi"`);
    await ann.sees("the texts", `seen.texts.join() === "I wait,<b>still</b>"`);
    await vi.sees("who took it", `news.at(-1) === "1500"`);
    await vi.sees("whom it is with", `call.number === "1500"`);
    await wu.sees("the first place", `news.at(-1) === 1`);
    await ann.evaluate(() => call.sendMessage("hello Vi"));
    await vi.sees("the text", `seen.texts.join() === "hello Vi"`);
    await ben.sees("one waits", `sessions.list.length === 1 && sessions.list[0].callerName === "Wu"`);
    same(await ben.evaluate("ended.join()"), "InCall", "what became of the other");
  });
  await test("of two agents the first wins", async () => {
    const take = await ben.evaluate("sessions.waiting[0]");
    await ben.evaluate((session) => { watch(phone.takeFromQueue(session, { audio: false })); }, take);
    await ben.sees("the call", `call.status === "active"`);
    const status = await ann.evaluate((session) => new Promise((done) => {
      phone.takeFromQueue(session, { audio: false }).on("ended", (end) => done(end.status));
    }), take);
    same(status, 410, "the second one's status");
    await ben.evaluate(() => call.hangUp());
    await wu.sees("the end", `call.status === "ended"`);
  });
  await test("a supervisor listens unnoticed, holds and ends a call", async () => {
    const [session] = await boss.evaluate("sessions.list");
    same([session.sessionState, session.caller, session.callee], ["InCall", await vi.evaluate("phone.number"), "1500"], "the session");
    await boss.evaluate(async (id) => { watch(await sessions.listen(id)); }, session.sessionId);
    await boss.sees("the call", `call.status === "active"`);
    await vi.evaluate(() => call.sendMessage("between us"));
    await boss.sees("the text", `seen.texts.join() === "between us"`);
    same(await boss.evaluate(() => call.sendMessage("hm").then(() => "sent", (error) => error.status)), 403, "a text of who listens");
    await boss.evaluate((id) => sessions.hold(id), session.sessionId);
    await vi.sees("hold", `call.status === "held"`);
    await ann.sees("hold", `call.status === "held"`);
    await boss.sees("the state", `sessions.list[0].sessionState === "OnHold"`);
    await boss.evaluate((id) => sessions.unhold(id), session.sessionId);
    await vi.sees("no hold", `call.status === "active"`);
    same(await ann.evaluate((id) => sessions.hold(id).then(() => 200, (error) => error.status), session.sessionId), 403, "an agent's hold");
  });
  await test("an agent hands a visitor on to another queue", async () => {
    await ann.evaluate(() => { void call.transfer("sales"); });
    await vi.sees("the new queue", `news.at(-1) === 1 && call.status === "active"`);
    await ann.sees("the end", `call.status === "ended"`);
    await ben.sees("the visitor", `sessions.waiting.length === 1 && sessions.waiting[0].queue === "sales"`);
    await boss.sees("nothing more to hear", `call.status === "ended"`);
    await ben.evaluate(() => { watch(phone.takeFromQueue(sessions.waiting[0], { audio: false })); });
    await ben.sees("the call", `call.status === "active"`);
    await vi.evaluate(() => call.sendMessage("hello Ben"));
    await ben.sees("the text", `seen.texts.at(-1) === "hello Ben"`);
    await ben.evaluate((id) => sessions.hangUp(id), await ben.evaluate("sessions.list[0].sessionId"));
    await vi.sees("the end", `call.status === "ended"`);
  });
  await test("history and phone book", async () => {
    await until("the record", async () => {
      const records = await ann.evaluate(() => phone.history());
      const record = records.find((each) => each.queue === "support");
      check(record !== undefined && record.callerName === "Vi" && record.agent === "1500" && record.waitedSeconds >= 0, JSON.stringify(records));
      return true;
    });
    const book = await ann.evaluate(() => phone.phoneBook());
    check(book.extensions.some((each) => each.id === "1501" && each.online), JSON.stringify(book));
    same(await ann.evaluate(() => phone.history("1501").then(() => 200, (error) => error.status)), 403, "another's history");
    same((await boss.evaluate(() => phone.history("1501"))).length >= 1, true, "another's history for a supervisor");
  });
  await test("a visitor who leaves is gone from the list", async () => {
    await wu.evaluate(() => { watch(phone.call("", { audio: false })); });
    await ann.sees("Wu", "sessions.waiting.length === 1");
    await wu.close();
    await ann.sees("nobody", "sessions.waiting.length === 0", 20_000);
  });
}

async function oldScript({ test, server, pages, browser }) {
  const page = await openPage(browser, {});
  await page.goto(`${pages.url}/sdk.html`);
  await page.addScriptTag({ url: `${server.url}/WebphoneAPI` });
  await test("the old script's sessions, history and user", async () => {
    await page.evaluate((host) => {
      globalThis.told = [];
      globalThis.errors = [];
      OzWebClient.onErrorOccured((error) => errors.push(error));
      OzWebClient.onUserInfoReceived((user) => told.push(`user ${user.id}`));
      OzWebClient.onConnectionStateChanged((state) => told.push(String(state)));
      OzWebClient.onCallHistoryInfoReceived((records) => { globalThis.records = records; });
      OzWebClient.onSessionCreated((session) => {
        globalThis.session = session;
        told.push(`created ${session.caller}`);
        session.onSessionStateChanged((state) => told.push(state));
      });
      OzWebClient.onSessionClosed((session) => told.push(`closed ${session.sessionState}`));
      OzWebClient.connect(host, "1600", { Password: "password-1600" });
    }, new URL(server.url).host);
    const has = (what) => until(`told ${what}`, async () => (await page.evaluate((word) => told.includes(word), what)) || Promise.reject(new Error(JSON.stringify(await page.evaluate("[told, errors]")))));
    await has("ACCESS_GRANTED");
    await has("user 1600");
    check((await page.evaluate(() => OzWebClient.helper.getExtensionById("1500")?.type)) === "SIP", "the extension");
    const [vi, ann] = [await openSdk(browser, pages.url, server.url, "Vi", { line: "Visitors", resume: false }),
                       await openSdk(browser, pages.url, server.url, "Ann", { line: "1500", password: "password-1500", resume: false })];
    await ann.evaluate(() => { globalThis.sessions = phone.followSessions(); });
    await vi.evaluate(() => { watch(phone.call("", { audio: false })); });
    await has(`created ${vi.number}`);
    await ann.sees("it waits", "sessions.waiting.length === 1");
    await ann.evaluate(() => { watch(phone.takeFromQueue(sessions.waiting[0], { audio: false })); });
    await has("InCall");
    await page.evaluate(() => session.hold());
    await has("OnHold");
    await vi.sees("hold", `call.status === "held"`);
    await page.evaluate(() => session.unhold());
    await vi.sees("no hold", `call.status === "active"`);
    await page.evaluate(() => session.close());
    await has("closed Completed");
    await vi.sees("the end", `call.status === "ended"`);
    await page.evaluate(() => OzWebClient.helper.getCallHistoryOfExtension("1500"));
    await until("the records", async () => (await page.evaluate("globalThis.records?.length ?? 0")) > 0);
    same(await page.evaluate("errors"), [], "errors");
  });
}

export async function run(runner) {
  await runner.group("queue", async (group) => {
    const world = await setUp(group);
    const named = (prefix) => ({ ...world, test: (name, act) => group.test(`${prefix}: ${name}`, act) });
    await queues(named("queue"));
    await oldScript(named("old script"));
  });
}
