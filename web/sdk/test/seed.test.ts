// The published live chat itself, as it stands in examples/, with a document as small as it needs and the built script.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { WebClient } from "../src/classic/oz_web_client.ts";
import { ConnectionState } from "../src/classic/states.ts";
import { server, until } from "./support.ts";

after(() => setTimeout(() => process.exit(), 50));

let html = "";
before(async () => { html = await readFile("../examples/ozeki-livechat/live_chat.html", "utf8"); });

interface Element { innerHTML: string; value: string; scrollTop: number; scrollHeight: number; hidden: boolean }

class SeedPage {
  readonly elements = new Map<string, Element>();
  readonly logged: string[] = [];
  answers: boolean[] = [];
  private readonly context_: Record<string, unknown>;

  constructor(readonly name: string) {
    const element = (id: string): Element => {
      let found = this.elements.get(id);
      if (found === undefined) this.elements.set(id, found = { innerHTML: "", value: "", scrollTop: 0, scrollHeight: 0, hidden: false });
      return found;
    };
    const client = new WebClient();
    // The page was served beside the script: "" is its host.
    const connect = client.connect.bind(client);
    client.connect = (host, line, who) => connect(host === "" ? "pbx.test:7777" : host, line, who);
    const context: Record<string, unknown> = createContext({
      OzWebClient: client, ConnectionState, document: { getElementById: element },
      $: (selector: string) => ({ hide: () => { element(selector.slice(1)).hidden = true; }, show: () => { element(selector.slice(1)).hidden = false; } }),
      prompt: () => this.name, alert: () => undefined, confirm: () => this.answers.shift() ?? true,
      console: { log: (text: string) => this.logged.push(text) },
      setTimeout: (what: string | (() => void), wait: number) => setTimeout(() => (typeof what === "string" ? runInContext(what, context) : what()), wait),
    });
    this.context_ = context;
    runInContext(/<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(html)![1]!, context);
  }

  run(code: string): unknown { return runInContext(code, this.context_); }
  get chat(): string { return this.elements.get("chatbox")?.innerHTML ?? ""; }
  // Which button shows this name.
  button(name: string): number {
    for (let i = 0; i < 11; i++) {
      const element = this.elements.get(`client${i}`);
      if (element !== undefined && !element.hidden && element.innerHTML === name) return i;
    }
    return -1;
  }
  say(text: string): void {
    this.elements.get("usermsg") ?? this.run('document.getElementById("usermsg")');
    this.elements.get("usermsg")!.value = text;
    this.run("runScript({ keyCode: 13 })");
  }
}

test("the published live chat: welcome, list, request, accept, refuse, texts, a second request ends the first, offline", async () => {
  const [ann, bob, cy] = ["Ann", "Bob", "Cy"].map((name) => new SeedPage(name)) as [SeedPage, SeedPage, SeedPage];
  await until("Ann sees both", () => ann.button("Bob") >= 0 && ann.button("Cy") >= 0);
  await until("all see all", () => bob.button("Ann") >= 0 && cy.button("Ann") >= 0 && bob.button("Cy") >= 0);
  assert.equal(ann.elements.get("welcome")!.innerHTML, "Welcome Ann to the chatroom!");
  assert.match(ann.chat, /Bob is ONLINE/);

  ann.run(`CallClient(${ann.button("Bob")})`);
  await until("Bob accepted", () => ann.chat.includes("Bob accepted your chat request."));
  assert.match(bob.chat, /You accepted the chat request/);
  ann.say("hello <b>Bob</b>");
  await until("Bob has it", () => bob.chat.includes("Ann said: hello <b>Bob</b>"));
  bob.say("hello Ann");
  await until("Ann has it", () => ann.chat.includes("Bob said: hello Ann"));

  // Cy asks Bob, who accepts: his session with Ann ends, and hers is hung up one second later.
  cy.run(`CallClient(${cy.button("Bob")})`);
  await until("Bob accepted Cy", () => cy.chat.includes("Bob accepted your chat request."));
  await until("Ann's session is over", () => ann.logged.includes("The call is hung up."));
  cy.say("hi");
  await until("Bob has it", () => bob.chat.includes("Cy said: hi"));
  assert.equal(bob.run("MyCall !== null"), true);
  await new Promise((done) => setTimeout(done, 1200));
  bob.say("still here");
  await until("the new session outlived the second", () => cy.chat.includes("Bob said: still here"));

  // Cy is asked by Ann and refuses; he keeps his session with Bob.
  cy.answers = [false];
  ann.run(`CallClient(${ann.button("Cy")})`);
  await until("refused", () => ann.logged.filter((each) => each === "The call is hung up.").length === 2);
  bob.say("and now");
  await until("Cy still talks to Bob", () => cy.chat.includes("Bob said: and now"));

  server.offline([...server.clients.values()].find((each) => each.displayName === "Cy")!.number);
  await until("Cy's button is gone", () => ann.button("Cy") < 0 && ann.chat.includes("Cy is OFFLINE"));
});
