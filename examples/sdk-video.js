import { $, click, follow, signIn } from "./sdk-common.js";

const phone = await signIn();
let call = null;
function show(next) {
  call = follow(next);
  call.on("videos", ([first]) => {
    $("remote").srcObject = first?.stream ?? null;
    $("local").srcObject = call.localVideo === null ? null : new MediaStream([call.localVideo]);
  });
}
phone.on("call", (incoming) => {
  show(incoming);
  incoming.accept({ video: incoming.video });
});
click("call", () => show(phone.call($("number").value, { video: true })));
click("stop", () => call?.stopVideo());
click("start", () => call?.startVideo());
click("screen", () => call?.shareScreen());
click("unscreen", () => call?.stopScreen());
