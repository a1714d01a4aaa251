// The SDK's members against the real server: what each promise says when something is not allowed, media and devices, rooms,
// texts outside of calls, tokens; and what the old script lets a supervisor do.

import { camera, kTones } from "../lib/chromium.mjs";
import { openOz } from "../lib/oz_page.mjs";
import { startProxy } from "../lib/proxy.mjs";
import { check, pause, same, until } from "../lib/until.mjs";
import { openSdk } from "../lib/webphone_page.mjs";
import { setUp, token } from "./classic.mjs";

const kHeard = -50;   // dB of full scale

async function connected(from, to, how = { audio: false }) {
  await to.evaluate(() => { globalThis.call = undefined; });
  await from.evaluate(([number, options]) => { watch(phone.call(number, options)); }, [to.number, how]);
  await to.sees("it rings", `globalThis.call?.status === "ringing"`);
  await to.evaluate((options) => call.accept(options), how);
  await from.sees("up", `call.status === "active"`);
  await to.sees("up", `call.status === "active"`);
}
const refusal = (page, act, more) => page.evaluate(`(async () => { try { await (${act})(${JSON.stringify(more ?? null)}); return "done"; } catch (error) { return [error.name, error.code, error.status]; } })()`);

async function errors({ test, server, pages, browser }) {
  const page = await openSdk(browser, pages.url, server.url, "Err", { resume: false });
  const denied = (options) => refusal(page, `async (options) => { const { Webphone } = await import("${server.url}/sdk/parley-webphone.js"); (await Webphone.connect({ host: "${new URL(server.url).host}", resume: false, ...options })).disconnect(); }`, options);
  await test("connect() rejects with code and status: password, line, origin, token, nobody there", async () => {
    const past = Math.floor(Date.now() / 1000) - 60;
    for (const [options, status] of [[{ line: "Locked", password: "wrong" }, 403], [{ line: "Locked" }, 403], [{ line: "no such line" }, 404], [{ line: "Listed" }, 403], [{ line: "Signed" }, 403],
                                     [{ line: "1500", password: "wrong" }, 403], [{ token: token({ exp: past }) }, 403], [{ token: "eyJx.y.z" }, 403], [{ token: token({ line: "Listed" }) }, 403]]) {
      const [name, code, said] = await denied(options);
      check(name === "WebphoneError" && code === "access-denied" && [status, 401].includes(said), JSON.stringify([options, name, code, said]));
    }
    same(await denied({ host: "localhost:1" }), ["WebphoneError", "connection-failed", null], "nobody there");
    same(await denied({ host: "no host at all" }), ["WebphoneError", "connection-failed", null], "no host");
    same(await denied({ line: "Locked", password: "correct horse" }), "done", "the right password");
    same(await denied({ token: token({}) }), "done", "a token");
  });
  await test("wrong uses reject or throw, each with its code, and leave the call", async () => {
    same(await refusal(page, "() => phone.connect()"), ["WebphoneError", "not-allowed", null], "connect twice");
    same(await refusal(page, "() => phone.sendMessage('nobody9', 'x')"), ["WebphoneError", "refused", 404], "a text to nobody");
    same(await page.evaluate(() => new Promise((done) => phone.call("\u202enobody \u{1F600}@;?<>", { audio: false }).on("ended", ({ cause }) => done(cause)))), "not-found", "a number that never was");
    for (const act of ["() => call.hold()", "() => call.unhold()", "() => call.transfer('x')", "() => call.sendDtmf('1')"]) {
      same(await refusal(page, `() => { globalThis.call = phone.createCall("x"); return (${act})(); }`), ["WebphoneError", "not-in-call", null], act);
    }
    same(await refusal(page, "() => call.sendDtmf('x')"), ["WebphoneError", "not-allowed", null], "no key");
    same(await refusal(page, "() => call.transferTo(phone.createCall('y'))"), ["WebphoneError", "not-in-call", null], "a transfer to a call that is not");
    same(await refusal(page, "() => { call.hangUp(); return call.sendMessage('x'); }"), ["WebphoneError", "call-ended", null], "a text to an ended call");
    same(await refusal(page, "() => phone.takeFromQueue({ take: null, caller: 'x', callerName: '' })"), ["WebphoneError", "not-allowed", null], "no call that waits");
    same(await refusal(page, "() => phone.history()"), ["WebphoneError", "refused", 403], "a guest's history");
    same(await page.evaluate("[call.status, call.end.cause, call.volumeMeter('remote'), call.audio, call.localVideo, call.videos.length, call.participants.length, call.listensTo, call.queue]"),
         ["ended", "cancelled", null, null, null, 0, 0, null, null], "a call that never was");
    same(await page.evaluate(() => call.statistics()), null, "its figures");
    await page.evaluate(() => phone.disconnect());
    same(await refusal(page, "() => phone.sendMessage('x', 'x')"), ["WebphoneError", "not-connected", null], "a text without a connection");
    same(await refusal(page, "() => phone.refreshToken('x')"), ["WebphoneError", "not-connected", null], "a token without a connection");
    same(await refusal(page, "() => phone.phoneBook()"), ["WebphoneError", "not-connected", null], "the phone book without a connection");
  });
  await test("a token's rights: what it does not say is refused, what it says is done", async () => {
    const holder = (may, more = {}) => openSdk(browser, pages.url, server.url, "Tok", { line: undefined, token: token({ ...(may === null ? {} : { may }), ...more }), resume: false });
    const [none, silent, all] = [await holder([]), await holder(["call_internal"]), await holder(["message", "call_internal", "call_external", "call_history", "supervise"])];
    same([await none.evaluate("phone.privileges"), await all.evaluate("phone.privileges.length"), await none.evaluate("phone.user")], [[], 5, null], "privileges");
    same(await none.evaluate((n) => new Promise((done) => phone.call(n, { audio: false }).on("ended", (end) => done([end.cause, end.status]))), all.number), ["rejected", 403], "a call");
    await connected(silent, all);
    same(await refusal(silent, "() => call.sendMessage('x')"), ["WebphoneError", "refused", 403], "a text in the call");
    same(await refusal(silent, `() => phone.sendMessage("${all.number}", "x")`), ["WebphoneError", "refused", 403], "a text outside of one");
    await all.evaluate(() => call.sendMessage("you may read"));
    await silent.sees("the text", `seen.texts.join() === "you may read"`);
    for (const act of ["() => phone.history()", "() => phone.history('1500')"]) same((await refusal(silent, act)).slice(1), ["refused", 403], act);
    await all.evaluate(() => { globalThis.sessions = phone.followSessions(); });
    await all.sees("its own call", "sessions.ready && sessions.list.length === 1");
    const id = await all.evaluate("sessions.list[0].sessionId");
    for (const act of ["hangup", "hold", "startListen"]) same((await refusal(silent, `() => phone.request("POST", "sessions/${id}/${act}", {})`)).slice(1), ["refused", 403], act);
    check(Array.isArray(await all.evaluate(() => phone.history("1500"))), "history with the right");
    check(await all.evaluate(async () => (await phone.phoneBook()).extensions.some((each) => each.id === "1500")), "the phone book with the right");
    await all.evaluate((session) => sessions.hangUp(session), id);
    await silent.sees("the end", `call.status === "ended"`);
    for (const each of [none, silent, all]) await each.context().close();
  });
  await test("a token that runs out is announced and renewed by hand, or by its function; number and calls stay", async () => {
    const soon = () => Math.floor(Date.now() / 1000) + 6;
    const other = await openSdk(browser, pages.url, server.url, "Own", { line: undefined, token: token({}), resume: false });
    const hand = await openSdk(browser, pages.url, server.url, "Hand", { line: undefined, token: token({ exp: soon() }), resume: false });
    await hand.evaluate(() => { globalThis.expiring = []; phone.on("tokenExpiring", (at) => expiring.push(at instanceof Date)); });
    await connected(hand, other);
    await hand.sees("the notice", "expiring.join() === 'true'");
    await hand.evaluate((fresh) => phone.refreshToken(fresh), token({}));
    same(await refusal(hand, "(old) => phone.refreshToken(old)", token({ exp: 1 })), ["WebphoneError", "access-denied", 403], "an old one");
    await pause(1500);
    same(await hand.evaluate("[phone.number, phone.status, call.status]"), [hand.number, "connected", "active"], "afterwards");
    const asked = await other.evaluate(async ([host, first, next]) => {
      let n = 0;
      const { Webphone } = await import(`${host}/sdk/parley-webphone.js`);
      const mine = await Webphone.connect({ host: new URL(host).host, resume: false, token: async () => (n++ === 0 ? first : next) });
      const { number } = mine;
      for (let i = 0; i < 250 && n < 2; ++i) await new Promise((done) => setTimeout(done, 100));
      const result = [n, mine.number === number, mine.status];
      mine.disconnect();
      return result;
    }, [server.url, token({ exp: soon() }), token({})]);
    same(asked, [2, true, "connected"], "by the function");
    for (const each of [hand, other]) await each.context().close();
  });
}

