// What a tab keeps over a reload, so that the same page gets its number and its calls back.

import type { CallDirection } from "./call_types.ts";

const kKey = "parley.webphone";

export interface SavedCall {
  callId: string;
  localTag: string;
  remoteTag: string;
  token: string;
  number: string;
  displayName: string;
  direction: CallDirection;
  video: boolean;
  audio: boolean;    // the microphone was open
  muted: boolean;
}
export interface Saved {
  host: string;
  line: string;
  page: string;
  number: string;
  resume: string;
  instance: string;
  grace: number;     // seconds
  at: number;
  calls: SavedCall[];
}

export function save(data: Saved | null): void {
  try {
    if (data === null) sessionStorage.removeItem(kKey);
    else sessionStorage.setItem(kKey, JSON.stringify(data));
  } catch {
    // Storage may be forbidden; then a reload gets a new number.
  }
}

export function thisPage(): string {
  return typeof location === "undefined" ? "" : location.pathname;
}

// A tab that was duplicated or opened by this one has a copy of the storage, but was not reloaded.
function wasReloaded(): boolean {
  if (typeof performance === "undefined" || typeof performance.getEntriesByType !== "function") return false;
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return entry?.type === "reload";
}

let taken = false;

/** What the page before the reload left, once, if it is for the same place and recent. */
export function takeSaved(host: string, line: string, now: number): Saved | null {
  if (taken) return null;
  taken = true;
  try {
    const data = JSON.parse(sessionStorage.getItem(kKey) ?? "null") as Saved | null;
    save(null);
    if (data === null || !wasReloaded() || data.host !== host || data.line !== line || data.page !== thisPage()) return null;
    if (typeof data.resume !== "string" || !Array.isArray(data.calls)) return null;
    return now - data.at > (data.grace + 60) * 1000 ? null : data;
  } catch {
    return null;
  }
}

export function forgetTaken(): void {
  taken = false;
}
