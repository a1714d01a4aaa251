// Starts the live chat. The address may name another line and room: ?line=Support&room=Lobby.

import { render } from "preact";
import { cleanRoom } from "../../shared/text.ts";
import { Desk } from "./desk.ts";
import { App } from "./views/app.tsx";

const asked = new URLSearchParams(location.search);
const desk = new Desk({ line: asked.get("line") ?? "Webphone1", room: cleanRoom(asked.get("room") ?? "livechat") });
const root = document.getElementById("app");
if (root !== null) render(<App desk={desk} />, root);
