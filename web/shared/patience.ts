// Waiting that a page in a dialog of the browser's (confirm, prompt) does not use up: while it stands still its timers
// and what came over its socket lie waiting together, and the timers may be served first.

const kStep = 1000;

// Calls `act` after about that many milliseconds in which the page could run. The result takes it back.
export function patientTimer(milliseconds: number, act: () => void, step = kStep): () => void {
  let left = milliseconds;
  let timer: ReturnType<typeof setTimeout>;
  const wait = (): void => {
    const next = Math.min(step, left);
    left -= next;
    timer = setTimeout(() => (left > 0 ? wait() : act()), next);
  };
  wait();
  return () => clearTimeout(timer);
}