async function media({ test, server, pages, browser }) {
  const open = (name, colour) => openSdk(browser, pages.url, server.url, name, {}, camera(colour));
  const [ann, ben] = [await open("Ann", "red"), await open("Ben", "green")];
  const level = async (page, wanted, what) => until(what, async () => {
    const [now] = await page.evaluate((tone) => __probe.tones(call.audio, [tone]), page === ann ? kTones.green : kTones.red);
    return now > kHeard === wanted || Promise.reject(new Error(`${now} dB`));
  });
  await test("sound both ways, by volume meters and figures; mute, and the microphone closed and opened", async () => {
    await ben.evaluate(() => { globalThis.told = []; phone.on("call", (call) => { for (const name of ["audio", "videos", "typing", "dtmf"]) call.on(name, (data) => told.push([name, name === "dtmf" ? data : data?.active ?? null])); }); });
    await connected(ann, ben, {});
    await level(ann, true, "Ann hears Ben");
    await level(ben, true, "Ben hears Ann");
    await ann.evaluate(() => { globalThis.meters = ["remote", "microphone"].map((side) => call.volumeMeter(side)); });
    await ann.sees("levels", "meters.every((each) => each.level() > 0.3)");
    const figures = await ann.evaluate(() => call.statistics());
    check(figures.packetsReceived > 10 && figures.packetsSent > 10 && figures.bytesSent > 0 && figures.codecs.some((each) => /opus/i.test(each)), JSON.stringify(figures));
    await ann.evaluate(() => call.mute());
    await level(ben, false, "muted");
    same(await ann.evaluate("[call.muted, call.hasMicrophone]"), [true, true], "muted");
    await ann.evaluate(() => call.unmute());
    await level(ben, true, "not muted");
    await ann.evaluate(() => call.stopMicrophone());
    await level(ben, false, "no microphone");
    same(await ann.evaluate("call.hasMicrophone"), false, "the microphone");
    await ann.evaluate(() => call.setMicrophone());
    await level(ben, true, "the microphone again");
    await ben.sees("events", "told.some(([name]) => name === 'audio')");
  });
  await test("after hold and unhold of either side sound is heard and measured at both ends", async () => {
    for (const [one, other] of [[ann, ben], [ben, ann]]) {
      await one.evaluate(() => call.hold());
      await other.sees("held", "call.heldThere && call.status === 'held'");
      await one.evaluate(() => call.unhold());
      await other.sees("up", "call.status === 'active'");
      for (const each of [ann, ben]) {
        await level(each, true, "sound is back");
        await each.evaluate(() => { globalThis.meter = call.volumeMeter("remote"); });
        await each.sees("a level", "meter.level() > 0.3");
        await each.evaluate(() => meter.close());
      }
    }
    await ann.sees("the old meter goes on", "meters[0].level() > 0.3");
    await ann.evaluate(() => meters.forEach((each) => each.close()));
  });
  await test("cameras, a view alone, a screen; devices are listed and chosen", async () => {
    const colour = (page, wanted) => until(`a picture of ${wanted}`, async () => {
      const seen = await page.evaluate(() => {
        const stream = call.videos[0]?.stream;
        if (stream === undefined) return null;
        const video = (globalThis.view ??= Object.assign(document.body.appendChild(document.createElement("video")), { muted: true }));
        if (video.srcObject !== stream) { video.srcObject = stream; void video.play().catch(() => undefined); }
        return __probe.colour(video);
      });
      const main = seen === null ? null : ["red", "green", "blue"][seen.indexOf(Math.max(...seen))];
      return (wanted === "cyan" ? seen !== null && seen[0] < 80 && seen[1] > 150 && seen[2] > 150 : main === wanted) || Promise.reject(new Error(String(seen)));
    });
    await ann.evaluate(() => call.startVideo());
    await colour(ben, "red");
    same(await ann.evaluate("call.localVideo?.kind"), "video", "the own picture");
    await ben.evaluate(() => call.receiveVideo());
    await ben.evaluate(() => call.startVideo());
    await colour(ann, "green");
    await ann.evaluate(() => call.shareScreen());
    await colour(ben, "cyan");
    await ann.evaluate(() => call.stopScreen());
    await colour(ben, "red");
    await ann.evaluate(() => call.stopVideo());
    await ben.sees("no video", "call.videos.length === 0 || call.videos[0].stream.getVideoTracks()[0].muted");
    const kinds = await ann.evaluate(async () => (await phone.devices.list()).map((each) => each.kind));
    check(kinds.includes("microphone") && kinds.includes("camera"), kinds.join());
    await ann.evaluate(async () => { for (const { id, kind } of await phone.devices.list()) await phone.chooseDevice(kind, id); });
    check(await ann.evaluate(() => phone.devices.chosen("microphone") !== ""), "nothing was chosen");
    await level(ben, true, "the chosen microphone");
  });
  await test("writing is told; keys are pressed; a text outside of a call", async () => {
    await ann.evaluate(() => call.keyPressed());
    await ben.sees("it is told", `told.some(([name, active]) => name === "typing" && active)`);
    await ann.evaluate(() => call.sendMessage("done"));
    await ben.sees("no longer", `told.filter(([name]) => name === "typing").at(-1)[1] === false`);
    await ann.evaluate(() => call.sendDtmf("12#"));
    await ben.sees("the keys, by RTP", `told.filter(([name]) => name === "dtmf").map(([, key]) => key).join("") === "12#"`);
    await ann.evaluate(() => { call.stopMicrophone(); call.sendDtmf("a*"); });
    await ben.sees("the keys, by INFO", `told.filter(([name]) => name === "dtmf").map(([, key]) => key).join("") === "12#A*"`);
    await ann.evaluate(() => call.hangUp());
    await ben.sees("the end", `call.status === "ended" && call.end.cause === "hung-up" && !call.end.local`);
    await ben.evaluate(() => phone.on("message", (text) => { globalThis.outside = text; }));
    const sent = await ann.evaluate((n) => phone.sendMessage(n, "a <b>note</b>", { contentType: "text/html" }), ben.number);
    check(typeof sent === "object", "not acknowledged");
    await ben.sees("the text", `globalThis.outside?.text === "a <b>note</b>" && outside.contentType === "text/html" && outside.number === "${ann.number}"`);
  });
  for (const each of [ann, ben]) await each.context().close();
}

