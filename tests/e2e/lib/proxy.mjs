// A TCP proxy in front of the server, whose connections the test can cut as a broken network does.

import { connect, createServer } from "node:net";

export async function startProxy(port, host = "127.0.0.1") {
  const pairs = new Set();
  let open = true;
  const listener = createServer((near) => {
    if (!open) return near.destroy();
    const far = connect(port, host);
    const pair = { near, far };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.on("error", end);
      socket.on("close", end);
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));
  return {
    port: listener.address().port,
    cut() {
      open = false;
      for (const { near, far } of pairs) {
        near.resetAndDestroy?.();
        far.resetAndDestroy?.();
      }
    },
    restore(to = port) {
      port = to;
      open = true;
    },
    stop() {
      this.cut();
      listener.close();
    },
  };
}
