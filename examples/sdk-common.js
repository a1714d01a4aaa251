// What all these examples share: signing in, a log, and buttons.
import { Webphone } from "../sdk/parley-webphone.js";

export const $ = (id) => document.getElementById(id);
export function log(text) {
  const line = document.createElement("li");
  line.textContent = text;   // never innerHTML: others write this
  $("log").append(line);
}
export const failed = (error) => log(`${error.code ?? "error"}: ${error.message}`);
export function click(id, act) {
  $(id).addEventListener("click", async () => {
    try {
      await act();
    } catch (error) {
      failed(error);
    }
  });
}

// ?line= and ?name= in the page's address choose line and name.
export async function signIn(more = {}) {
  const query = new URLSearchParams(location.search);
  const phone = new Webphone({ host: location.host, line: query.get("line") ?? "Webphone1", displayName: query.get("name") ?? "Example", ...more });
  phone.on("status", (status) => log(`connection: ${status}`));
  phone.on("error", failed);
  try {
    await phone.connect();
    log(`my number is ${phone.number}`);
  } catch (error) {
    failed(error);
  }
  return phone;
}

export function follow(call) {
  call.on("status", (status) => log(`call with ${call.number}: ${status}`));
  call.on("ended", (end) => log(`call with ${call.number} ended: ${end.cause}`));
  call.on("mediaProblem", ({ message }) => log(message));
  return call;
}
