// A handler of the old kind: one per event, a new one replaces it, and it is never called from inside the call that
// registered it or that caused the event.

import { reportError } from "../emitter.ts";

/** A function that a program registers; registering another, or null, takes its place. */
export type Handler<Values extends unknown[]> = ((...values: Values) => void) | null | undefined;

/** @internal */
export function later(act: () => void): void {
  setTimeout(act, 0);
}

/** @internal */
export class Slot<Values extends unknown[]> {
  private handler_: Handler<Values> = null;
  private waiting_: Values[] = [];

  // `keep`: how many events wait for the first handler.
  constructor(private readonly keep_: number) {}

  set(handler: Handler<Values>): void {
    this.handler_ = typeof handler === "function" ? handler : null;
    if (this.handler_ !== null) for (let i = 0; i < this.waiting_.length; i++) later(() => this.deliver());
  }

  fire(...values: Values): void {
    this.waiting_.push(values);
    if (typeof this.handler_ === "function") later(() => this.deliver());
    else if (this.waiting_.length > this.keep_) this.waiting_.shift();
  }

  drop(): void {
    this.waiting_ = [];
  }

  private deliver(): void {
    if (typeof this.handler_ !== "function") return;
    const values = this.waiting_.shift();
    if (values === undefined) return;
    try {
      this.handler_(...values);
    } catch (error) {
      reportError(error);
    }
  }
}
