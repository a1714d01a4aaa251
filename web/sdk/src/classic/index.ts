/**
 * The script `/WebphoneAPI`: the names that pages written for it use, over the SDK.
 * @packageDocumentation
 */

import { WebClient } from "./oz_web_client.ts";

/** Connects the page to a webphone line. */
export const OzWebClient = new WebClient();

export { WebClient, type ClientInfo, type ErrorInfo } from "./oz_web_client.ts";
export { Call } from "./oz_call.ts";
export { OzCamera } from "./oz_camera.ts";
export { CallState, CallType, ConnectionState, type CallStateName, type ConnectionStateName, type StateInfo } from "./states.ts";
export { type Extension, Helper, Session, type User, type ById } from "./directory.ts";
export type { Handler } from "./slot.ts";
