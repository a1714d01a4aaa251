// A Parley of the test's own: ports of the system's choice, data in a folder that goes away.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { until } from "./until.mjs";

export const kRepository = fileURLToPath(new URL("../../../", import.meta.url));
const kProgram = process.env.PARLEY_BIN ?? join(kRepository, "build/release/parley");
const kStartLimit = 30_000;

const kDefault = (address, tls, names) => `
guests = true
[[http]]
address = "${address}:0"
tls = ${tls}
names = ${JSON.stringify(names)}
[[sip]]
transport = "udp"
address = "${address}:0"
[[sip]]
transport = "tcp"
address = "${address}:0"
`;

// `prefix`: a command to run it under (another network namespace).
// `top`: keys before the tables.
export async function startServer({ address = "127.0.0.1", tls = false, top = "", more = "", prefix = [], names = [] } = {}) {
  if (!existsSync(kProgram)) throw new Error(`${kProgram} is not built`);
  const folder = mkdtempSync(join(tmpdir(), "parley-e2e-"));
  const config = join(folder, "parley.toml");
  writeFileSync(config, top + kDefault(address, tls, names) + more);
  const server = { folder, config, child: null, log: "", url: null, socket: null, program: kProgram, exit: null };
  server.end = async () => {
    if (server.exit === null) server.child.kill("SIGTERM");
    const timer = setTimeout(() => server.child.kill("SIGKILL"), 8000);
    const exit = await server.exited;
    clearTimeout(timer);
    return exit;
  };
  server.stop = async () => {
    const exit = await server.end();
    rmSync(folder, { recursive: true, force: true });
    return exit;
  };
  // After `end`: once more, with the same data and the same port for pages.
  server.startAgain = async () => {
    writeFileSync(config, readFileSync(config, "utf8").replace(`${address}:0"\ntls`, `${address}:${new URL(server.url).port}"\ntls`));
    await launch(server, prefix);
  };
  try {
    await launch(server, prefix);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function launch(server, prefix) {
  const [command, ...args] = [...prefix, kProgram, "--config", server.config, "--data", join(server.folder, "data"), "--web", join(kRepository, "web/dist")];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  Object.assign(server, { child, log: "", exit: null });
  server.exited = new Promise((done) => child.on("exit", (code, signal) => done((server.exit = { code, signal }))));
  [, server.url, server.socket] = await new Promise((done, fail) => {
    const take = (data) => {
      server.log += data;
      const found = /Open (\S+?)\/?\s+\(WebSocket: (\S+)\)/.exec(server.log);
      if (found !== null) done(found);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", fail);
    void server.exited.then((exit) => fail(new Error(`the server ended with ${exit.code ?? exit.signal}: ${server.log}`)));
    setTimeout(() => fail(new Error(`the server told no address: ${server.log}`)), kStartLimit).unref();
  });
}

// Adds an account by the command line, as an administrator does.
// There, and known to the running server, which looks now and then.
export async function addAccount(server, name, password) {
  await writeAccount(server, name, password);
  await until(`the account ${name} is read`, async () => (await fetch(`${server.url}/api/webphone/connect`, {
    method: "POST", body: JSON.stringify({ line: name, password, who: "" }),
  })).ok);
}

function writeAccount(server, name, password) {
  return new Promise((done, fail) => {
    const child = spawn(server.program, ["account", "add", name, "--password-stdin", "--config", server.config, "--data", join(server.folder, "data")]);
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", fail);
    child.on("exit", (code) => (code === 0 ? done() : fail(new Error(`account add: ${output}`))));
    child.stdin.end(`${password}\n`);
  });
}
