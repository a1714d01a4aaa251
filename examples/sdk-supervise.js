import { $, click, log, signIn } from "./sdk-common.js";

let phone, sessions;
const button = (name, act) => {
  const made = document.createElement("button");
  made.textContent = name;
  made.onclick = () => act()?.catch((error) => log(error.message));
  return made;
};
const show = () => $("calls").replaceChildren(...sessions.list.map((session) => {
  const line = document.createElement("li"), id = session.sessionId;
  line.textContent = `${session.callerName} and ${session.calleeName}: ${session.sessionState} `;
  line.append(
    button("Hold", () => sessions.hold(id)), button("Take back", () => sessions.unhold(id)),
    button("Listen", () => sessions.listen(id)), button("Stop", () => sessions.stopListening(id)),   // heard by nobody
    button("Hand over", () => sessions.transfer(id, session.callee, $("to").value)), button("End", () => sessions.hangUp(id)));
  return line;
}));

click("sign-in", async () => {
  phone = await signIn({ password: $("password").value });
  sessions = phone.followSessions();
  for (const event of ["ready", "created", "changed", "closed"]) sessions.on(event, show);
});
click("history", async () => {
  for (const record of (await phone.history()).slice(0, 20)) log(JSON.stringify(record));
});
