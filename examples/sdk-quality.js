import { $, click, follow, log, signIn } from "./sdk-common.js";

const phone = await signIn();
click("call", () => {
  const call = follow(phone.call($("number").value));
  call.on("quality", ({ grade, lossPercent, rttMs }) => log(`the connection is ${grade}: ${lossPercent} % lost, ${rttMs} ms`));
  const timer = setInterval(async () => { $("figures").textContent = JSON.stringify(await call.statistics(), null, 2); }, 1000);
  call.on("ended", () => clearInterval(timer));
});
