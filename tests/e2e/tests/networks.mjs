// Across a network that is not loopback, with browsers as people have them. What runs inside is networks_inside.mjs.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { kRelayAddress, kServerAddress, makeNamespaces } from "../lib/namespaces.mjs";
import { startServer } from "../lib/server.mjs";

const kLimit = 180_000;
const kMediaPort = 40_000;     // nobody else is in that namespace
const kLost = 5;               // percent, each way

// A server whose media go by a relay that loses some.
async function startLossy(group, spaces) {
  const more = `[media]\nbind = "${kServerAddress}"\naddresses = ["${kRelayAddress}"]\nport = ${kMediaPort}\ntcp = false\n`;
  const server = await startServer({ address: kServerAddress, tls: true, prefix: spaces.inside("server"), more });
  group.after(() => server.stop());
  const [command, ...args] = [...spaces.inside("server"), process.execPath, fileURLToPath(new URL("../lib/lossy_relay.mjs", import.meta.url)),
                              kRelayAddress, kServerAddress, String(kMediaPort), String(kLost)];
  const relay = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  group.after(async () => void relay.kill());
  return server;
}

function runInside(runner, spaces, server, lossy) {
  const [command, ...args] = [...spaces.inside("browser"), process.execPath, fileURLToPath(new URL("networks_inside.mjs", import.meta.url))];
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, E2E_URL: server.url, E2E_SPACE: spaces.browser, E2E_DEVICE: spaces.device, E2E_LOSSY_URL: lossy.url },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), kLimit);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const found = /^(PASS|FAIL|SKIP) ([^:]+: .*)/.exec(line);
    if (found !== null) runner[{ PASS: "passed", FAIL: "failed", SKIP: "skipped" }[found[1]]].push(found[2]);
    console.log(line);
  });
  return new Promise((done) => child.on("close", (code) => {
    clearTimeout(timer);
    done(code);
  }));
}

export async function run(runner) {
  await runner.group("network", async (group) => {
    let spaces;
    try {
      spaces = makeNamespaces();
    } catch (error) {
      return group.skip("Chromium without flags, Chromium with Firefox", `no network namespace can be made: ${error.message}`);
    }
    group.after(() => spaces.remove());
    const server = await startServer({ address: kServerAddress, tls: true, prefix: spaces.inside("server") });
    group.after(() => server.stop());
    const lossy = await startLossy(group, spaces);
    const status = await runInside(runner, spaces, server, lossy);
    if (status !== 0) throw new Error(`the tests inside the namespace ended with ${status}`);
  });
}
