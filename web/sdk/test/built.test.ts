// What the build gives out beside the code: the reference page and the type declarations.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

test("the reference page says what the sources say", async () => {
  await run("node", ["sdk/tools/reference.mjs", "--check"]);
});

test("the type declarations stand alone, and name no library underneath", async () => {
  const tools = (await import(pathToFileURL("sdk/tools/declarations.mjs").href)) as { declarations(): { sdk: string; classic: string } };
  const { sdk, classic } = tools.declarations();
  assert.doesNotMatch(sdk + classic, /jssip|@internal|private /i);
  const folder = await mkdtemp(join(tmpdir(), "parley-types-"));
  try {
    await writeFile(join(folder, "parley-webphone.d.ts"), sdk);
    await writeFile(join(folder, "webphone-api.d.ts"), classic);
    await writeFile(join(folder, "page.ts"), `/// <reference path="./webphone-api.d.ts" />
OzWebClient.onConnectionStateChanged((state) => { if (state.State === ConnectionState.ACCESS_GRANTED) OzWebClient.createCall("1", CallType.VIDEO).start(); });
`);
    await writeFile(join(folder, "module.ts"), `import { Webphone, WebphoneError, type Call } from "./parley-webphone.js";
export const phone: Promise<Webphone> = Webphone.connect({ line: "x" });
void phone.then((each) => each.on("call", (call: Call) => { void call.sendMessage("x").then(({ id }) => id); }));
// @ts-expect-error There is no such event.
void phone.then((each) => each.on("nothing", () => undefined));
export const code: string = new WebphoneError("timeout", "x").code;
`);
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2022", "dom"], types: [] },
    }));
    await run("node", ["node_modules/typescript/bin/tsc", "-p", folder]).catch((error: { stdout: string }) => assert.fail(error.stdout));
  } finally {
    await rm(folder, { recursive: true });
  }
});
