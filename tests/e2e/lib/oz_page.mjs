// A page of another web server than Parley's that uses the old script: what its handlers got, by name.

import { openPage } from "./chromium.mjs";
import { until } from "./until.mjs";

// `o`: everything that was told; `o.make(name, number)` and what comes in (named "in", "in2" ...) are calls with their states and texts.
const kDriver = () => {
  const kStates = ["RINGING", "IN_CALL", "HOLD", "COMPLETED", "BUSY", "REJECTED", "NOT_FOUND"];
  const o = (globalThis.o = { connection: [], clients: [], errors: [], told: [], wrong: [], calls: {}, came: 0 });
  o.track = (name, call) => {
    const one = (o.calls[name] = { call, states: [], texts: [] });
    call.onCallStateChanged((state) => {
      one.states.push(state);
      if (!kStates.includes(state) || typeof state !== "string") o.wrong.push(String(state));
    });
    call.onMessageReceived((text) => one.texts.push(text));
    return call;
  };
  o.make = (name, number, type) => o.track(name, OzWebClient.createCall(number, type));
  OzWebClient.onConnectionStateChanged((state) => o.connection.push(`${state}` === state.State ? state.State : "?"));
  OzWebClient.onClientStateChanged((client) => o.clients.push(client));
  OzWebClient.onErrorOccured((error) => o.errors.push(error));
  OzWebClient.onIncomingCall((call) => o.track(o.came++ === 0 ? "in" : `in${o.came}`, call));
};

export async function openOz(browser, url, parley, devices = {}) {
  const page = await openPage(browser, devices);
  page.begin = async () => {
    await page.addScriptTag({ url: `${parley}/WebphoneAPI` });
    await page.evaluate(kDriver);
  };
  page.load = async () => {
    await page.goto(`${url}/sdk.html`);
    await page.begin();
  };
  page.connect = async (who, line = "Webphone1", host = "") => {
    await page.evaluate(([h, l, w]) => OzWebClient.connect(h, l, w), [host, line, who]);
    await page.is("ACCESS_GRANTED", `o.connection.at(-1) === "ACCESS_GRANTED"`);
  };
  page.is = (what, expression, limit) => until(what, async () => (await page.evaluate(expression)) ||
    Promise.reject(new Error(JSON.stringify(await page.evaluate("[o.connection, o.errors, Object.entries(o.calls).map(([name, each]) => [name, each.call.getCallState(), each.states, each.texts])]")))), limit);
  page.state = (name, state) => page.is(`${name} is ${state}`, `o.calls["${name}"]?.call.getCallState() === "${state}"`);
  page.states = (name) => page.evaluate((each) => o.calls[each].states, name);
  page.reads = (name, text) => page.is(`${name} reads ${text}`, `o.calls["${name}"].texts.includes(${JSON.stringify(text)})`);
  // Calls methods of a call, one after the other: [["hold"], ["transfer", "x"]].
  page.do = (name, ...acts) => page.evaluate(([each, all]) => { for (const [method, ...values] of all) o.calls[each].call[method](...values); }, [name, acts]);
  page.forget = () => page.evaluate(() => { o.calls = {}; o.came = 0; o.errors.length = 0; });
  await page.load();
  return page;
}
