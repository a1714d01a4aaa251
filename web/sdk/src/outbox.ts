// Texts on their way out of a call, in order. They wait until the call is there, and over a broken connection.

import { WebphoneError, type SentText } from "./types.ts";

export interface OutText {
  contentType: string;
  body: string;
  headers: string[];
  resolve(sent: SentText): void;
  reject(error: WebphoneError): void;
}
interface Entry extends OutText { sent: boolean }
export type Carrier = (text: OutText, answer: { ok(sent: SentText): void; refused(status: number): void; lost(): void }) => void;

const kMostWaiting = 1000;

export class Outbox {
  private entries_: Entry[] = [];

  // `ready` tells whether texts can be sent now, `carry` sends one.
  constructor(private readonly ready_: () => boolean, private readonly carry_: Carrier) {}

  add(text: OutText): void {
    if (this.entries_.length >= kMostWaiting) return text.reject(new WebphoneError("not-connected", "Too many texts are waiting."));
    this.entries_.push({ ...text, sent: false });
    this.flush();
  }

  flush(): void {
    for (const entry of [...this.entries_]) {
      if (!this.ready_()) return;
      if (entry.sent) continue;
      entry.sent = true;
      this.carry_(entry, {
        ok: (sent) => {
          if (this.take(entry)) entry.resolve(sent);
        },
        refused: (status) => {
          if (this.take(entry)) entry.reject(new WebphoneError("refused", `The text was refused: ${status}.`, status));
        },
        lost: () => {
          entry.sent = false;   // it keeps its place and goes again when the connection is back
        },
      });
    }
  }

  fail(error: WebphoneError): void {
    const left = this.entries_;
    this.entries_ = [];
    for (const entry of left) entry.reject(error);
  }

  private take(entry: Entry): boolean {
    const at = this.entries_.indexOf(entry);
    if (at >= 0) this.entries_.splice(at, 1);
    return at >= 0;
  }
}
