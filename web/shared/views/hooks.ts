// Ties the stores and the browser to views.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";
import { LevelMeter } from "../level_meter.ts";
import type { Store } from "../store.ts";
import type { Size } from "../layout.ts";

export function useStore<State extends object>(store: Store<State>): State {
  const [state, setState] = useState(store.state);
  useLayoutEffect(() => {
    setState(store.state);
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
}

export function useSize(target: RefObject<HTMLElement>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = target.current;
    if (element === null) return undefined;
    const read = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, [target]);
  return size;
}

// Calls back with the level of a microphone on every frame, and with 0 when there is none.
export function useLevel(track: MediaStreamTrack | null, onLevel: (level: number) => void): void {
  const callback = useRef(onLevel);
  callback.current = onLevel;
  useEffect(() => {
    if (track === null) {
      callback.current(0);
      return undefined;
    }
    let meter: LevelMeter;
    try {
      meter = new LevelMeter(track);
    } catch {
      return undefined;
    }
    let frame = 0;
    const read = (): void => {
      callback.current(meter.level());
      frame = requestAnimationFrame(read);
    };
    read();
    return () => {
      cancelAnimationFrame(frame);
      meter.close();
    };
  }, [track]);
}

// Whether one's own voice is heard, with a little hysteresis.
export function useTalking(track: MediaStreamTrack | null, on: boolean): boolean {
  const [talking, setTalking] = useState(false);
  const last = useRef(0);
  useLevel(on ? track : null, (level) => {
    const now = performance.now();
    if (level > 0.45) last.current = now;
    setTalking(last.current > 0 && now - last.current < 600);
  });
  return talking && on;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const read = (): void => setMatches(list.matches);
    read();
    list.addEventListener("change", read);
    return () => list.removeEventListener("change", read);
  }, [query]);
  return matches;
}
