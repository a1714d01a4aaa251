// The small pages in examples/ that show the SDK: each is opened, and does what it says.

import { launchChromium, openPage } from "../lib/chromium.mjs";
import { addAccount, startServer } from "../lib/server.mjs";
import { same, until } from "../lib/until.mjs";

const kConfig = `
[[webphone_line]]
name = "Webphone1"
[[queue]]
name = "support"
agents = ["1500"]
[room.stage]
`;
const kPages = ["call", "chat", "devices", "presence", "quality", "queue", "reconnect", "room", "supervise", "transfer", "video"];

async function examples({ test, open, server }) {
  await test("each opens without an error", async () => {
    const page = await open();
    const missing = [];
    page.on("response", (response) => {
      if (response.status() >= 400 && !response.url().endsWith("/favicon.ico")) missing.push(response.url());
    });
    for (const name of kPages) {
      await page.goto(`${server.url}/examples/sdk-${name}.html`);
      await until(`sdk-${name} is there`, () => page.evaluate(`document.querySelector("h1") !== null && document.readyState === "complete"`));
    }
    same(missing, [], "what is missing");
    same(page.errors.filter((each) => !each.startsWith("Failed to load resource")), [], "errors");
  });

  const logged = (page, text) => until(text, async () => {
    const all = await page.evaluate(`document.getElementById("log").innerText`);
    if (!all.includes(text)) throw new Error(all);
    return true;
  });
  const numberOf = (page) => until("a number", () => page.evaluate(`/my number is (\\S+?)(connection|call|$)/.exec(document.getElementById("log").textContent)?.[1]`));
  const show = async (name, query, more = {}) => {
    const page = await open(more);
    await page.goto(`${server.url}/examples/sdk-${name}.html?${new URLSearchParams(query)}`);
    return page;
  };

  await test("sdk-chat sends texts", async () => {
    const [ann, ben] = [await show("chat", { name: "Ann" }), await show("chat", { name: "Ben" })];
    await ann.fill("#number", await numberOf(ben));
    await ann.click("#call");
    await logged(ann, "active");
    await ann.fill("#text", "<b>good morning</b>");
    await ann.click("#send");
    await logged(ben, "Ann: <b>good morning</b>");
    await logged(ann, "delivered to 1");
  });

  await test("sdk-queue waits and takes, sdk-supervise sees and ends it", async () => {
    const signIn = async (page, password) => {
      await page.fill("#password", password);
      await page.click("#sign-in");
      await logged(page, "my number is");
    };
    const [visitor, agent, boss] = [await show("queue", { name: "Vi" }), await show("queue", { line: "1500" }), await show("supervise", { line: "1600" })];
    await signIn(visitor, "");
    await signIn(agent, "password-1500");
    await signIn(boss, "password-1600");
    await visitor.click("#call");
    await logged(visitor, "you are number 1");
    await visitor.fill("#text", "is anybody there?");
    await visitor.click("#send");
    await agent.click('#waiting li:has-text("is anybody there?") button');   // not one that the text's coming replaces in mid-click
    await logged(agent, "Vi: is anybody there?");
    await logged(visitor, "is here");
    await boss.click(`#calls li:has-text("Vi and") >> text=End`);
    await logged(visitor, "ended");
  });
}

export async function run(runner) {
  await runner.group("sdk examples", async (group) => {
    const server = await startServer({ top: `supervisors = ["1600"]\n`, more: kConfig });
    group.after(() => server.stop());
    for (const number of ["1500", "1600"]) await addAccount(server, number, `password-${number}`);
    const browser = await launchChromium();
    group.after(() => browser.close());
    const open = (more) => openPage(browser, {}, { permissions: ["microphone", "camera"], ...more });
    await examples({ server, open, test: (name, act) => group.test(name, act) });
  });
}
