// A Chromium whose processes the test can stop or kill, as a crash or a machine that goes to sleep does.

import { chromium } from "playwright-core";
import { chromiumOptions } from "./chromium.mjs";

export async function launchMortal() {
  const server = await chromium.launchServer(chromiumOptions());
  const browser = await chromium.connect(server.wsEndpoint());
  const pid = server.process().pid;      // leads a process group of its own
  const signal = (name) => {
    try {
      process.kill(-pid, name);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  };
  return {
    browser, freeze: () => signal("SIGSTOP"), kill: () => signal("SIGKILL"),
    async end() {
      signal("SIGKILL");
      await server.kill().catch(() => undefined);
    },
  };
}
