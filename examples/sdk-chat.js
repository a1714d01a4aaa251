import { $, click, follow, log, signIn } from "./sdk-common.js";

const phone = await signIn();
let call = null;
function chat(next) {
  call = follow(next);
  call.on("message", ({ from, text }) => log(`${from.name || call.number}: ${text}`));
  call.on("typing", ({ active }) => { $("typing").textContent = active ? "is writing…" : ""; });
  call.on("delivery", ({ delivered }) => log(`delivered to ${delivered.length}`));
}
phone.on("call", (incoming) => {
  chat(incoming);
  incoming.accept({ audio: false });
});
phone.on("message", ({ number, text }) => log(`${number}, outside of a call: ${text}`));
click("call", () => {
  const next = phone.createCall($("number").value);
  chat(next);
  next.start({ audio: false });   // texts alone: no microphone is asked for
});
$("text").addEventListener("input", () => call?.keyPressed());
click("send", async () => {
  const { id } = await call.sendMessage($("text").value, { report: true });
  log(`the server has it (${id})`);
  $("text").value = "";
});
