import { $, click, follow, log, signIn } from "./sdk-common.js";

function watch(call) {
  follow(call);
  call.on("interrupted", () => log("the connection broke"));
  call.on("resumed", () => log("the call is back"));
}
const phone = await signIn({
  // With tokens: a function is asked for a fresh one before the old one expires.
  // token: async () => (await fetch("/my-own-server/token")).text(),
});
phone.on("callResumed", (call) => {
  watch(call);
  log(`back in the call with ${call.number} after the reload`);
});
phone.on("numberChanged", (number) => log(`away for too long: my number is now ${number}`));
phone.on("call", (call) => {
  watch(call);
  call.accept();
});
click("call", () => watch(phone.call($("number").value)));
click("leave", () => phone.disconnect());