async function rooms({ test, server, pages, browser }) {
  const open = (name) => openSdk(browser, pages.url, server.url, name);
  const [ann, ben, cyd] = [await open("Ann"), await open("Ben"), await open("Cyd")];
  await test("a room: who is there, a text with a report, a private one", async () => {
    for (const each of [ann, ben, cyd]) {
      await each.evaluate(() => {
        globalThis.got = [];
        globalThis.reports = [];
        const call = watch(phone.call("lounge", { audio: false }));
        call.on("message", (text) => got.push(text));
        call.on("delivery", (report) => reports.push(report));
      });
      await each.sees("in the room", `call.status === "active"`);
    }
    await ann.sees("three", "call.participants.length === 3");
    check(await ann.evaluate("call.participants.filter((each) => each.self).length === 1"), "who is oneself");
    const sent = await ann.evaluate(() => call.sendMessage("to all", { report: true }));
    check(sent.id !== null && sent.sequence !== null, JSON.stringify(sent));
    await ann.sees("the report", "reports.length === 1 && reports[0].delivered.length === 2 && reports[0].failed.length === 0");
    await cyd.sees("who said it", `got.length === 1 && got[0].from.name === "Ann" && got[0].sequence !== null && !got[0].private`);
    await ann.evaluate(() => call.sendMessage("to Ben", { to: call.participants.find((each) => each.name === "Ben").id }));
    await ben.sees("the private text", `got.at(-1).text === "to Ben" && got.at(-1).private`);
    await ann.evaluate(() => call.sendMessage("again"));
    await cyd.sees("the others alone", `got.map((each) => each.text).join() === "to all,again"`);
    await ben.evaluate(() => call.hangUp());
    await ann.sees("two", "call.participants.length === 2");
  });
  for (const each of [ann, ben, cyd]) await each.context().close();
}

