// How loud a microphone is right now: 0 (silence) to 1.

export class LevelMeter {
  private readonly context_: AudioContext;
  private readonly analyser_: AnalyserNode;
  private readonly source_: MediaStreamAudioSourceNode;
  private readonly samples_: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.context_ = new AudioContext();
    this.analyser_ = this.context_.createAnalyser();
    this.analyser_.fftSize = 1024;
    this.samples_ = new Float32Array(this.analyser_.fftSize);
    this.source_ = this.context_.createMediaStreamSource(new MediaStream([track]));
    this.source_.connect(this.analyser_);
    void this.context_.resume().catch(() => undefined);
  }

  level(): number {
    this.analyser_.getFloatTimeDomainData(this.samples_);
    let sum = 0;
    for (const sample of this.samples_) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.samples_.length + 1e-10);
    return Math.min(1, Math.max(0, (decibels + 60) / 50));
  }

  close(): void {
    this.source_.disconnect();
    void this.context_.close().catch(() => undefined);
  }
}
