// Two network namespaces with a cable between them: the server's and the browsers'.

import { execFileSync } from "node:child_process";

const kSudo = process.getuid() === 0 ? [] : ["sudo", "-n"];
export const kServerAddress = "10.99.71.1";
export const kRelayAddress = "10.99.71.3";     // the server's too, for a relay before it
const kBrowserAddress = "10.99.71.2";

function ip(...args) {
  const [command, ...rest] = [...kSudo, "ip", ...args];
  execFileSync(command, rest, { stdio: "pipe" });
}

// Throws where namespaces can't be made.
export function makeNamespaces() {
  const name = `parley-${process.pid}`;
  const made = { server: `${name}-s`, browser: `${name}-b` };
  made.remove = () => {
    for (const each of [made.server, made.browser]) {
      try {
        ip("netns", "del", each);
      } catch {
        // Not made.
      }
    }
  };
  made.inside = (which) => [...kSudo, ...(kSudo.length > 0 ? ["-E"] : []), "ip", "netns", "exec", made[which]];
  try {
    ip("netns", "add", made.server);
    ip("netns", "add", made.browser);
    const [near, far] = [`ps${process.pid}`, `pb${process.pid}`];
    ip("link", "add", near, "netns", made.server, "type", "veth", "peer", "name", far, "netns", made.browser);
    for (const [space, device, address] of [[made.server, near, kServerAddress], [made.browser, far, kBrowserAddress]]) {
      ip("-n", space, "addr", "add", `${address}/24`, "dev", device);
      // Without IPv6 addresses that come a second later: Chromium drops what it is loading when a network changes.
      ip("-n", space, "link", "set", device, "addrgenmode", "none");
      ip("-n", space, "link", "set", device, "up");
      ip("-n", space, "link", "set", "lo", "up");
    }
    ip("-n", made.server, "addr", "add", `${kRelayAddress}/24`, "dev", near);
    made.device = far;
  } catch (error) {
    made.remove();
    throw new Error(String(error.stderr ?? error.message).trim().split("\n")[0] || "ip failed", { cause: error });
  }
  return made;
}

export function setLink(space, device, up) {
  ip("-n", space, "link", "set", device, up ? "up" : "down");
}
