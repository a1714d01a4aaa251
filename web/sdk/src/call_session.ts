// The SIP side of one call: a JsSIP session, its offers, and the token by which the server knows it again.

import {
  abandon, call as placeCall, refuseGlare, repairCseq, roomUri, survive, watchIce,
} from "../../shared/sip/jssip_fixes.ts";
import { type OfferOptions, type OfferResult, Offers } from "../../shared/sip/offers.ts";
import type { CallHost } from "./call_types.ts";
import type { CallMedia } from "./call_media.ts";
import { identityOf } from "./identity.ts";
import { sequenceOf } from "./incoming.ts";
import { kAccept, kAllow, kMessageIdHeader, kParticipantHeader, kResumeHeader, kSequenceHeader } from "./names.ts";
import type { Carrier } from "./outbox.ts";
import { endOf } from "./outcome.ts";
import { dialogOf, type IncomingRequest, type IncomingResponse, owns, type Session, type UA } from "./sip.ts";
import type { CallEnd, Identity, TransferResult } from "./types.ts";

const kGatherFor = 500;       // milliseconds; the server's end of ICE needs no candidate of ours
const kIcePatience = 4000;
const kResumeTries = 5;
const kIceRestarts = 3;       // in a row; texts need no media, so a call outlives a network that lets none through
const kDefaultNumber = "_default";

export interface SessionWatch {
  ringing(): void;
  up(participant: string | null): void;
  ended(end: CallEnd): void;
  hold(held: boolean): void;
  media(): void;
  dtmf(key: string): void;
  token(): void;
  identity(identity: Identity): void;
  rang(): boolean;
  established(): boolean;
}

