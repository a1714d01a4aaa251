// Sends this side's re-INVITEs of one call, one at a time, each when JsSIP and the connection are ready for it.

import type { IncomingResponse } from "jssip/lib/SIPMessage";
import { patientTimer } from "../patience.ts";
import { reinvite, type Session } from "./jssip_fixes.ts";

const kPatience = 20_000;  // milliseconds to wait for readiness and for the answer
const kPoll = 50;
const kGlareTries = 5;     // JsSIP itself tries twice, a second apart, in each of them

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

// RFC 3261 section 14.1, in milliseconds: who placed the call waits longer, so that the two don't meet again.
function glareDelay(placed: boolean): number {
  return placed ? 2100 + 10 * Math.floor(Math.random() * 191) : 10 * Math.floor(Math.random() * 201);
}

export interface OfferResult { ok: boolean; response: IncomingResponse | null }
export interface OfferOptions { iceRestart?: boolean; extraHeaders?: string[] }

export class Offers {
  private queue_: Promise<unknown> = Promise.resolve();
  private pending_ = false;
  private fail_: (() => void) | null = null;

  constructor(private readonly session_: Session, private readonly connection_: () => RTCPeerConnection,
              private readonly glareDelay_: (placed: boolean) => number = glareDelay) {}

  // True from the moment an offer is being made until it is answered.
  get pending(): boolean {
    return this.pending_;
  }

  // The connection broke: no answer will come to what is under way.
  connectionLost(): void {
    this.fail_?.();
  }

  // Renegotiates; `prepare` changes the connection's transceivers once it is this offer's turn.
  send(options: OfferOptions = {}, prepare?: () => void): Promise<OfferResult> {
    const result = this.queue_.then(() => this.run(options, prepare));
    this.queue_ = result.catch(() => undefined);
    return result;
  }

  private async run(options: OfferOptions, prepare?: () => void): Promise<OfferResult> {
    if (!(await this.becomesReady())) return { ok: false, response: null };
    this.pending_ = true;
    try {
      prepare?.();
      for (let tried = 1;; ++tried) {
        const result = await this.attempt(options);
        if (result.ok) return result;
        await this.rollBack();
        // Glare: the server's own offer was on its way. It is refused as long as this one is pending, so it is this one's turn.
        if (result.response?.status_code !== 491 || tried === kGlareTries) return result;
        await pause(this.glareDelay_(this.session_.direction === "outgoing"));
        if (!(await this.becomesReady())) return result;
      }
    } finally {
      this.pending_ = false;
    }
  }

  private async becomesReady(): Promise<boolean> {
    for (let waited = 0; !this.ready(); waited += kPoll) {
      if (waited >= kPatience || this.session_.isEnded()) return false;
      await pause(kPoll);
    }
    return true;
  }

  private async attempt(options: OfferOptions): Promise<OfferResult> {
    const stop = patientTimer(kPatience, () => this.fail_?.());
    try {
      return await this.offer(options);
    } finally {
      stop();
      if (this.fail_ !== null) this.session_.removeListener("ended", this.fail_);
      this.fail_ = null;
    }
  }

  private ready(): boolean {
    return this.session_.isEstablished() && this.session_.isReadyToReOffer() &&
      this.connection_().signalingState === "stable";
  }

  private offer(options: OfferOptions): Promise<OfferResult> {
    return new Promise((done) => {
      this.fail_ = () => done({ ok: false, response: null });
      this.session_.on("ended", this.fail_);
      reinvite(this.session_, {
        extraHeaders: options.extraHeaders ?? [],
        rtcOfferConstraints: options.iceRestart === true ? { iceRestart: true } : null,
        eventHandlers: {
          succeeded: (response) => done({ ok: true, response }),
          failed: (response) => done({ ok: false, response: response ?? null }),
        },
      });
    });
  }

  private async rollBack(): Promise<void> {
    const connection = this.connection_();
    if (connection.signalingState !== "have-local-offer") return;
    try {
      await connection.setLocalDescription({ type: "rollback" });
    } catch {
      // The connection was closed meanwhile: nothing is left to take back.
    }
  }
}
