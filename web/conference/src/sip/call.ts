// One call into a room: a JsSIP session and its peer connection, without any policy about losing or finding it again.

import type * as JsSIP from "jssip";
import type { EndEvent } from "jssip/lib/RTCSession";
import type { IncomingRequest, IncomingResponse } from "jssip/lib/SIPMessage";
import type { UA } from "jssip/lib/UA";
import { kEventType, kParticipantHeader, kResumeHeader } from "../protocol.ts";
import { abandon, call, refuseGlare, repairCseq, type Session, survive, watchIce } from "../../../shared/sip/jssip_fixes.ts";
import { MediaLines, type RemoteVideo, type Source, type Tracks } from "./media_lines.ts";
import { Offers } from "../../../shared/sip/offers.ts";
import { kStopping, readReason } from "../../../shared/sip/reason.ts";

// `stopping`: the server ended the call since it stops.
export interface CallEnding { by: "peer" | "error"; code: number | null; reason: string | null; stopping: boolean }

export interface CallHandlers {
  accepted(info: { participantId: string | null; resumeToken: string | null }): void;
  ended(info: CallEnding): void;
  media(videos: RemoteVideo[], audio: MediaStream | null): void;
  ice(state: RTCIceConnectionState): void;
  resumeToken(token: string): void;
}

export type SendResult =
  | { ok: true; response: IncomingResponse }
  | { ok: false; code: number | null; retryAfter: number | null };

export interface CallOptions {
  target: JsSIP.URI;
  displayName: string;
  tracks: Tracks;
  resumeToken: string | null;
}

function endOf(event: EndEvent): CallEnding {
  const message = event.message as (IncomingResponse & IncomingRequest) | null;
  const code = typeof message?.status_code === "number" ? message.status_code : null;
  const by = event.originator === ("remote" as string) && code === null ? "peer" : "error";
  const { cause, text } = readReason(message?.getHeader?.("Reason"));
  return { by, code, reason: text, stopping: by === "peer" && cause === kStopping };
}

export class SipCall {
  private lines_: MediaLines | null = null;
  private readonly session_: Session;
  private readonly offers_: Offers;
  private token_: string | null;
  private answer_: IncomingResponse | null = null;
  private over_ = false;

  constructor(ua: UA, options: CallOptions, private readonly handlers_: CallHandlers) {
    this.token_ = options.resumeToken;
    const extraHeaders = [`Accept: application/sdp, ${kEventType}`];
    if (options.resumeToken !== null) extraHeaders.push(`${kResumeHeader}: ${options.resumeToken}`);
    this.session_ = call(ua, options.target, {
      mediaConstraints: { audio: false, video: false },
      pcConfig: { iceServers: [], bundlePolicy: "max-bundle" },
      fromDisplayName: options.displayName,
      extraHeaders,
      eventHandlers: {
        peerconnection: ({ peerconnection }) => this.open(peerconnection, options.tracks),
        sdp: (event) => {
          if (event.originator === ("local" as string)) event.sdp = this.lines_?.outgoing(event.sdp) ?? event.sdp;
          else this.lines_?.incoming(event.sdp);
        },
        accepted: (event: { response?: IncomingResponse }) => {
          this.answer_ = event.response ?? null;
        },
        // Not before the ACK is out: a message that overtakes it comes from nobody in the room yet.
        confirmed: () => this.accepted(this.answer_),
        ended: (event) => this.finished(event),
        failed: (event) => this.finished(event),
      },
    });
    this.offers_ = new Offers(this.session_, () => this.session_.connection);
    repairCseq(this.session_);
    refuseGlare(this.session_, () => this.offers_.pending);
    survive(this.session_, () => this.offers_.connectionLost());
  }

  get connection(): RTCPeerConnection | null {
    return this.lines_?.connection ?? null;
  }

  private open(connection: RTCPeerConnection, tracks: Tracks): void {
    const lines = new MediaLines(connection, tracks);
    this.lines_ = lines;
    watchIce(connection, (state) => {
      if (!this.over_) this.handlers_.ice(state);
    });
    const report = (): void => {
      if (!this.over_ && connection.signalingState === "stable") this.handlers_.media(lines.videos(), lines.audio());
    };
    connection.addEventListener("signalingstatechange", report);
    connection.addEventListener("track", () => queueMicrotask(report));
  }