interface Failure { originator: string; cause: string; message: unknown }
const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export class CallSession {
  token: string | null;
  answering = false;
  private session_!: Session;
  private offers_!: Offers;
  private iceTimer_: ReturnType<typeof setTimeout> | null = null;
  private resuming_ = false;
  private iceRestarts_ = 0;
  private participant_: string | null = null;

  private constructor(private readonly media_: CallMedia, private readonly watch_: SessionWatch, token: string | null) {
    this.token = token;
  }

  static out(ua: UA, host: CallHost, number: string, media: CallMedia, watch: SessionWatch, headers: string[],
             token: string | null = null): CallSession {
    const leg = new CallSession(media, watch, token);
    const extraHeaders = [kAccept, ...headers, ...leg.tokenHeader()];
    const session = placeCall(ua, roomUri(number === "" ? kDefaultNumber : number, host.domain), {
      mediaConstraints: { audio: false, video: false }, extraHeaders, fromDisplayName: host.displayName,
      pcConfig: { iceServers: host.ice, bundlePolicy: "max-bundle" },
      eventHandlers: {
        peerconnection: ({ peerconnection }: { peerconnection: RTCPeerConnection }) => {
          leg.watchConnection(peerconnection);
          media.offer(peerconnection);
        },
        sdp: (event: { originator: string; sdp: string }) => leg.description(event),
        icecandidate: (event: { ready(): void }) => void setTimeout(event.ready, kGatherFor),
        progress: (event: { response?: IncomingResponse }) => {
          leg.takeIdentity(event.response);
          watch.ringing();
        },
        accepted: (event: { response?: IncomingResponse }) => leg.takeHeaders(event.response ?? null),
        failed: (event: Failure) => leg.finished(event),
        ended: (event: Failure) => leg.finished(event),
      } as object,
    }) as Session;
    leg.guard(session);
    return leg;
  }

  static in(session: Session, request: IncomingRequest, media: CallMedia, watch: SessionWatch): CallSession {
    const leg = new CallSession(media, watch, request.getHeader(kResumeHeader) ?? null);
    const on = session.on.bind(session) as (name: string, listener: (event: never) => void) => void;
    on("peerconnection", ({ peerconnection }: { peerconnection: RTCPeerConnection }) => {
      leg.watchConnection(peerconnection);
      media.answer(peerconnection);
    });
    on("connecting", () => media.adopt());
    on("sdp", (event: { originator: string; sdp: string }) => leg.description(event));
    on("icecandidate", (event: { ready(): void }) => void setTimeout(event.ready, kGatherFor));
    on("failed", (event: Failure) => leg.finished(event));
    on("ended", (event: Failure) => leg.finished(event));
    leg.guard(session);
    return leg;
  }

  private guard(session: Session): void {
    this.session_ = session;
    this.offers_ = new Offers(session, () => session.connection);
    repairCseq(session);
    refuseGlare(session, () => this.offers_.pending);
    survive(session, () => this.offers_.connectionLost());
    // JsSIP ends a call when any of its requests gets no answer; one that is up outlives that.
    const timedOut = session.onRequestTimeout.bind(session);
    session.onRequestTimeout = () => {
      if (session.isEstablished()) this.offers_.connectionLost();
      else timedOut();
    };
    const on = session.on.bind(session) as (name: string, listener: (event: never) => void) => void;
    on("confirmed", () => this.watch_.up(this.participant_));
    on("hold", ({ originator }: { originator: string }) => originator === "remote" && this.watch_.hold(true));
    on("unhold", ({ originator }: { originator: string }) => originator === "remote" && this.watch_.hold(false));
    for (const name of ["reinvite", "update"]) on(name, ({ request }: { request: IncomingRequest }) => this.takeIdentity(request));
    on("refer", (event: { reject(): void }) => event.reject());
    on("newDTMF", ({ originator, dtmf }: { originator: string; dtmf: { tone: string } }) => {
      if (originator === "remote") this.watch_.dtmf(dtmf.tone);
    });
  }

  private takeHeaders(response: IncomingResponse | null): void {
    this.participant_ = response?.getHeader(kParticipantHeader) ?? this.participant_;
    this.takeIdentity(response);
    const token = response?.getHeader(kResumeHeader);
    if (token === undefined || token === this.token) return;
    this.token = token;
    this.watch_.token();
  }

  private takeIdentity(message: IncomingRequest | IncomingResponse | null | undefined): void {
    const identity = identityOf(message);
    if (identity !== null) this.watch_.identity(identity);
  }

  private tokenHeader(): string[] {
    return this.token === null ? [] : [`${kResumeHeader}: ${this.token}`];
  }

  private finished(event: Failure): void {
    if (this.iceTimer_ !== null) clearTimeout(this.iceTimer_);
    this.watch_.ended(endOf(event, this.watch_.established(), this.watch_.rang()));
  }

  private description(event: { originator: string; sdp: string }): void {
    if (event.originator === "local") event.sdp = this.media_.outgoing(event.sdp);
    else event.sdp = this.media_.incoming(event.sdp);
  }

  private watchConnection(connection: RTCPeerConnection): void {
    watchIce(connection, (state) => {
      if (this.iceTimer_ !== null) clearTimeout(this.iceTimer_);
      this.iceTimer_ = null;
      if (state === "connected" || state === "completed") this.iceRestarts_ = 0;
      else if (state === "failed") this.restartIce();
      else if (state === "disconnected") this.iceTimer_ = setTimeout(() => this.restartIce(), kIcePatience);
    });
    const report = (): void => {
      if (connection.signalingState === "stable" && !this.session_?.isEnded()) this.watch_.media();
    };
    connection.addEventListener("signalingstatechange", () => queueMicrotask(report));
    connection.addEventListener("track", () => queueMicrotask(report));
  }

  private restartIce(): void {
    if (this.session_.isEnded() || ++this.iceRestarts_ > kIceRestarts) return;
    void this.resume(() => !this.session_.isEnded());
  }

  get ready(): boolean {
    return this.session_.isEstablished();
  }

  accept(host: CallHost, headers: string[]): void {
    this.answering = true;
    this.session_.answer({
      mediaConstraints: { audio: false, video: false }, extraHeaders: [kAccept, kAllow, ...headers],
      pcConfig: { iceServers: host.ice, bundlePolicy: "max-bundle" },
    });
  }

  refuse(status: number): void {
    if (!this.session_.isEnded()) this.session_.terminate({ status_code: status });
  }

  redirect(number: string, domain: string): void {
    if (this.session_.isEnded()) return;
    const contact = roomUri(number, domain).toString();
    this.session_.terminate({ status_code: 302, reason_phrase: "Moved Temporarily", extraHeaders: [`Contact: <${contact}>`] });
  }

  hangUp(): void {
    if (!this.session_.isEnded()) this.session_.terminate();
  }

  abandon(): void {
    abandon(this.session_);
  }

  async offer(options: OfferOptions, prepare?: () => void): Promise<OfferResult> {
    const result = await this.offers_.send(options, prepare);
    this.takeIdentity(result.response);
    return result;
  }

  // Re-INVITE with an ICE restart, by whatever connection there is now. An answer that does not come is asked for again.
  async resume(wanted: () => boolean): Promise<boolean> {
    if (this.resuming_) return false;
    this.resuming_ = true;
    try {
      for (let tried = 0; tried < kResumeTries && wanted(); tried++) {
        const result = await this.offers_.send({ iceRestart: true, extraHeaders: this.tokenHeader() });
        if (result.response !== null) this.takeHeaders(result.response);
        if (result.ok) return true;
        await pause(500 * 2 ** tried);
      }
      return false;
    } finally {
      this.resuming_ = false;
    }
  }

  setMuted(muted: boolean): void {
    if (this.session_.connection === null || this.session_.isEnded()) return;
    if (muted) this.session_.mute({ audio: true, video: false });
    else this.session_.unmute({ audio: true, video: false });
  }

  dtmf(keys: string): void {
    this.session_.sendDTMF(keys.toUpperCase());
  }

  transfer(number: string, domain: string): Promise<TransferResult> {
    return this.refer(number, domain, null);
  }

  transferTo(other: CallSession, number: string, domain: string): Promise<TransferResult> {
    return this.refer(number, domain, other);
  }

  private refer(number: string, domain: string, other: CallSession | null): Promise<TransferResult> {
    return new Promise((done) => {
      let taken = false;
      const end = (ok: boolean, status: number | null): void => done({ ok, status });
      // JsSIP names the tags of an incoming call's dialog the wrong way round (RFC 3891 section 3).
      const dialog = other?.dialog();
      const replaces = dialog === undefined ? {}
        : { replaces: { _request: { call_id: dialog.callId }, _to_tag: dialog.remoteTag, _from_tag: dialog.localTag } };
      const referral = this.session_.refer(roomUri(number, domain), replaces);
      referral.on("requestSucceeded", () => taken = true);
      referral.on("requestFailed", ({ response }) => end(false, response?.status_code ?? null));
      referral.on("accepted", ({ status_line }) => end(true, status_line?.status_code ?? null));
      referral.on("failed", ({ status_line }) => end(false, status_line?.status_code ?? null));
      // The server may end this leg before it has told how the transfer went.
      this.session_.on("ended", () => end(taken, null));
    });
  }

  dialog(): ReturnType<typeof dialogOf> {
    return dialogOf(this.session_);
  }

  owns(request: IncomingRequest): boolean {
    return owns(this.session_, request);
  }

  send: Carrier = (text, answer) => {
    this.session_.sendRequest("MESSAGE", {
      body: text.body, extraHeaders: [`Content-Type: ${text.contentType}`, ...text.headers],
      eventHandlers: {
        onSuccessResponse: (response) => answer.ok({
          id: response.getHeader(kMessageIdHeader) ?? null, sequence: sequenceOf(response.getHeader(kSequenceHeader)),
        }),
        onErrorResponse: (response) => answer.refused(response.status_code),
        onTransportError: () => answer.lost(),
        onRequestTimeout: () => answer.refused(408),
        onDialogError: (response) => {
          answer.refused(response.status_code);
          if (response.status_code === 481) this.abandon();
        },
      },
    });
  };

  sendQuietly(contentType: string, body: string): void {
    this.session_.sendRequest("MESSAGE", { body, extraHeaders: [`Content-Type: ${contentType}`], eventHandlers: {} });
  }
}
