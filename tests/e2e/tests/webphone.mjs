// Webphones against the real server: the published live chat from another web server, and the SDK.

import { camera, kTones, launchChromium } from "../lib/chromium.mjs";
import { startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";
import { Chatter, openSdk, serveElsewhere } from "../lib/webphone_page.mjs";

const kHeard = -60;   // dB of full scale

async function setUp(group) {
  const server = await startServer();
  group.after(() => server.stop());
  const pages = await serveElsewhere(server.url);
  group.after(() => pages.stop());
  const browser = await launchChromium();
  group.after(() => browser.close());
  return { server, pages, browser };
}

async function scripts({ test, server }) {
  await test("the script, the SDK and the chat are served for pages of every origin", async () => {
    const script = await fetch(`${server.url}/WebphoneAPI`);
    same([script.status, script.headers.get("access-control-allow-origin"), script.headers.get("cross-origin-resource-policy")], [200, "*", "cross-origin"], "the script");
    check((await script.text()).includes("OzWebClient"), "it is another script");
    const sdk = await fetch(`${server.url}/sdk/parley-webphone.js`);
    same([sdk.status, sdk.headers.get("access-control-allow-origin")], [200, "*"], "the SDK");
    const chat = await fetch(`${server.url}/examples/ozeki-livechat/live_chat.html`);
    check(chat.headers.get("content-security-policy").includes("script-src 'self' 'unsafe-inline' 'unsafe-eval'"), "the chat's policy");
  });
}

async function liveChat({ test, pages, browser }) {
  const url = `${pages.url}/live_chat.html`;
  const people = {};
  const open = async (name) => (people[name] = await Chatter.open(browser, url, name));
  const [ann, ben, cyd] = [await open("Ann"), await open("Ben"), await open("Cyd")];
  await test("everybody is welcomed and sees the others, nobody himself", async () => {
    for (const each of [ann, ben, cyd]) {
      await until(`${each.name} is welcomed`, async () => (await each.welcome()) === `Welcome ${each.name} to the chatroom!`);
    }
    await ann.sees(["Ben", "Cyd"]);
    await ben.sees(["Ann", "Cyd"]);
    await cyd.sees(["Ann", "Ben"]);
    await ann.reads("Ben is ONLINE");
  });
  await test("a request is accepted, and texts go both ways", async () => {
    await ann.request("Ben");
    await ann.reads("You have sent a chat request to Ben.");
    await ann.reads("Ben accepted your chat request.");
    await ben.reads("You accepted the chat request.");
    await ann.say("hello Ben");
    await ben.reads("Ann said: hello Ben");
    await ben.say("hello <b>Ann</b> & all");
    await ann.reads("Ben said: hello Ann & all");
    check(!(await cyd.chat()).includes("said"), "the third one read it too");
  });
  await test("a second request ends the first chat, and the new one stays", async () => {
    await cyd.request("Ann");
    await cyd.reads("Ann accepted your chat request.");
    await ben.is(null);   // one second after COMPLETED the program hangs up
    await pause(1500);
    same([await ann.state(), await cyd.state()], ["IN_CALL", "IN_CALL"], "the new chat");
    await ann.say("hello Cyd");
    await cyd.reads("Ann said: hello Cyd");
    check(!(await ben.chat()).includes("hello Cyd"), "the first one reads on");
  });
  await test("a request is refused, and the other can ask again", async () => {
    ben.decide = () => false;
    const asked = ben.asked;
    await cyd.request("Ben");
    await until("Ben is asked", () => ben.asked > asked);
    await cyd.is(null);
    await ann.is(null);
    ben.decide = () => true;
    await cyd.request("Ben");
    await cyd.reads("Ben accepted your chat request.");
  });
  await test("a page that stands still in confirm() loses nothing", async () => {
    let answer;
    const thought = new Promise((done) => (answer = done));
    ann.decide = async () => { await thought; return true; };
    const asked = ann.asked;
    await ben.request("Ann");
    await until("Ann is asked", () => ann.asked > asked);
    await pause(8000);
    const dee = await open("Dee");      // while Ann's page stands still
    same(await ben.state(), "RINGING", "the one who waits");
    answer();
    await ben.is("IN_CALL");
    await ann.sees(["Ben", "Cyd", "Dee"]);
    await dee.sees(["Ann", "Ben", "Cyd"]);
    await dee.page.context().close();
  });
  await test("who closes the page is OFFLINE soon", async () => {
    await cyd.page.context().close();
    await until("Ann reads it", async () => (await ann.chat()).includes("Cyd is OFFLINE"), 20_000);
    await ben.reads("Cyd is OFFLINE");
    await ann.sees(["Ben"]);
  });
  await test("Parley's own copy of the chat runs too", async () => {
    const own = await Chatter.open(browser, `${pages.parley}/examples/ozeki-livechat/live_chat.html`, "Own");
    await own.sees(["Ann", "Ben"]);
    // jQuery tries out an inline style, and no more; nobody has a favicon.
    same(own.page.errors.filter((each) => !/inline style|404/.test(each)), [], "errors");
    await own.page.context().close();
  });
}

async function sdk({ test, server, pages, browser }) {
  const open = (name, options) => openSdk(browser, pages.url, server.url, name, options);
  const eve = await open("Eve");
  const fay = await open("Fay");
  await test("two clients see each other, each by a number of its own", async () => {
    check(/^[A-Za-z][A-Za-z0-9]{4,}$/.test(eve.number) && eve.number !== fay.number, `${eve.number}, ${fay.number}`);
    await eve.sees("Fay is there", `seen.clients.Fay?.phoneNumber === "${fay.number}"`);
    await fay.sees("Eve is there", `seen.clients.Eve?.phoneNumber === "${eve.number}"`);
  });
  await test("an unknown number is not found, and did not ring", async () => {
    const [cause, states] = await eve.evaluate(() => new Promise((done) => {
      const call = phone.call("nobody9");
      const states = [];
      call.on("status", (status) => states.push(status));
      call.on("ended", ({ cause }) => done([cause, states]));
    }));
    same(cause, "not-found", "the cause");
    check(!states.includes("ringing"), states.join());
  });
  await test("a call is accepted, and texts go both ways", async () => {
    await eve.evaluate((number) => { watch(phone.call(number, { audio: false })); }, fay.number);
    await fay.sees("it rings", `globalThis.call?.status === "ringing"`);
    await eve.sees("it rings there", `call.status === "ringing"`);
    await fay.evaluate(() => { call.accept({ audio: false }); void call.sendMessage("at once"); });
    await eve.sees("the call is up", `call.status === "active"`);
    await eve.sees("the first text", `seen.texts.join() === "at once"`);
    const sent = await eve.evaluate(() => call.sendMessage("<b>äöü €</b>", { contentType: "text/html" }));
    check(sent !== undefined, "not acknowledged");
    await fay.sees("the answer", `seen.texts.join() === "<b>äöü €</b>"`);
  });
  await test("hold is told at both ends, texts go on, and it ends at both", async () => {
    await eve.evaluate(() => call.hold());
    await eve.sees("held here", `call.status === "held" && call.heldHere`);
    await fay.sees("held there", `call.status === "held" && call.heldThere`);
    await fay.evaluate(() => call.sendMessage("while held"));
    await eve.sees("the text", `seen.texts.at(-1) === "while held"`);
    await eve.evaluate(() => call.unhold());
    await eve.sees("up again", `call.status === "active"`);
    await fay.sees("up again", `call.status === "active"`);
  });
  await test("a reload keeps number and call", async () => {
    const number = eve.number;
    await eve.reload();
    same(await eve.start(), number, "the number");
    await eve.sees("the call is offered again", `globalThis.call !== undefined`);
    await eve.evaluate(() => { if (call.status === "ringing") call.accept({ audio: false }); });
    await eve.sees("the call is up", `call.status === "active"`);
    await eve.evaluate(() => call.sendMessage("reloaded"));
    await fay.sees("the text", `seen.texts.at(-1) === "reloaded"`);
    await fay.evaluate(() => call.sendMessage("welcome back"));
    await eve.sees("the answer", `seen.texts.at(-1) === "welcome back"`);
    check(await fay.evaluate("seen.clients.Eve !== undefined && call.status === 'active'"), "Fay saw her go");
  });
  await test("hanging up ends it at the other", async () => {
    await fay.evaluate(() => call.hangUp());
    await eve.sees("the end", `call.status === "ended"`);
  });
  await test("who disconnects is OFFLINE at once", async () => {
    const begin = Date.now();
    await eve.evaluate(() => phone.disconnect());
    await fay.sees("Eve is gone", `seen.clients.Eve === undefined`, 8000);
    check(Date.now() - begin < 8000, "late");   // one who vanishes is given ten seconds and more
    same(await eve.evaluate("phone.status"), "closed", "the status");
  });
}

async function transfers({ test, server, pages, browser }) {
  const open = (name) => openSdk(browser, pages.url, server.url, name);
  const [tom, uma, vic] = [await open("Tom"), await open("Uma"), await open("Vic")];
  const connected = async () => {
    await tom.evaluate((number) => {
      globalThis.identities = [];
      watch(phone.call(number, { audio: false })).on("identity", (identity) => identities.push(identity));
    }, uma.number);
    await uma.sees("it rings", `globalThis.call?.status === "ringing"`);
    await uma.evaluate(() => call.accept({ audio: false }));
    await tom.sees("the call is up", `call.status === "active"`);
  };
  await test("a transfer that is refused leaves the call", async () => {
    await connected();
    await uma.evaluate((number) => { globalThis.result = null; void call.transfer(number).then((r) => { globalThis.result = r; }); }, vic.number);
    await vic.sees("it rings", `globalThis.call?.status === "ringing"`);
    same(await vic.evaluate("call.displayName"), "Tom", "who calls");
    await vic.evaluate(() => call.reject());
    await uma.sees("the refusal", `globalThis.result !== null`);
    same(await uma.evaluate("result"), { ok: false, status: 603 }, "the result");
    await uma.evaluate(() => call.sendMessage("still here"));
    await tom.sees("the text", `seen.texts.at(-1) === "still here"`);
  });
  await test("a transfer joins the other two", async () => {
    await uma.evaluate((number) => { globalThis.result = null; void call.transfer(number).then((r) => { globalThis.result = r; }); }, vic.number);
    await vic.sees("it rings", `call.status === "ringing"`);
    await vic.evaluate(() => call.accept({ audio: false }));
    await uma.sees("the result", `globalThis.result?.ok === true && call.status === "ended"`);
    await vic.sees("the call is up", `call.status === "active"`);
    await tom.sees("whom he speaks with now", `call.displayName === "Vic" && call.number === "${vic.number}" && identities.length === 1`);
    await vic.evaluate(() => call.sendMessage("hello Tom"));
    await tom.sees("the text", `seen.texts.at(-1) === "hello Tom"`);
    await tom.evaluate(() => call.sendMessage("hello Vic"));
    await vic.sees("the answer", `seen.texts.at(-1) === "hello Vic"`);
    await tom.evaluate(() => call.hangUp());
    await vic.sees("the end", `call.status === "ended"`);
  });
  await test("a call is forwarded while it rings", async () => {
    await tom.evaluate((number) => { watch(phone.call(number, { audio: false })); }, uma.number);
    await uma.sees("it rings", `call.status === "ringing"`);
    await uma.evaluate((number) => call.forward(number), vic.number);
    await vic.sees("it rings", `call.status === "ringing"`);
    await vic.evaluate(() => call.accept({ audio: false }));
    await tom.sees("the call is up", `call.status === "active"`);
    same(await tom.evaluate("[call.number, call.displayName]"), [vic.number, "Vic"], "who answered");
    await tom.evaluate(() => call.sendMessage("forwarded"));
    await vic.sees("the text", `seen.texts.at(-1) === "forwarded"`);
  });
}

// Alf speaks with Bea, asks Cat, and joins the two; by tones and texts.
async function attendedTransfers({ test, server, pages, browser }) {
  const open = (name, colour) => openSdk(browser, pages.url, server.url, name, {}, camera(colour));
  const [alf, bea, cat] = [await open("Alf", "red"), await open("Bea", "green"), await open("Cat", "blue")];
  const hears = (page, colour) => until(`${page.number} hears ${colour}`, async () => {
    const levels = await page.evaluate((tones) => (call.audio === null ? null : globalThis.__probe.tones(call.audio, tones)), Object.values(kTones));
    const heard = Object.keys(kTones).filter((_, i) => levels?.[i] > kHeard);
    return heard.join() === colour || Promise.reject(new Error(`${Object.keys(kTones)} at ${levels} dB`));
  }, 20_000);
  const texts = async (a, b) => {
    await a.evaluate(() => call.sendMessage("to and"));
    await b.sees("the text", `seen.texts.at(-1) === "to and"`);
    await b.evaluate(() => call.sendMessage("fro"));
    await a.sees("the answer", `seen.texts.at(-1) === "fro"`);
  };
  const ask = async (answers) => {
    await alf.evaluate((number) => { globalThis.first = watch(phone.call(number)); }, bea.number);
    await bea.sees("it rings", `globalThis.call?.status === "ringing"`);
    await bea.evaluate(() => call.accept());
    await alf.sees("the call is up", `call.status === "active"`);
    await hears(bea, "red");
    await alf.evaluate(() => first.hold());
    await bea.sees("held", `call.heldThere`);
    await alf.evaluate((number) => { globalThis.second = watch(phone.call(number)); }, cat.number);
    await cat.sees("it rings", `globalThis.call?.status === "ringing"`);
    if (answers) {
      await cat.evaluate(() => call.accept());
      await alf.sees("the question is up", `second.status === "active"`);
      await hears(cat, "red");
    } else {
      await alf.sees("it rings there", `second.status === "ringing"`);
    }
    await alf.evaluate(() => { globalThis.result = null; void first.transferTo(second).then((r) => { globalThis.result = r; }); });
  };
  const joined = async () => {
    await alf.sees("the result", `globalThis.result?.ok === true && first.status === "ended" && second.status === "ended"`);
    await bea.sees("up again", `call.status === "active"`);
    await hears(bea, "blue");
    await hears(cat, "green");
    await bea.sees("whom she speaks with", `call.displayName === "Cat" && call.number === "${cat.number}"`);
    await cat.sees("whom she speaks with", `call.displayName === "Bea" && call.number === "${bea.number}"`);
    await texts(bea, cat);
  };
  await test("an attended transfer joins the two others", async () => {
    await ask(true);
    await joined();
  });
  await test("who was joined is reloaded, and still in the call", async () => {
    await cat.reload();
    await cat.start();
    await cat.sees("the call is offered again", `globalThis.call !== undefined`);
    await cat.evaluate(() => { if (call.status === "ringing") call.accept(); });
    await cat.sees("the call is up", `call.status === "active"`);
    same(await cat.evaluate("[call.number, call.displayName]"), [bea.number, "Bea"], "whom it is with");
    await texts(bea, cat);
    await hears(bea, "blue");
    await bea.evaluate(() => call.hangUp());
    await cat.sees("the end", `call.status === "ended"`);
  });
  await test("one that still rings is joined when it answers", async () => {
    await ask(false);
    await pause(500);
    await cat.evaluate(() => call.accept());
    await joined();
  });
}

export async function run(runner) {
  await runner.group("webphone", async (group) => {
    const world = await setUp(group);
    world.pages.parley = world.server.url;
    const all = { ...world, test: group.test };
    await scripts(all);
    await sdk(all);
    await transfers(all);
    await attendedTransfers(all);
  });
  await runner.group("livechat", async (group) => {
    const world = await setUp(group);
    world.pages.parley = world.server.url;
    await liveChat({ ...world, test: group.test });
  });
}
