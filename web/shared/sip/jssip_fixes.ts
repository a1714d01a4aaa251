// What JsSIP 3.13 lacks for this page, kept in one place: typed access to a few members that its declarations leave
// out, and corrections of behaviour that would break a call. Each says what goes wrong without it.

import * as JsSIP from "jssip";
import type { RTCSession, RTCSessionEventMap } from "jssip/lib/RTCSession";
import type { IncomingResponse, OutgoingRequest } from "jssip/lib/SIPMessage";
import type { UA, CallOptions } from "jssip/lib/UA";
import { escapeUserPart } from "../text.ts";

export interface RequestHandlers {
  onSuccessResponse?(response: IncomingResponse): void;
  onErrorResponse?(response: IncomingResponse): void;
  onTransportError?(): void;
  onRequestTimeout?(): void;
  onDialogError?(response: IncomingResponse): void;
}
export interface RequestOptions { body?: string; extraHeaders?: string[]; eventHandlers?: RequestHandlers }

interface Dialog { uac_pending_reply: boolean; uas_pending_reply: boolean; _outgoing_ack_seqnum: number }
interface ReinviteOptions {
  extraHeaders: string[];
  rtcOfferConstraints: RTCOfferOptions | null;
  eventHandlers: { succeeded(response: IncomingResponse): void; failed(response?: IncomingResponse): void };
}
export interface Session extends RTCSession {
  _dialog?: Dialog;
  onTransportError(): void;
  removeListener(event: string | symbol, listener: (...given: never[]) => void): this;
  sendRequest(method: string, options?: RequestOptions): OutgoingRequest | undefined;
  _sendReinvite(options: ReinviteOptions): void;
  _ended(originator: string, message: null, cause: string): void;
  _failed(originator: string, message: null, cause: string): void;
}
interface Transport { connect(): void; disconnect(): void; isConnected(): boolean; recovery_timer: unknown }
interface OpenUa extends UA { transport: Transport }

// JsSIP builds a target from text by cutting at the last "@", dropping "-" and "." from digits, and leaving ":" and
// "?" as they are, and decodes a user part a second time when writing it (a room called "100%" would throw).
// This URI writes its user part as RFC 3261 wants it, whatever it holds.
class RoomUri extends JsSIP.URI {
  override toString(): string {
    const port = this.port === null || this.port === undefined ? "" : `:${this.port}`;
    return `sip:${escapeUserPart(String(this.user))}@${this.host}${port}`;
  }
  override clone(): this {
    return new RoomUri("sip", this.user, this.host, this.port) as this;
  }
}

export function roomUri(room: string, host: string): JsSIP.URI {
  return new RoomUri("sip", room, host);
}

// The To of every request in the dialog is read back from the server's response, by JsSIP's own class, with the fault
// told above; here the writer of that class is made safe too. Only user parts that it can't decode are concerned.
export function makeUrisSafe(): void {
  const prototype = JsSIP.URI.prototype as { toString(this: JsSIP.URI): string; parleySafe?: boolean };
  if (prototype.parleySafe === true) return;
  const write = prototype.toString;
  prototype.toString = function (this: JsSIP.URI): string {
    if (typeof this.user === "string" && /[%:]/.test(this.user)) {
      const copy = this.clone();
      copy.user = "x";
      return write.call(copy).replace(":x@", () => `:${escapeUserPart(String(this.user))}@`);
    }
    return write.call(this);
  };
  prototype.parleySafe = true;
}

export function call(ua: UA, target: JsSIP.URI, options: CallOptions): Session {
  return (ua.call as unknown as (target: JsSIP.URI, options: CallOptions) => Session).call(ua, target, options);
}

export function isConnected(ua: UA): boolean {
  return ua.isConnected();
}

// Tries the connection now instead of waiting for JsSIP's next attempt.
export function connectNow(ua: UA): void {
  const { transport } = ua as OpenUa;
  if (!transport.isConnected()) transport.connect();
}

// Closes a socket that is dead without the browser knowing, and opens a new one.
export function reopen(ua: UA): void {
  const { transport } = ua as OpenUa;
  transport.disconnect();
  transport.connect();
}

// Ends a call here without a BYE: the server still holds the place, and a new INVITE takes it over by its token.
export function abandon(session: Session): void {
  if (session.isEnded()) return;
  if (session.isEstablished()) session._ended("system", null, "Abandoned");
  else session.terminate();
}

// A re-INVITE whose failure does not end the call, unlike renegotiate().
export function reinvite(session: Session, options: ReinviteOptions): void {
  session._sendReinvite(options);
}

// After 491, JsSIP sends its re-INVITE again with a new number in an attribute but the old one in the CSeq header,
// and its ACK keeps the old one as well.
export function repairCseq(session: Session): void {
  const send = session.sendRequest.bind(session);
  session.sendRequest = (method, options) => {
    const request = send(method, options);
    if (method === "INVITE" && request !== undefined) {
      let cseq = request.cseq;
      Object.defineProperty(request, "cseq", {
        get: () => cseq,
        set: (value: number) => {
          cseq = value;
          request.setHeader("cseq", `${value} INVITE`);
          if (session._dialog !== undefined) session._dialog._outgoing_ack_seqnum = value;
        },
      });
    }
    return request;
  };
}

// On glare JsSIP answers 491 and then works on the offer all the same, which rolls its own offer back; and while its
// own offer is still being made it does not see the glare at all. Such an offer is refused here, before it is used.
export function refuseGlare(session: Session, ownOfferPending: () => boolean): void {
  const onReinvite: RTCSessionEventMap["reinvite"] = (event) => {
    if (ownOfferPending() || session._dialog?.uac_pending_reply === true) event.reject({ status_code: 491 });
  };
  session.on("reinvite", onReinvite);
  session.on("update", (event) => {
    if (event.request.body) onReinvite(event);
  });
}

// JsSIP ends a call when the connection breaks while any of its requests is on its way. An established call is worth
// more than that: it is taken up again by the next connection.
export function survive(session: Session, onLost: () => void): void {
  const end = session.onTransportError.bind(session);
  session.onTransportError = () => {
    if (session.isEstablished()) onLost();
    else end();
  };
}

// JsSIP ends a call (with BYE) as soon as ICE fails. The page restarts ICE instead: listeners in the capture phase
// run first, and this one keeps the state from JsSIP's.
export function watchIce(connection: RTCPeerConnection, onState: (state: RTCIceConnectionState) => void): void {
  connection.addEventListener("iceconnectionstatechange", (event) => {
    const state = connection.iceConnectionState;
    if (state === "failed") event.stopImmediatePropagation();
    onState(state);
  }, { capture: true });
}
