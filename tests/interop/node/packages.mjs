// Packages from here, or from the browser tests' folder where they are installed already. A browser's WebSocket for both clients.
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const place = [here, join(here, "../../e2e")].find((folder) => ["jssip", "sip.js", "ws"].every((name) => existsSync(join(folder, "node_modules", name))));
export const load = createRequire(join(place ?? here, "package.json"));

const { WebSocket } = load("ws");
globalThis.window = globalThis;
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) { super(url, protocols, { origin: "http://localhost", rejectUnauthorized: false }); }
};

export function check(condition, why) {
  if (!condition) throw new Error(why);
}

export function once(emitter, event, seconds = 8) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event}`)), seconds * 1000);
    emitter.once(event, (value) => { clearTimeout(timer); resolve(value); });
  });
}

export function finish(promise) {
  promise.then(() => process.exit(0), (error) => { console.error(String(error.message ?? error)); process.exit(1); });
}
