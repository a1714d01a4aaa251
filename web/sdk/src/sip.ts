// JsSIP as the SDK needs it: made for pages that may stand still for minutes, and a few members that its
// declarations leave out.

import * as JsSIP from "jssip";
import timers from "jssip/lib/Timers.js";
import type { IncomingRequest, IncomingResponse } from "jssip/lib/SIPMessage";
import type { UA } from "jssip/lib/UA";
import type { Session as FixedSession } from "../../shared/sip/jssip_fixes.ts";
import { makeUrisSafe } from "../../shared/sip/jssip_fixes.ts";

export type { IncomingRequest, IncomingResponse, UA };

export interface Session extends FixedSession {
  _from_tag: string;
  _to_tag: string | null;
  _earlyDialogs: Record<string, { id: { remote_tag: string } }>;
  _request: { call_id: string };
  onRequestTimeout(): void;
  refer(target: unknown, options: object): ReferSubscriber;
}
export interface ReferSubscriber { on(name: string, listener: (event: { status_line?: { status_code: number } ; response?: IncomingResponse | null }) => void): void }

export interface Subscriber {
  on(name: "notify", listener: (final: boolean, request: IncomingRequest, body: string, type: string) => void): void;
  on(name: "terminated", listener: (code: number, reason?: string, retryAfter?: number) => void): void;
  removeAllListeners(): void;
  subscribe(): void;
  _terminateDialog(code: number): void;
}

// A page may be blocked by confirm() or prompt(): its timers then fire before the answers that lie waiting in its
// socket are read. Nothing is lost on a WebSocket without the socket breaking, which is told at once, so the timers
// that give up on an answer need not be short.
const kPatience = 10 * 60_000;
const kLongestRing = 2_000_000;   // seconds, near the largest that a timer takes

function prepare(): void {
  const open = timers as { TIMER_B: number; TIMER_F: number; TIMER_H: number };
  open.TIMER_B = kPatience;
  open.TIMER_F = kPatience;
  open.TIMER_H = kPatience;
  makeUrisSafe();
}

export interface UaOptions { socket: string; uri: string; displayName: string; secret: string; realm: string; instance: string }

export function makeUa(options: UaOptions): UA {
  prepare();
  return new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(options.socket)],
    uri: options.uri, password: options.secret, ...(options.realm === "" ? {} : { realm: options.realm }),
    display_name: options.displayName, instance_id: options.instance, register: true, register_expires: 600,
    session_timers: false, no_answer_timeout: kLongestRing, user_agent: "Parley webphone",
    connection_recovery_min_interval: 1, connection_recovery_max_interval: 4,
  });
}

// JsSIP keeps a hash of the old secret and forgets the secret itself.
export function changeSecret(ua: UA, secret: string): void {
  const { _configuration } = ua as unknown as { _configuration: { ha1: string | null } };
  _configuration.ha1 = null;
  ua.set("password", secret);
}

export function newInstance(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 15) | 64;
  bytes[8] = ((bytes[8] as number) & 63) | 128;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function subscribe(ua: UA, target: string, event: string, accept: string): Subscriber {
  return (ua.subscribe as unknown as (...given: unknown[]) => Subscriber).call(ua, target, event, accept, { expires: 3600 });
}

// Ends a subscription on this side alone; what the server still sends for it is answered 481.
export function dropSubscription(subscriber: Subscriber): void {
  subscriber.removeAllListeners();
  subscriber._terminateDialog(5);
}

// The two tags of the session's dialog, as seen from here; of one that still rings too.
export function dialogOf(session: Session): { callId: string; localTag: string; remoteTag: string } {
  const to = session._to_tag ?? Object.values(session._earlyDialogs).at(-1)?.id.remote_tag ?? "";
  const callId = session._request.call_id;
  return session.direction === "outgoing" ? { callId, localTag: session._from_tag, remoteTag: to } : { callId, localTag: to, remoteTag: session._from_tag };
}

// Whether a request belongs to the session's dialog, or to one that it may yet become.
export function owns(session: Session, request: IncomingRequest): boolean {
  const { call_id, from_tag, to_tag } = request as unknown as { call_id: string; from_tag: string; to_tag: string };
  return session.id === call_id + from_tag || session.id === call_id + to_tag;
}
