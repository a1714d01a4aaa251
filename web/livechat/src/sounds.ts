// The page's sounds, made of tones. Browsers let a page sound after a click or key in it; before, it is silent.

const kRingEvery = 3000;   // milliseconds

export class Sounds {
  private context_: AudioContext | null = null;
  private ring_: ReturnType<typeof setInterval> | null = null;

  constructor(public on: boolean) {}

  // To be called in a click or key.
  prepare(): void {
    if (typeof AudioContext === "undefined") return;
    this.context_ ??= new AudioContext();
    void this.context_.resume().catch(() => undefined);
  }

  message(): void {
    this.play([[660, 0], [880, 0.09]]);
  }

  // Somebody has begun to wait.
  arrival(): void {
    this.play([[523, 0], [659, 0.13], [784, 0.26]]);
  }

  // Rings until told otherwise.
  ring(wanted: boolean): void {
    if (!wanted) {
      if (this.ring_ !== null) clearInterval(this.ring_);
      this.ring_ = null;
    } else if (this.ring_ === null) {
      const once = (): void => this.play([[587, 0], [740, 0.14], [880, 0.28], [740, 0.42]]);
      once();
      this.ring_ = setInterval(once, kRingEvery);
    }
  }

  private play(notes: [frequency: number, after: number][]): void {
    const context = this.context_;
    if (!this.on || context === null || context.state !== "running") return;
    for (const [frequency, after] of notes) {
      const begin = context.currentTime + after;
      const tone = new OscillatorNode(context, { frequency, type: "sine" });
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.setValueAtTime(0, begin);
      volume.gain.linearRampToValueAtTime(0.12, begin + 0.012);
      volume.gain.exponentialRampToValueAtTime(0.0005, begin + 0.22);
      tone.connect(volume).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 0.25);
    }
  }
}
