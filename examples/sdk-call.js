import { $, click, follow, log, signIn } from "./sdk-common.js";

const phone = await signIn();
let call = null;
phone.on("call", (incoming) => {
  call = follow(incoming);
  log(`${incoming.displayName || incoming.number} calls`);
});
click("call", () => { call = follow(phone.call($("number").value)); });
click("accept", () => call?.accept());
click("reject", () => call?.reject());
click("hangup", () => call?.hangUp());
click("hold", () => call?.hold());
click("unhold", () => call?.unhold());
click("mute", () => call?.mute());
click("unmute", () => call?.unmute());
click("dtmf", () => call?.sendDtmf($("keys").value));
