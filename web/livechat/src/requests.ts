// Requests of others that wait for an answer.

import type { Call } from "../../sdk/src/index.ts";
import type { Kind, Request } from "./types.ts";

const kMostWaiting = 20;
const kBusy = 486;

export interface RequestHost {
  ownNumber(): string;
  nameOf(call: Call): string;
  askedHere(number: string): boolean;             // this side asked that number, and waits
  take(call: Call, kind: Kind): void;             // accepted
  changed(requests: Request[]): void;
  missed(name: string): void;                     // taken back, or nobody answered
}

interface Waiting { request: Request; call: Call; hidden: boolean }

export class Requests {
  private waiting_: Waiting[] = [];
  private ids_ = 0;

  constructor(private readonly host_: RequestHost) {}

  add(call: Call): void {
    if (this.waiting_.length >= kMostWaiting || this.waiting_.some((each) => each.request.number === call.number)) return call.reject(kBusy);
    const request: Request = { id: `q${++this.ids_}`, number: call.number, name: this.host_.nameOf(call), video: call.video, at: Date.now() };
    const waiting: Waiting = { request, call, hidden: false };
    call.on("ended", ({ local }) => {
      if (!this.drop(waiting)) return;
      if (!local && !waiting.hidden) this.host_.missed(request.name);
    });
    this.waiting_.push(waiting);
    if (this.host_.askedHere(call.number)) {
      // Both asked at once. One of the two requests is taken, by the same rule at both ends: that of the lower number.
      if (call.number < this.host_.ownNumber()) return this.accept(request.id, "text");
      waiting.hidden = true;
    }
    this.tell();
  }

  accept(id: string, kind: Kind): void {
    const waiting = this.waiting_.find(({ request }) => request.id === id);
    if (waiting === undefined || !this.drop(waiting)) return;
    this.host_.take(waiting.call, kind);
  }

  refuse(id: string): void {
    const waiting = this.waiting_.find(({ request }) => request.id === id);
    if (waiting !== undefined && this.drop(waiting)) waiting.call.reject();
  }

  // The request of this side to that number is over: the other's, if it is still there, is shown now.
  freed(number: string): void {
    const waiting = this.waiting_.find(({ request, hidden }) => hidden && request.number === number);
    if (waiting === undefined) return;
    waiting.hidden = false;
    this.tell();
  }

  clear(): void {
    this.waiting_ = [];
    this.tell();
  }

  private drop(waiting: Waiting): boolean {
    if (!this.waiting_.includes(waiting)) return false;
    this.waiting_ = this.waiting_.filter((each) => each !== waiting);
    this.tell();
    return true;
  }

  private tell(): void {
    this.host_.changed(this.waiting_.filter(({ hidden }) => !hidden).map(({ request }) => request));
  }
}
