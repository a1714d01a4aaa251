// Plays a call's sound. Browsers that want a click or key first get the sound then.

export class AudioOutput {
  private element_: HTMLAudioElement | null = null;
  private waiting_: (() => void) | null = null;

  play(stream: MediaStream, speaker: string): void {
    if (typeof Audio === "undefined") return;
    if (this.element_ === null) this.element_ = new Audio();
    if (this.element_.srcObject !== stream) this.element_.srcObject = stream;
    this.setSpeaker(speaker);
    this.start();
  }

  setSpeaker(speaker: string): void {
    const element = this.element_ as (HTMLAudioElement & { setSinkId?(id: string): Promise<void> }) | null;
    if (speaker !== "" && typeof element?.setSinkId === "function") void element.setSinkId(speaker).catch(() => undefined);
  }

  private start(): void {
    void this.element_?.play().catch((error: unknown) => {
      if (this.waiting_ !== null || !(error instanceof Error) || error.name !== "NotAllowedError") return;
      this.waiting_ = () => {
        this.stopWaiting();
        this.start();
      };
      document.addEventListener("pointerdown", this.waiting_);
      document.addEventListener("keydown", this.waiting_);
    });
  }

  private stopWaiting(): void {
    if (this.waiting_ === null) return;
    document.removeEventListener("pointerdown", this.waiting_);
    document.removeEventListener("keydown", this.waiting_);
    this.waiting_ = null;
  }

  close(): void {
    this.stopWaiting();
    if (this.element_ !== null) this.element_.srcObject = null;
    this.element_ = null;
  }
}
