// Sends this side's re-INVITEs of one call, one at a time, each when JsSIP and the connection are ready for it.

import type { IncomingResponse } from "jssip/lib/SIPMessage";
import { patientTimer } from "../patience.ts";
import { reinvite, type Session } from "./jssip_fixes.ts";

const kPatience = 20_000;  // milliseconds to wait for readiness and for the answer
const kPoll = 50;

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export interface OfferResult { ok: boolean; response: IncomingResponse | null }
export interface OfferOptions { iceRestart?: boolean; extraHeaders?: string[] }

export class Offers {
  private queue_: Promise<unknown> = Promise.resolve();
  private pending_ = false;
  private fail_: (() => void) | null = null;

  constructor(private readonly session_: Session, private readonly connection_: () => RTCPeerConnection) {}

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
    const failed: OfferResult = { ok: false, response: null };
    for (let waited = 0; !this.ready(); waited += kPoll) {
      if (waited >= kPatience || this.session_.isEnded()) return failed;
      await pause(kPoll);
    }
    this.pending_ = true;
    const stop = patientTimer(kPatience, () => this.fail_?.());
    try {
      prepare?.();
      const result = await this.offer(options);
      if (!result.ok) await this.rollBack();
      return result;
    } finally {
      stop();
      this.pending_ = false;
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
