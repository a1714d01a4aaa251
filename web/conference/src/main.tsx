// Starts the conference page.

import { render } from "preact";
import { LocalMedia } from "./local_media.ts";
import { RoomClient } from "./room_client.ts";
import { interruptedCall, loadChoices } from "./storage.ts";
import { App } from "./views/app.tsx";

const choices = loadChoices();
const media = new LocalMedia(choices.micId, choices.cameraId);
const client = new RoomClient({
  socketUrl: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, host: location.hostname,
});
const root = document.getElementById("app");
if (root !== null) render(<App client={client} media={media} interrupted={interruptedCall()} />, root);
