// What the screens of desks have in common: where the focus is, what pops up, and that the page may sound.

import { Fragment, type RefObject, type VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

// Keeps the focus where one writes: in the chat that is shown. `changes`: with what else the element that has it may go away.
export function useFocusInChat(active: { id: string; stage: string } | null, changes: readonly number[]): RefObject<HTMLElement> {
  const main = useRef<HTMLElement>(null);
  const toChat = (): void => main.current?.querySelector<HTMLElement>("[data-focus]")?.focus({ preventScroll: true });
  useEffect(() => {
    if (active !== null) toChat();
  }, [active?.id]);
  // The messages have it where there was no field yet.
  useEffect(() => {
    if (document.activeElement?.matches(".messages") === true) toChat();
  }, [active?.stage]);
  // What had the focus is gone: a request that was answered, a button that made place for the field.
  useEffect(() => {
    if (document.activeElement === null || document.activeElement === document.body) toChat();
  }, [active?.stage, ...changes]);
  return main;
}

// The first click or key lets the page sound, after a reload too.
export function useSounds(sounds: { prepare(): void }): void {
  useEffect(() => {
    const prepare = (): void => sounds.prepare();
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, prepare, { once: true });
    return () => {
      for (const name of ["pointerdown", "keydown"]) document.removeEventListener(name, prepare);
    };
  }, [sounds]);
}

export function PoppedUp({ toasts, spoken }: { toasts: readonly { key: number; text: string }[]; spoken: string }): VNode {
  return (
    <Fragment>
      <div class="toasts" role="status">
        {toasts.map(({ key, text }) => <p key={key} class="toast" data-testid="toast">{text}</p>)}
      </div>
      <div class="unseen" aria-live="assertive">{spoken}</div>
    </Fragment>
  );
}
