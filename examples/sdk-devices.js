import { $, click, follow, signIn } from "./sdk-common.js";

const phone = await signIn();
async function list() {
  const devices = await phone.devices.list();
  for (const kind of ["microphone", "speaker"]) {
    $(kind).replaceChildren(...devices.filter((each) => each.kind === kind).map(({ id, label }) => new Option(label || kind, id)));
    $(kind).onchange = () => phone.chooseDevice(kind, $(kind).value);
  }
}
await list();
let meter = null;
click("call", () => {
  const call = follow(phone.call($("number").value));
  call.on("status", async (status) => {
    if (status === "active") {
      await list();   // the labels are known once a device is allowed
      meter ??= call.volumeMeter("microphone");
    } else if (status === "ended") {
      meter?.close();
      meter = null;
    }
  });
});
setInterval(() => { $("level").value = meter?.level() ?? 0; }, 100);
