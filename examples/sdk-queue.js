import { $, click, follow, log, signIn } from "./sdk-common.js";

let phone;
const last = () => phone.calls.at(-1);
function talk(call) {
  follow(call).on("message", ({ text, from }) => log(`${from.name}: ${text}`));
  return call;
}

click("sign-in", async () => {
  const password = $("password").value;
  phone = await signIn(password === "" ? {} : { password });
  phone.on("call", (incoming) => talk(incoming).accept());
  if (password === "") return;
  // An agent sees who waits in the queues that it serves.
  const sessions = phone.followSessions();
  const show = () => $("waiting").replaceChildren(...sessions.waiting.map((session) => {
    const line = document.createElement("li"), take = document.createElement("button");
    line.textContent = `${session.callerName} in ${session.queue} since ${session.started.toLocaleTimeString()}: ${session.texts.join(" / ")} `;
    take.textContent = "Take";
    take.onclick = () => talk(phone.takeFromQueue(session, { audio: false }));   // status 410: another agent was first
    line.append(take);
    return line;
  }));
  for (const event of ["ready", "created", "changed", "closed"]) sessions.on(event, show);
});
click("call", () => {
  const call = talk(phone.call($("queue").value, { audio: false }));
  call.on("queue", ({ type, position, agent }) => log(type === "waiting" ? `you are number ${position}` : `${agent.displayName} is here`));
});
click("send", () => last().sendMessage($("text").value));   // one who waits writes, too: the agent reads it
