import { $, click, follow, log, signIn } from "./sdk-common.js";

const phone = await signIn();
const last = () => phone.calls.at(-1);
phone.on("call", (incoming) => follow(incoming).accept());
click("call", async () => {
  for (const call of phone.calls) if (call.status === "active") await call.hold();
  follow(phone.call($("number").value));
});
click("blind", async () => log(`transfer: ${(await last().transfer($("number").value)).ok ? "done" : "refused"}`));
click("attended", async () => {
  const [first, second] = phone.calls.slice(-2);
  log(`transfer: ${(await second.transferTo(first)).ok ? "done" : "refused"}`);
});
