// Plays the sound of one chat. Browsers that want a click or key first get the sound then.

export class Player {
  private readonly element_ = new Audio();
  private readonly again_ = (): void => this.start();

  constructor() {
    this.element_.dataset["testid"] = "chat-audio";
    document.body.append(this.element_);
  }

  // `stream` null: silence.
  play(stream: MediaStream | null, speaker: string): void {
    if (this.element_.srcObject !== stream) this.element_.srcObject = stream;
    const element = this.element_ as HTMLAudioElement & { setSinkId?(id: string): Promise<void>; sinkId?: string };
    if (typeof element.setSinkId === "function" && element.sinkId !== speaker) void element.setSinkId(speaker).catch(() => undefined);
    this.start();
  }

  close(): void {
    this.stopWaiting();
    this.element_.srcObject = null;
    this.element_.remove();
  }

  private start(): void {
    this.stopWaiting();
    if (this.element_.srcObject === null) return;
    void this.element_.play().catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== "NotAllowedError") return;
      document.addEventListener("pointerdown", this.again_);
      document.addEventListener("keydown", this.again_);
    });
  }

  private stopWaiting(): void {
    document.removeEventListener("pointerdown", this.again_);
    document.removeEventListener("keydown", this.again_);
  }
}
