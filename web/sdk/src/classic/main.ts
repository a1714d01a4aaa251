// What the script puts into the page.

import * as sdk from "../index.ts";
import { CallState, CallType, ConnectionState, OzCamera, OzWebClient } from "./index.ts";

Object.assign(globalThis, { OzWebClient, ConnectionState, CallState, CallType, OzCamera, ParleyWebphone: sdk });