async function network({ test, server, pages, browser }) {
  const proxy = await startProxy(Number(new URL(server.url).port));
  const far = await openSdk(browser, pages.url, `http://localhost:${proxy.port}`, "Far", { line: "Short" });
  const near = await openSdk(browser, pages.url, server.url, "Near", { line: "Short" });
  await test("interrupted, resumed; then lost, and a new number", async () => {
    await far.evaluate(() => {
      globalThis.told = [];
      phone.on("lost", () => told.push("lost"));
      phone.on("numberChanged", (number) => told.push(number));
    });
    await connected(far, near);
    await far.evaluate(() => { for (const name of ["interrupted", "resumed"]) call.on(name, () => told.push(name)); });
    proxy.cut();
    await far.sees("broken", `phone.status === "reconnecting"`);
    await pause(500);
    proxy.restore();
    await far.sees("resumed", `told.join() === "interrupted,resumed" && phone.status === "connected" && call.status === "active"`);
    proxy.cut();
    await far.sees("lost", `told.at(-1) === "lost" && call.status === "ended" && call.end.cause === "failed" && !call.end.local`, 15_000);
    await near.sees("the end there", `call.status === "ended"`);
    proxy.restore();
    await far.sees("a new number", `phone.status === "connected" && told.at(-1) === phone.number && phone.number !== "${far.number}"`, 30_000);
  });
  proxy.stop();
  await far.context().close();
  await near.context().close();
}

