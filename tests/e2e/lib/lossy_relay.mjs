// A relay of datagrams that loses some of them: lossy_relay.mjs FROM TO PORT PERCENT. Runs in the server's namespace.

import { createSocket } from "node:dgram";

const [from, to, port, percent] = process.argv.slice(2);
const lost = () => Math.random() * 100 < Number(percent);
const ways = new Map();     // client -> socket towards the server
const near = createSocket("udp4");

near.on("message", (data, client) => {
  const key = `${client.address}:${client.port}`;
  let far = ways.get(key);
  if (far === undefined) {
    far = createSocket("udp4");
    far.bind(0, from);
    far.on("message", (answer) => lost() || near.send(answer, client.port, client.address));
    far.on("error", () => undefined);
    ways.set(key, far);
  }
  if (!lost()) far.send(data, Number(port), to);
});
near.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
near.bind(Number(port), from);
