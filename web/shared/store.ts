// A value that listeners are told about. Changes made in one turn of the event loop are told together.

export class Store<State extends object> {
  private readonly listeners_ = new Set<() => void>();
  private told_ = true;

  constructor(private state_: State) {}

  get state(): State {
    return this.state_;
  }

  set(fields: Partial<State>): void {
    this.state_ = { ...this.state_, ...fields };
    if (!this.told_) return;
    this.told_ = false;
    queueMicrotask(() => {
      this.told_ = true;
      for (const listener of [...this.listeners_]) listener();
    });
  }

  subscribe(listener: () => void): () => void {
    this.listeners_.add(listener);
    return () => void this.listeners_.delete(listener);
  }
}
