// A subscription (RFC 6665) that is kept: JsSIP's own ends at the first error, and is then made anew.

import type * as JsSIP from "jssip";
import { dropSubscription, subscribe, type Subscriber, type UA } from "./sip.ts";

const kFirstPause = 1000;
const kLongestPause = 30_000;

export class Subscription {
  private subscriber_: Subscriber | null = null;
  private timer_: ReturnType<typeof setTimeout> | null = null;
  private failures_ = 0;
  private refreshed_ = 0;
  private closed_ = false;

  constructor(private readonly ua_: UA, private readonly target_: JsSIP.URI, private readonly event_: string,
              private readonly type_: string, private readonly take_: (body: string) => void) {
    this.begin();
  }

  private begin(): void {
    const subscriber = subscribe(this.ua_, this.target_ as unknown as string, this.event_, this.type_);
    this.subscriber_ = subscriber;
    subscriber.on("notify", (_final, _request, body) => {
      if (this.closed_) return;
      this.failures_ = 0;
      this.take_(body);
    });
    subscriber.on("terminated", () => {
      if (this.subscriber_ !== subscriber) return;
      this.subscriber_ = null;
      if (this.closed_) return;
      this.timer_ = setTimeout(() => {
        if (!this.closed_ && this.ua_.isConnected()) this.begin();
      }, Math.min(kLongestPause, kFirstPause * 2 ** this.failures_++));
    });
    subscriber.subscribe();
  }

  // Asks for the full state, at most once a second.
  refresh(): void {
    const now = Date.now();
    if (this.subscriber_ === null || now - this.refreshed_ < 1000) return;
    this.refreshed_ = now;
    this.subscriber_.subscribe();
  }

  // On this side alone: the server drops it with the registration.
  close(): void {
    this.closed_ = true;
    if (this.timer_ !== null) clearTimeout(this.timer_);
    const subscriber = this.subscriber_;
    this.subscriber_ = null;
    if (subscriber !== null) dropSubscription(subscriber);
  }
}