  private accepted(response: IncomingResponse | null): void {
    if (this.over_) return;
    this.takeToken(response);
    this.handlers_.accepted({
      participantId: response?.getHeader(kParticipantHeader) ?? null, resumeToken: this.token_,
    });
  }

  private takeToken(response: IncomingResponse | null): void {
    const token = response?.getHeader(kResumeHeader);
    if (token === undefined || token === this.token_) return;
    this.token_ = token;
    this.handlers_.resumeToken(token);
  }

  private finished(event: EndEvent): void {
    if (this.over_) return;
    this.over_ = true;
    this.handlers_.ended(endOf(event));
  }

  owns(request: IncomingRequest): boolean {
    return this.session_.id === `${request.getHeader("Call-ID")}${(request as unknown as { to_tag: string }).to_tag}`;
  }

  // Sends a MESSAGE in the call's dialog.
  send(contentType: string, body: string): Promise<SendResult> {
    return new Promise((done) => {
      const fail = (response?: IncomingResponse): void => {
        const retryAfter = Number.parseInt(response?.getHeader("Retry-After") ?? "", 10);
        done({ ok: false, code: response?.status_code ?? null, retryAfter: Number.isNaN(retryAfter) ? null : retryAfter });
      };
      if (this.over_ || !this.session_.isEstablished()) return fail();
      this.session_.sendRequest("MESSAGE", {
        body,
        extraHeaders: [`Content-Type: ${contentType}`],
        eventHandlers: {
          onSuccessResponse: (response) => done({ ok: true, response }),
          onErrorResponse: fail,
          onTransportError: () => fail(),
          onRequestTimeout: () => fail(),
          onDialogError: (response) => {
            fail(response);
            this.dialogLost(response.status_code);
          },
        },
      });
    });
  }

  private dialogLost(code: number): void {
    if (this.over_) return;
    this.abandon();
    this.handlers_.ended({ by: "error", code, reason: null, stopping: false });
  }

  // Puts a track on the air, or takes it off. False: the server refused it.
  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<boolean> {
    const lines = this.lines_;
    if (lines === null || this.over_) return false;
    if (!lines.needsOffer(source, track)) {
      await lines.replace(source, track);
      return true;
    }
    const result = await this.offers_.send({}, () => lines.prepare(source, track));
    if (!result.ok && track !== null) lines.undo(source);
    this.takeToken(result.response);
    return result.ok;
  }

  hasLine(source: Source): boolean {
    return this.lines_?.hasLine(source) ?? false;
  }

  // What goes out now.
  trackOf(source: Source): MediaStreamTrack | null {
    return this.lines_?.trackOf(source) ?? null;
  }

  // Keeps JsSIP's own idea of muting in step, since it switches tracks back on when a call is taken off hold.
  setMuted(muted: boolean): void {
    if (this.over_) return;
    if (muted) this.session_.mute({ audio: true, video: false });
    else this.session_.unmute({ audio: true, video: false });
  }

  // Re-INVITE with an ICE restart, by whatever connection there is now: the token proves whose dialog it is.
  async resume(): Promise<boolean> {
    const extraHeaders = this.token_ === null ? [] : [`${kResumeHeader}: ${this.token_}`];
    const result = await this.offers_.send({ iceRestart: true, extraHeaders });
    this.takeToken(result.response);
    return result.ok;
  }

  // Asks whether the other end still answers.
  probe(patience: number): Promise<boolean> {
    return new Promise((done) => {
      if (this.over_ || !this.session_.isEstablished()) return done(false);
      setTimeout(() => done(false), patience);
      this.session_.sendRequest("OPTIONS", {
        eventHandlers: {
          onSuccessResponse: () => done(true),
          onErrorResponse: () => done(true),
          onDialogError: (response) => {
            done(true);
            this.dialogLost(response.status_code);
          },
          onTransportError: () => done(false),
          onRequestTimeout: () => done(false),
        },
      });
    });
  }

  abandon(): void {
    this.over_ = true;
    abandon(this.session_);
  }

  hangUp(): void {
    this.over_ = true;
    if (!this.session_.isEnded()) this.session_.terminate();
  }
}
