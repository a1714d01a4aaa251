// What the tests of the SDK share: a server, pages, and patience.

import assert from "node:assert/strict";
import { beforeEach } from "node:test";
import { CallState } from "../src/classic/states.ts";
import type { Call } from "../src/classic/oz_call.ts";
import { WebClient, type ClientInfo, type ErrorInfo } from "../src/classic/oz_web_client.ts";
import type { StateInfo } from "../src/classic/states.ts";
import { forgetTaken } from "../src/resume_store.ts";
import { browser, FakePeer, installBrowser, storage } from "./fake_browser.ts";
import { FakeServer } from "./fake_server.ts";

export let server = new FakeServer();

installBrowser();
beforeEach(() => {
  server = new FakeServer();
  server.install();
  FakePeer.all = [];
  storage.clear();
  forgetTaken();
  Object.assign(browser, { microphone: "allowed", asked: 0, reloaded: false, questions: [], given: [] });
});

export const pause = (milliseconds = 0): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export async function until(what: string, holds: () => unknown, patience = 4000): Promise<void> {
  const end = Date.now() + patience;
  while (!holds()) {
    if (Date.now() > end) assert.fail(`never: ${what}`);
    await pause(2);
  }
}

// A page with the classic script: what its handlers got, in order.
export class Page {
  readonly client = new WebClient();
  states: string[] = [];
  clients: ClientInfo[] = [];
  calls: Call[] = [];
  errors: ErrorInfo[] = [];

  constructor(public name: string) {
    this.client.onConnectionStateChanged((state: StateInfo) => this.states.push(state.State));
    this.client.onClientStateChanged((info) => this.clients.push(info));
    this.client.onIncomingCall((call) => this.calls.push(call));
    this.client.onErrorOccured((error) => this.errors.push(error));
  }

  async connect(who: unknown = this.name): Promise<this> {
    this.client.connect("pbx.test:7777", "Webphone1", who);
    await until(`${this.name} connected`, () => this.states.length > 0);
    return this;
  }

  get number(): string {
    return [...server.clients.values()].filter((each) => each.displayName === this.name).at(-1)?.number ?? "";
  }
}

export interface Watched { call: Call; states: string[]; messages: string[] }

export function watch(call: Call): Watched {
  const seen: Watched = { call, states: [], messages: [] };
  call.onCallStateChanged((state) => {
    assert.ok(state in CallState, `${state} is no state of a call`);
    seen.states.push(state);
    if (state === "IN_CALL") call.onMessageReceived((text) => seen.messages.push(text));
  });
  return seen;
}

export async function pages(...names: string[]): Promise<Page[]> {
  const all: Page[] = [];
  for (const name of names) all.push(await new Page(name).connect());
  for (const page of all) await until(`${page.name} sees all`, () => page.clients.length === names.length - 1);
  return all;
}

// Two pages in a call with each other.
export async function inCall(from: Page, to: Page): Promise<[Watched, Watched]> {
  const a = watch(from.client.createCall(to.number));
  const calls = to.calls.length;
  a.call.start();
  await until("the call rings", () => to.calls.length > calls);
  const call = to.calls.at(-1) as Call;
  call.accept();
  const b = watch(call);
  await until("both are in the call", () => a.states.includes("IN_CALL") && b.states.includes("IN_CALL"));
  return [a, b];
}
