// Calls of two with pictures, by the SDK: what each page sees and hears of the other, and a gate in front of a page.

import { camera, kTones, nearest } from "./chromium.mjs";
import { until } from "./until.mjs";
import { openSdk } from "./webphone_page.mjs";

const kHeard = -55;      // dB of full scale
const kLimit = 40_000;

// Keeps what the server sends to a page from the moment of shut() until open(), in order.
async function putGate(page) {
  const kept = [];
  let shut = false;
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => (shut ? kept.push([socket, message]) : socket.send(message)));
  });
  page.gate = {
    shut: () => { shut = true; },
    open: () => {
      shut = false;
      for (const [socket, message] of kept.splice(0)) socket.send(message);
    },
    has: (what) => until(`${what} is on its way`, async () => kept.some(([, message]) => what.test(String(message)))),
  };
}

// What an SDK page has of the other side; `frames` are those that it got.
export function watchCall(page, name) {
  page.frames = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => page.frames.push(String(payload))));
  const tell = (what) => Promise.reject(new Error(JSON.stringify(what)));
  // The colour of the only picture; null: none. One that stands still (of a stream that broke off) is told as such.
  page.picture = async () => {
    const seen = await page.evaluate(() => {
      const views = (globalThis.views ??= new Map());
      const streams = (call.videos ?? []).map((each) => each.stream);
      for (const [stream, view] of views) {
        if (streams.includes(stream)) continue;
        view.remove();
        views.delete(stream);
      }
      for (const stream of streams) {
        if (views.has(stream)) continue;
        const view = Object.assign(document.body.appendChild(document.createElement("video")), { muted: true, autoplay: true, width: 160, srcObject: stream });
        views.set(stream, view);
        void view.play().catch(() => undefined);
      }
      // A track that is still shows its last picture: it counts as none.
      return [...views].filter(([stream]) => !stream.getVideoTracks()[0].muted).map(([, view]) => __probe.colour(view)).filter((each) => each !== null);
    });
    if (seen.length > 1) throw new Error(`${seen.length} pictures`);
    return seen.length === 0 ? null : nearest(seen[0]) ?? `rgb(${seen[0]})`;
  };
  page.decoded = async () => (await page.evaluate(() => __probe.inbound())).filter((each) => each.kind === "video").reduce((sum, each) => sum + each.frames, 0);
  page.shows = async (colour) => {
    const before = colour === null ? 0 : await page.decoded();
    await until(`${name} sees ${colour}`, async () => {
      const seen = await page.picture();
      const more = colour === null || (await page.decoded()) >= before + 3;
      return (seen === colour && more) || tell(more ? seen : `${seen} that stands still`);
    }, kLimit);
  };
  page.hears = (colour) => until(`${name} hears ${colour}`, async () => {
    const all = Object.keys(kTones);
    const levels = await page.evaluate((tones) => (call.audio === null ? null : __probe.tones(call.audio, tones)), Object.values(kTones));
    const heard = all.filter((_, i) => levels?.[i] > kHeard).join();
    return heard === (colour ?? "") || tell([heard, levels]);
  }, kLimit);
  page.is = (status) => page.sees(status, `globalThis.call?.status === "${status}"`, kLimit);
  // Every re-INVITE has been settled on both sides of this page's dialog.
  page.settled = () => page.sees("settled", `__e2e.connections.at(-1).signalingState === "stable"`, kLimit);
  page.lines = () => page.evaluate(() => __e2e.connections.at(-1).getTransceivers().map((each) => `${each.receiver.track.kind} ${each.currentDirection}`));
  return page;
}

export async function openCaller(browser, url, parley, name, colour, devices = {}) {
  const page = await openSdk(browser, url, parley, name, {}, camera(colour, devices), async (opened) => {
    watchCall(opened, name);
    await putGate(opened);
  });
  page.colour = colour;
  return page;
}

// `kind`: what both send.
export async function connect(from, to, { video = true, audio = true } = {}) {
  await to.evaluate(() => { globalThis.call = undefined; });
  await from.evaluate(([number, how]) => { watch(phone.call(number, how)); }, [to.number, { audio, video }]);
  await to.is("ringing");
  await to.evaluate((how) => call.accept(how), { audio, video });
  await from.is("active");
  await to.is("active");
}

export async function hangUp(from, to) {
  await from.evaluate(() => call.hangUp());
  await to.is("ended");
}
