import { $, click, follow, log, signIn } from "./sdk-common.js";

const phone = await signIn();
let call = null;
click("call", () => {
  call = follow(phone.call($("number").value));
  call.on("participants", (people) => $("people").replaceChildren(...people.map(({ name, self, talking }) => {
    const item = document.createElement("li");
    item.textContent = `${name}${self ? " (you)" : ""}${talking ? " talks" : ""}`;
    return item;
  })));
  call.on("videos", (videos) => $("videos").replaceChildren(...videos.map(({ stream }) =>
    Object.assign(document.createElement("video"), { srcObject: stream, autoplay: true, playsInline: true, muted: true, width: 240 }))));
  call.on("message", ({ from, text }) => log(`${from.name}: ${text}`));
});
click("send", () => call.sendMessage($("text").value));
