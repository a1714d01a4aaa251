// Typed events. A listener that throws does not keep the others from being called.

/** The function that `on` gives back; calling it takes the listener off again. */
export type Unsubscribe = () => void;

/** Something that reports events; `Events` maps each event's name to what its listeners get. */
export class Emitter<Events extends object> {
  private readonly listeners_ = new Map<keyof Events, Set<(data: never) => void>>();

  /** Calls the listener at each such event from now on. */
  on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): Unsubscribe {
    let set = this.listeners_.get(name);
    if (set === undefined) this.listeners_.set(name, set = new Set());
    set.add(listener);
    this.listened(name);
    return () => this.off(name, listener);
  }

  /** Calls the listener at the next such event only. */
  once<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): Unsubscribe {
    const off = this.on(name, (data) => {
      off();
      listener(data);
    });
    return off;
  }

  /** Takes a listener off. */
  off<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): void {
    this.listeners_.get(name)?.delete(listener);
  }

  /** @internal */
  protected hasListener(name: keyof Events): boolean {
    return (this.listeners_.get(name)?.size ?? 0) > 0;
  }

  /** @internal */
  protected listened(_name: keyof Events): void {}

  /** @internal */
  protected emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
    for (const listener of [...(this.listeners_.get(name) ?? [])]) {
      try {
        (listener as (data: Events[Name]) => void)(data);
      } catch (error) {
        reportError(error);
      }
    }
  }
}

// As an uncaught error of the page's own: it shows in the console and reaches window.onerror.
/** @internal */
export function reportError(error: unknown): void {
  setTimeout(() => {
    throw error;
  }, 0);
}