async function supervision({ test, server, pages, browser }) {
  const boss = await openOz(browser, pages.url, server.url);
  const [ann, ben] = [await openSdk(browser, pages.url, server.url, "Ann", { line: "1500", password: "password-1500", resume: false }), await openSdk(browser, pages.url, server.url, "Ben")];
  const cyd = await openSdk(browser, pages.url, server.url, "Cyd");
  await boss.evaluate(() => {
    OzWebClient.onUserInfoReceived((user) => { o.user = user; });
    OzWebClient.onCallHistoryInfoReceived((records) => { o.records = records; });
    OzWebClient.onSessionCreated((session) => {
      globalThis.session = session;
      session.onSessionStateChanged((state) => o.told.push(state));
    });
    OzWebClient.onSessionClosed((session) => o.told.push(`closed ${session.sessionId}`));
  });
  await boss.connect({ Password: "password-1600" }, "1600");
  const ended = async (act) => {
    await boss.evaluate(act);
    await ann.sees("the end", `call.status === "ended"`);
    await boss.is("closed", "o.told.at(-1) === `closed ${session.sessionId}` && OzWebClient.helper.getActiveSessionById(session.sessionId) === null");
  };
  const up = async () => {
    await connected(ann, ben);
    await boss.is("the session", `globalThis.session?.sessionState === "InCall" && session.callee === "${ben.number}"`);
  };
  await test("the helper knows extensions, users and calls in progress", async () => {
    await up();
    const known = await boss.evaluate(([number]) => {
      const h = OzWebClient.helper;
      const ids = (all) => Object.keys(all);
      return [h.getExtensionById("1500").type, h.getExtensionById("x"), ids(h.getExtensions()).includes("1500"), ids(h.getExtensionsByType("SIP")).includes("1600"), ids(h.getExtensionsByType("Webphone")).includes("1500"),
              h.getOutsideLineById("x"), ids(h.getOutsideLines()).length, ids(h.getOutsideLinesByType("SIP")).length, ids(h.getActiveCallsOfExtension("1500")).join() === session.sessionId,
              ids(h.getActiveCallsOfUser(h.getUserByExtension("1500").id)).join() === session.sessionId, h.getActiveSessionById(session.sessionId) === session, ids(h.getActiveSessionsBySessionState("InCall")).length,
              ids(h.getActiveSessionsBySessionState("Ringing")).length, ids(h.getActiveCallsOfExtension(number)).length, h.getUserById("nobody"), h.getUserByExtension("x"), o.user.id];
    }, [ben.number]);
    same(known, ["SIP", null, true, true, false, null, 0, 0, true, true, true, 1, 0, 1, null, null, "1600"], "what is known");
  });
  await test("a supervisor holds, presses keys, listens, transfers, forwards, and ends calls in each way", async () => {
    await boss.evaluate(() => session.hold());
    await boss.is("OnHold", `o.told.includes("OnHold")`);
    await ben.sees("held", `call.status === "held"`);
    await boss.evaluate(() => { session.unhold(); session.sendDtmf("5", session.caller); });
    await ben.sees("up", `call.status === "active"`);
    await boss.evaluate(() => session.startListen());
    await boss.is("the call by which one listens", "o.calls.in !== undefined");
    await boss.do("in", ["accept"]);
    await boss.state("in", "IN_CALL");
    await ann.evaluate(() => call.sendMessage("between us"));
    await boss.reads("in", "between us");
    await boss.evaluate(() => session.stopListen());
    await boss.state("in", "COMPLETED");
    await boss.evaluate((number) => session.blindTransfer(session.callee, number), cyd.number);
    await cyd.sees("it rings", `globalThis.call?.status === "ringing"`);
    await cyd.evaluate(() => call.accept({ audio: false }));
    await cyd.sees("up", `call.status === "active"`);
    await ben.sees("out of it", `call.status === "ended"`);
    await ended(() => session.hangup());
    await up();
    await ended(() => session.close());
    await up();
    await ended(() => session.closeWithHangup());
    await ann.evaluate((number) => { watch(phone.call(number, { audio: false })); }, ben.number);
    await ben.sees("it rings", `call.status === "ringing"`);
    await boss.is("Ringing", `session.sessionState === "Ringing"`);
    await boss.evaluate((number) => session.forward(number), cyd.number);
    await cyd.sees("it rings", `call.status === "ringing"`);
    await cyd.evaluate(() => call.accept({ audio: false }));
    await ann.sees("up", `call.status === "active"`);
    await ann.evaluate(() => call.hangUp());
    same(await boss.evaluate("o.errors"), [], "errors");
  });
  await test("call records, one's own and another's; without the right an error", async () => {
    await boss.evaluate(() => { o.records = null; OzWebClient.helper.getCallHistoryOfExtension("1500"); });
    await boss.is("Ann's", `o.records?.length >= 3 && o.records.every((each) => each.caller === "1500" || each.callee === "1500")`);
    await boss.evaluate(() => { o.records = null; OzWebClient.getCallHistory(); });
    await boss.is("one's own", "Array.isArray(o.records)");
    const guest = await openOz(browser, pages.url, server.url);
    await guest.connect("Guest");
    await guest.evaluate(() => { OzWebClient.getCallHistory(); OzWebClient.helper.getCallHistoryOfExtension("1500"); });
    await guest.is("refused", "o.errors.length === 2 && o.errors.every((each) => each.code === 403)");
    await guest.context().close();
  });
  for (const each of [boss, ann, ben, cyd]) await each.context().close();
}

export async function run(runner) {
  await runner.group("sdk", async (group) => {
    const all = { ...await setUp(group, `[room.lounge]\n`), test: group.test };
    await errors(all);
    await media(all);
    await rooms(all);
    await network(all);
    await supervision(all);
  });
}
