// Starts the agent desk.

import { render } from "preact";
import { AgentDesk } from "./desk.ts";
import { App } from "./views/app.tsx";

const root = document.getElementById("app");
if (root !== null) render(<App desk={new AgentDesk()} />, root);
