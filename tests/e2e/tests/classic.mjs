// The old script's calls in pages of other origins: each state and no other, each method in each state, reload, network,
// devices, and the ways in.

import { createHmac } from "node:crypto";
import { camera, kTones, launchChromium, nearest } from "../lib/chromium.mjs";
import { openOz } from "../lib/oz_page.mjs";
import { startProxy } from "../lib/proxy.mjs";
import { addAccount, startServer } from "../lib/server.mjs";
import { check, pause, same, until } from "../lib/until.mjs";
import { openSdk, serveElsewhere } from "../lib/webphone_page.mjs";

export const kSecret = "a secret for tokens, of 32 bytes or more";
const kConfig = `
[[webphone_line]]
name = "Webphone1"
[[webphone_line]]
name = "Short"
grace = 4
[[webphone_line]]
name = "Locked"
access = "password"
password = "correct horse"
origins = ["*"]
[[webphone_line]]
name = "Listed"
access = "token"
origins = ["https://shop.example"]
[[webphone_line]]
name = "Signed"
access = "token"
origins = ["*"]
[tokens]
secret = "${kSecret}"
[[rule]]
pattern = "engaged"
to = "refuse:486"
[[rule]]
pattern = "echo"
to = "echo"
`;
const kHeard = -50;   // dB of full scale

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
export function token(claims, secret = kSecret) {
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ line: "Signed", name: "Tok", exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

export async function setUp(group, more = "") {
  const server = await startServer({ top: `supervisors = ["1600"]\n`, more: kConfig + more });
  group.after(() => server.stop());
  for (const number of ["1500", "1600"]) await addAccount(server, number, `password-${number}`);
  const pages = await serveElsewhere(server.url);
  group.after(() => pages.stop());
  const browser = await launchChromium();
  group.after(() => browser.close());
  return { server, pages, browser };
}

// Two in a call: the caller's is named "out", the other's "in".
async function inCall(from, to, number) {
  await Promise.all([from.forget(), to.forget()]);
  await from.evaluate((n) => o.make("out", n).start(), number);
  await to.state("in", "RINGING");
  await to.do("in", ["accept"]);
  await from.state("out", "IN_CALL");
  await to.state("in", "IN_CALL");
}

async function states({ test, server, pages, browser }) {
  const [ann, ben] = [await openOz(browser, pages.url, server.url), await openOz(browser, server.url, server.url)];
  const cyd = await openOz(browser, pages.url, server.url);
  await test("before a connection nothing breaks; with one, clients see each other with their properties", async () => {
    await ann.evaluate(() => {
      o.make("early", "x").start();
      OzWebClient.disconnect();
      OzWebClient.getCallHistory();
      o.told.push(String(OzWebClient.checkWebPhoneState()), OzWebClient.helper.getUserById("x"), Object.keys(OzWebClient.helper.getExtensions()).length);
    });
    await ann.is("the end", `o.calls.early.states.join() === "COMPLETED" && o.errors.length === 2`);
    same(await ann.evaluate("o.told"), ["CONNECTION_CLOSED", null, 0], "what there is");
    await ann.connect({ Name: "Ann", Team: "red", Password: "" });
    await ben.connect("Ben");
    await cyd.connect("Cyd", "Webphone1", new URL(server.url).host);
    await ben.is("Ann and Cyd", `o.clients.length === 2 && o.clients[0].Team === "red" && !("Password" in o.clients[0]) && o.clients.every((each) => each.status === "ONLINE")`);
    check(await ben.evaluate(() => { o.clients[0].status = "mine"; return true; }), "written");
    for (const [page, name] of [[ann, "Ann"], [ben, "Ben"], [cyd, "Cyd"]]) {
      const other = page === ben ? ann : ben;
      await other.is(name, `o.clients.some((each) => each.displayName === "${name}")`);
      page.number = await other.evaluate((n) => o.clients.find((each) => each.displayName === n).phoneNumber, name);
    }
    same(await ann.evaluate("String(OzWebClient.checkWebPhoneState())"), "ACCESS_GRANTED", "the state");
  });
  await test("RINGING, IN_CALL, HOLD at both ends, COMPLETED at the other alone; texts before, during, after", async () => {
    await ann.forget();
    await ann.evaluate((n) => { const call = o.make("out", n); call.sendMessage("before the start"); call.start(); call.sendMessage("while it rings"); }, ben.number);
    await ben.state("in", "RINGING");
    await ann.state("out", "RINGING");
    await ben.evaluate(() => { o.calls.in.call.accept(); o.calls.in.call.sendMessage("<b>at once</b>"); });
    await ann.reads("out", "<b>at once</b>");
    await ben.is("both texts in order", `o.calls.in.texts.join() === "before the start,while it rings"`);
    await ann.do("out", ["hold"]);
    await ben.state("in", "HOLD");
    await ben.do("in", ["sendMessage", "while held"]);
    await ann.reads("out", "while held");
    await ann.do("out", ["unHold"]);
    await ben.state("in", "IN_CALL");
    await ben.do("in", ["hold"]);
    await ann.state("out", "HOLD");
    await ben.do("in", ["unHold"]);
    await ann.state("out", "IN_CALL");
    same([await ann.evaluate("o.calls.out.call.getOtherParty()"), await ben.evaluate("o.calls.in.call.getOtherParty()")], [ben.number, ann.number], "the numbers");
    await ann.do("out", ["hangUp"], ["hangUp"]);
    await ben.is("the end", `o.calls.in.states.at(-1) === "COMPLETED"`);
    same(await ann.evaluate("o.calls.out.call.getCallState()"), "COMPLETED", "the state of who hung up");
    same(await ann.states("out"), ["RINGING", "IN_CALL", "HOLD", "IN_CALL", "HOLD", "IN_CALL"], "who hung up");
    same(await ben.states("in"), ["IN_CALL", "HOLD", "IN_CALL", "HOLD", "IN_CALL", "COMPLETED"], "the other");
  });
  await test("REJECTED, BUSY, NOT_FOUND, a caller who gives up, a call to oneself", async () => {
    for (const each of [ann, ben, cyd]) await each.forget();
    const busy = await openSdk(browser, pages.url, server.url, "Busy", { callWaiting: false });
    await busy.evaluate(() => { phone.call("echo", { audio: false }); });
    await busy.sees("engaged", `phone.calls[0]?.status === "active"`);
    await ann.evaluate(([to, own, engaged]) => {
      for (const [name, number] of Object.entries({ refused: to, engaged: "engaged", engaged2: engaged, nobody: "nobody9", away: "1500", never: "no such\u0000 \u{1F600}%00<>;@", own })) o.make(name, number).start();
    }, [ben.number, ann.number, busy.number]);
    await ben.state("in", "RINGING");
    await ben.do("in", ["reject"]);
    for (const [name, wanted] of Object.entries({ refused: "RINGING,REJECTED", engaged: "BUSY", engaged2: "BUSY", nobody: "NOT_FOUND", away: "NOT_FOUND", never: "NOT_FOUND" })) {
      await ann.is(`${name}: ${wanted}`, `o.calls.${name}.states.join() === "${wanted}"`);
    }
    same(await ben.states("in"), [], "the states of who refused");
    await pause(300);
    const own = await ann.evaluate("[o.calls.own.states, o.calls.in?.states ?? null]");
    if (own[1] !== null) {   // it rings here: by another call, which is one's own to refuse
      await ann.do("in", ["reject"]);
      await ann.state("own", "REJECTED");
    } else {
      check(["NOT_FOUND", "BUSY", "REJECTED"].includes(own[0].join()), JSON.stringify(own));
    }
    await ann.evaluate((n) => o.make("out", n).start(), cyd.number);
    await cyd.state("in", "RINGING");
    await ann.do("out", ["hangUp"]);
    await cyd.is("given up", `o.calls.in.states.join() === "COMPLETED"`);
    same(await ann.evaluate("o.calls.out.call.getCallState()"), "COMPLETED", "the state of who gave up");
    await busy.context().close();
  });
  await test("each method in each state: nothing breaks, and what is of no use changes nothing", async () => {
    for (const each of [ann, ben, cyd]) await each.forget();
    const useless = [["accept"], ["reject"], ["hold"], ["unHold"], ["transfer", cyd.number], ["forward", cyd.number], ["sendDtmf", "5"]];
    await ann.evaluate((n) => o.make("out", n), ben.number);
    await ann.do("out", ...useless, ["start"], ["start"]);
    await ben.state("in", "RINGING");
    await ann.state("out", "RINGING");
    await ann.do("out", ...useless, ["start"]);
    await ben.do("in", ["start"], ["hold"], ["unHold"], ["transfer", cyd.number], ["sendDtmf", "5"]);
    same([await ann.evaluate("o.calls.out.call.getCallState()"), await ben.evaluate("o.calls.in.call.getCallState()")], ["RINGING", "RINGING"], "still");
    await ann.is("refusals", `o.errors.filter((each) => each.code === "hold-failed" || each.code === "unhold-failed").length === 4 && o.errors.filter((each) => each.code === "transfer-failed").length === 2`);
    await ben.do("in", ["accept"], ["accept"]);
    await ann.state("out", "IN_CALL");
    for (const [page, name] of [[ann, "out"], [ben, "in"]]) {
      await page.evaluate(() => { o.errors.length = 0; });
      await page.do(name, ["start"], ["accept"], ["reject"], ["forward", cyd.number], ["unHold"], ["sendDtmf", "no key"], ["transfer", "nobody9"], ["sendMessage", `by ${name}`]);
      await page.is("refusals", `o.errors.map((each) => each.code).sort().join() === "404,dtmf-failed"`);
    }
    await ann.reads("out", "by in");
    await ben.reads("in", "by out");
    await ann.do("out", ["hold"]);
    await ben.state("in", "HOLD");
    await ann.do("out", ["hold"], ["start"], ["reject"], ["forward", cyd.number]);
    await ben.do("in", ["hangUp"]);
    await ann.is("the end", `o.calls.out.states.join() === "RINGING,IN_CALL,HOLD,COMPLETED"`);
    same(await ben.states("in"), ["IN_CALL", "HOLD"], "who hung up from a held call");
    await ann.evaluate(() => { o.errors.length = 0; });
    await ann.do("out", ["start"], ...useless, ["hangUp"], ["sendMessage", "too late"], ["attachCamera", null], ["setRemoteDisplay", "nowhere"]);
    await ann.is("refusals", `o.errors.length === 5`);
    await ben.do("in", ["accept"], ["reject"], ["forward", cyd.number], ["hangUp"]);
    await pause(300);
    same([await ann.states("out"), await ben.states("in")], [["RINGING", "IN_CALL", "HOLD", "COMPLETED"], ["IN_CALL", "HOLD"]], "afterwards");
    same(await cyd.evaluate("o.came"), 0, "calls for who was named");
    await ann.evaluate((n) => { const call = o.make("ended", n); call.hangUp(); call.start(); }, ben.number);
    same(await ann.evaluate("o.calls.ended.call.getCallState()"), "COMPLETED", "one that was hung up before its start");
  });
  await test("forward and transfer; keys reach an echo; hanging up while the other accepts", async () => {
    for (const each of [ann, ben, cyd]) await each.forget();
    await ann.evaluate((n) => o.make("out", n).start(), ben.number);
    await ben.state("in", "RINGING");
    await ben.do("in", ["forward", cyd.number]);
    await cyd.state("in", "RINGING");
    await cyd.do("in", ["accept"]);
    await ann.state("out", "IN_CALL");
    same(await ben.states("in"), [], "who forwarded");
    await cyd.do("in", ["transfer", ben.number]);
    await ben.state("in2", "RINGING");
    await ben.do("in2", ["accept"]);
    await ben.state("in2", "IN_CALL");
    await cyd.is("who transferred is out", `o.calls.in.states.at(-1) === "COMPLETED"`);
    await ann.do("out", ["sendMessage", "hello Ben"]);
    await ben.reads("in2", "hello Ben");
    await ann.do("out", ["hangUp"]);
    await ben.is("the end", `o.calls.in2.states.at(-1) === "COMPLETED"`);
    await ann.evaluate(() => o.make("echo", "echo").start());
    await ann.state("echo", "IN_CALL");
    await ann.do("echo", ["sendDtmf", "12#"], ["hold"], ["unHold"], ["hangUp"]);
    await ann.evaluate((n) => o.make("quick", n).start(), ben.number);
    await ben.is("it rings", `o.calls.in3 !== undefined`);
    await Promise.all([ann.do("quick", ["hangUp"]), ben.do("in3", ["accept"])]);
    await ben.state("in3", "COMPLETED");
    same(await ann.states("quick"), await ann.states("quick").then((all) => all.filter((each) => each !== "COMPLETED")), "who hung up");
  });
  await test("a reload in a call: it is offered again, and the other end notices nothing", async () => {
    await inCall(ann, ben, ben.number);
    await ann.reload();
    await ann.begin();
    await ann.connect({ Name: "Ann" });
    await ann.is("the call", "o.calls.in !== undefined");
    await ann.do("in", ["accept"]);
    await ann.is("it is up", `o.calls.in.states.join() === "IN_CALL"`);
    await ann.do("in", ["sendMessage", "back"]);
    await ben.reads("in", "back");
    await ben.do("in", ["hold"]);
    await ann.state("in", "HOLD");
    await ann.reload();
    await ann.begin();
    await ann.connect({ Name: "Ann" });
    await ann.is("the held call", "o.calls.in !== undefined");
    await ann.do("in", ["accept"]);
    await ann.is("held still", `o.calls.in.states.join() === "HOLD"`);
    await ben.do("in", ["unHold"]);
    await ann.is("up again", `o.calls.in.states.join() === "HOLD,IN_CALL"`);
    await ben.is("the same at the other end", `o.calls.in.states.join() === "IN_CALL,HOLD,IN_CALL"`);
  });
  await test("connecting again, and leaving in a call", async () => {
    const before = await ben.evaluate("o.clients.length");
    await ann.connect({ Name: "Ann" });          // the second time in the same page
    await ben.is("the old one goes, another comes", `o.clients.slice(${before}).filter((each) => each.displayName === "Ann").map((each) => each.status).sort().join() === "OFFLINE,ONLINE"`);
    await ben.is("the call's end", `o.calls.in.states.at(-1) === "COMPLETED"`);
    same(await ann.evaluate("o.connection"), ["ACCESS_GRANTED", "ACCESS_GRANTED"], "the states");
    const number = await ben.evaluate(() => o.clients.findLast((each) => each.displayName === "Ann" && each.status === "ONLINE").phoneNumber);
    check(number !== ann.number, "the same number");
    await inCall(ben, ann, number);
    await ann.evaluate(() => OzWebClient.disconnect());
    await ben.is("COMPLETED", `o.calls.out.states.at(-1) === "COMPLETED"`);
    await ben.is("OFFLINE", `o.clients.at(-1).status === "OFFLINE" && o.clients.at(-1).phoneNumber === "${number}"`);
    await ann.is("CONNECTION_CLOSED", `o.connection.at(-1) === "CONNECTION_CLOSED" && String(OzWebClient.checkWebPhoneState()) === "CONNECTION_CLOSED"`);
    same(await ann.states("in"), ["IN_CALL"], "who left");
    for (const each of [ann, ben, cyd]) same([await each.evaluate("o.wrong"), each.errors.filter((error) => !/404|favicon/.test(error))], [[], []], "other states, and errors");
  });
  for (const each of [ann, ben, cyd]) await each.context().close();
}

async function waysIn({ test, server, pages, browser }) {
  const page = await openOz(browser, pages.url, server.url);
  await test("wrong password, unknown line, wrong origin, expired and broken tokens: ACCESS_DENIED; nobody there: CONNECTION_FAILED", async () => {
    const past = Math.floor(Date.now() / 1000) - 60;
    for (const [line, who] of [["Locked", { Name: "x", Password: "wrong" }], ["Locked", "x"], ["No such line", "x"], ["Listed", "x"], [token({ line: "Listed" }), "x"],
                               ["1500", { Password: "wrong" }], ["9999", { Password: "x" }], [token({ exp: past }), "x"], [token({}, "another secret, of 32 bytes or more"), "x"], [token({ line: "No such line" }), "x"]]) {
      const before = await page.evaluate("o.connection.length");
      await page.evaluate(([l, w]) => OzWebClient.connect("", l, w), [line, who]);
      await page.is(`denied ${line}`, `o.connection.length === ${before + 1} && o.connection.at(-1) === "ACCESS_DENIED"`);
    }
    same(await page.evaluate("o.errors.every((each) => [401, 403, 404].includes(each.code) && each.message.length > 5)"), true, "the errors");
    await page.evaluate(() => OzWebClient.connect("localhost:1", "Webphone1", "x"));
    await page.is("failed", `o.connection.at(-1) === "CONNECTION_FAILED"`);
    for (const [line, who] of [["Locked", { Name: "x", pASSWORD: "correct horse" }], ["1500", { Password: "password-1500" }], [token({}), "x"]]) await page.connect(who, line);
  });
  await page.context().close();
}

async function network({ test, server, pages, browser }) {
  const proxy = await startProxy(Number(new URL(server.url).port));
  const far = await openOz(browser, pages.url, `http://localhost:${proxy.port}`);
  const near = await openOz(browser, pages.url, server.url);
  await near.connect("Near", "Short");
  await far.connect("Far", "Short");
  for (const each of [near, far]) await each.is("the other one", "o.clients.length === 1");
  const number = await far.evaluate("o.clients[0].phoneNumber");
  await test("a network cut that is shorter than the grace time: no state, and what was written meanwhile arrives", async () => {
    await inCall(far, near, number);
    proxy.cut();
    await far.do("out", ["sendMessage", "from the dark"]);
    await near.do("in", ["sendMessage", "are you there?"]);
    await pause(800);
    proxy.restore();
    await near.reads("in", "from the dark");
    await far.reads("out", "are you there?");
    same([await far.states("out"), await near.states("in"), await near.evaluate("o.clients.length")], [["RINGING", "IN_CALL"], ["IN_CALL"], 1], "states and roster");
  });
  await test("one that is longer: COMPLETED at both ends, OFFLINE, CONNECTION_CLOSED; then a new number", async () => {
    proxy.cut();
    await near.is("OFFLINE", `o.clients.at(-1).status === "OFFLINE"`, 20_000);
    await near.is("COMPLETED", `o.calls.in.states.join() === "IN_CALL,COMPLETED"`);
    await far.is("COMPLETED there", `o.calls.out.states.join() === "RINGING,IN_CALL,COMPLETED" && o.connection.at(-1) === "CONNECTION_CLOSED" && o.errors.length > 0`);
    proxy.restore();
    await far.is("back", `o.connection.join() === "ACCESS_GRANTED,CONNECTION_CLOSED,ACCESS_GRANTED"`, 30_000);
    await near.is("ONLINE", `o.clients.at(-1).status === "ONLINE" && o.clients.at(-1).phoneNumber !== o.clients[0].phoneNumber`);
    await inCall(near, far, await near.evaluate("o.clients.at(-1).phoneNumber"));
    await near.do("out", ["hangUp"]);
  });
  proxy.stop();
  await near.context().close();
  await far.context().close();
}

async function devices({ test, server, pages, browser }) {
  const ann = await openOz(browser, pages.url, server.url, camera("red"));
  await ann.connect("Ann");
  for (const [what, wanted, code] of [["refused", { refuse: ["audio", "video"] }, "media-refused"], ["never allowed", { silent: true }, null], ["not there", { none: true }, "media-refused"]]) {
    await test(`a microphone that is ${what} holds no text up`, async () => {
      const ben = await openOz(browser, pages.url, server.url, wanted);
      await ben.connect("Ben");
      await ann.is("Ben", `o.clients.at(-1)?.status === "ONLINE"`);
      await inCall(ann, ben, await ann.evaluate("o.clients.at(-1).phoneNumber"));
      await ben.do("in", ["attachCamera", { name: "" }], ["sendMessage", "by text"]);
      await ann.reads("out", "by text");
      if (code !== null) await ben.is("the error", `o.errors.some((each) => each.code === "${code}")`);
      await ben.do("in", ["hold"], ["unHold"], ["sendDtmf", "5"]);
      await ben.evaluate(() => OzWebClient.disconnect());
      await ann.is("the end", `o.calls.out.states.at(-1) === "COMPLETED" && o.clients.at(-1).status === "OFFLINE"`);
      await ben.context().close();
    });
  }
  await test("video is shown in a <video> and in a <div>, and after a hold sound and picture are back at both ends", async () => {
    const ben = await openOz(browser, pages.url, server.url, camera("green"));
    await ben.connect("Ben");
    await ann.is("Ben", `o.clients.at(-1)?.status === "ONLINE"`);
    const number = await ann.evaluate("o.clients.at(-1).phoneNumber");
    await Promise.all([ann.forget(), ben.forget()]);
    await ann.evaluate((n) => {
      document.body.append(Object.assign(document.createElement("video"), { id: "far" }));
      const call = o.make("out", n, CallType.VIDEO);
      call.attachCamera(OzCamera.getCameraByName());
      call.setRemoteDisplay("far");
      call.start();
    }, number);
    await ben.state("in", "RINGING");
    await ben.evaluate(() => {
      document.body.append(Object.assign(document.createElement("div"), { id: "place" }));
      const { call } = o.calls.in;
      call.accept();
      call.attachCamera(OzCamera.getCameraByName());
      call.setRemoteDisplay("place");
    });
    const shown = async () => {
      await until("Ann sees green", async () => nearest(await ann.evaluate(() => __probe.colour(document.getElementById("far")))) === "green");
      await until("Ben sees red", async () => nearest(await ben.evaluate(() => __probe.colour(document.querySelector("#place video")))) === "red");
      for (const [page, tone] of [[ann, kTones.green], [ben, kTones.red]]) {
        await until("a tone is heard", async () => {
          const [level] = await page.evaluate((f) => __probe.tones(new MediaStream([__e2e.connections.at(-1).getReceivers().find((each) => each.track.kind === "audio").track]), [f]), tone);
          return level > kHeard || Promise.reject(new Error(`${level} dB`));
        });
      }
    };
    await shown();
    await ann.do("out", ["hold"]);
    await ben.state("in", "HOLD");
    await ann.do("out", ["unHold"]);
    await ben.state("in", "IN_CALL");
    for (const page of [ann, ben]) {
      const frames = () => page.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
      await until("the picture moves", async () => {
        const before = await frames();
        await pause(500);
        return (await frames()) > before;
      });
    }
    await shown();
    await ann.do("out", ["hangUp"]);
    await ben.context().close();
  });
  await ann.context().close();
}

export async function run(runner) {
  await runner.group("classic", async (group) => {
    const all = { ...await setUp(group), test: group.test };
    await states(all);
    await waysIn(all);
    await network(all);
    await devices(all);
  });
}
