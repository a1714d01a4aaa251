// "Is writing" notices, RFC 3994. Pure but for timers.

const kType = "application/im-iscomposing+xml";
const kRefresh = 90;        // seconds, section 3.2: at least 60
const kIdleAfter = 15_000;  // milliseconds without a key, section 3.2
const kDefaultRefresh = 120;
const kLongestRefresh = 600;

export const kTypingType = kType;

export function typingBody(active: boolean): string {
  const state = active ? "active" : "idle";
  const refresh = active ? `<refresh>${kRefresh}</refresh>` : "";
  return `<?xml version="1.0" encoding="UTF-8"?>\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">` +
    `<state>${state}</state><contenttype>text/plain</contenttype>${refresh}</isComposing>`;
}

export function readTyping(body: string): { active: boolean; refreshSeconds: number } | null {
  const state = /<(?:[\w.-]+:)?state>\s*([\w-]+)\s*</.exec(body)?.[1];
  if (state === undefined) return null;
  const refresh = Number.parseInt(/<(?:[\w.-]+:)?refresh>\s*(\d{1,6})\s*</.exec(body)?.[1] ?? "", 10);
  return {
    active: state === "active",   // section 3.3: every state that isn't known counts as idle
    refreshSeconds: Math.min(kLongestRefresh, Number.isNaN(refresh) || refresh < 1 ? kDefaultRefresh : refresh),
  };
}

// Says when a notice is due: `keyPressed` at each key, `sent` when the text itself goes.
export class TypingSender {
  private active_ = false;
  private toldAt_ = 0;
  private timer_: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly tell_: (active: boolean) => void) {}

  keyPressed(now: number): void {
    if (!this.active_ || now - this.toldAt_ > (kRefresh - 15) * 1000) {
      this.active_ = true;
      this.toldAt_ = now;
      this.tell_(true);
    }
    if (this.timer_ !== null) clearTimeout(this.timer_);
    this.timer_ = setTimeout(() => this.stopped(), kIdleAfter);
  }

  stopped(): void {
    if (this.active_) this.tell_(false);
    this.sent();
  }

  // The text itself ends the composing at the receiver, section 3.3.
  sent(): void {
    this.active_ = false;
    if (this.timer_ !== null) clearTimeout(this.timer_);
    this.timer_ = null;
  }
}

// Who is writing, as far as told; a notice that is not renewed runs out.
export class TypingReceiver<Who> {
  private readonly timers_ = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly report_: (who: Who, active: boolean) => void) {}

  take(key: string, who: Who, body: string): void {
    const notice = readTyping(body);
    if (notice === null) return;
    if (!notice.active) return this.idle(key, who);
    const known = this.timers_.get(key);
    if (known !== undefined) clearTimeout(known);
    this.timers_.set(key, setTimeout(() => this.idle(key, who), notice.refreshSeconds * 1000));
    if (known === undefined) this.report_(who, true);
  }

  idle(key: string, who: Who): void {
    const timer = this.timers_.get(key);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.timers_.delete(key);
    this.report_(who, false);
  }

  close(): void {
    for (const timer of this.timers_.values()) clearTimeout(timer);
    this.timers_.clear();
  }
}
