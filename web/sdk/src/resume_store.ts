// What a tab keeps over a reload, so that the same page gets its number and its calls back.

import type { CallDirection } from "./call_types.ts";

const kKeys = { page: "parley.webphone", tab: "parley.webphone.tab" };

/** `page`: a reload of the same page alone; `tab`: whatever page of the site the tab shows next. */
export type ResumeMode = keyof typeof kKeys;

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
  heldHere: boolean;
  heldThere: boolean;
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
  left?: boolean;    // written when the page was left: a copy of the storage in another tab does not say so
}

export function save(data: Saved | null, mode: ResumeMode = "page"): void {
  try {
    if (data === null) sessionStorage.removeItem(kKeys[mode]);
    else sessionStorage.setItem(kKeys[mode], JSON.stringify(data));
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
export function takeSaved(host: string, line: string, now: number, mode: ResumeMode = "page"): Saved | null {
  if (taken) return null;
  taken = true;
  try {
    const data = JSON.parse(sessionStorage.getItem(kKeys[mode]) ?? "null") as Saved | null;
    if (mode === "page") save(null);   // else the next page may need it, when this one is left before it is connected
    if (data === null || data.host !== host || data.line !== line) return null;
    if (mode === "tab" ? data.left !== true : !wasReloaded() || data.page !== thisPage()) return null;
    if (typeof data.resume !== "string" || !Array.isArray(data.calls)) return null;
    return now - data.at > (data.grace + 60) * 1000 ? null : data;
  } catch {
    return null;
  }
}

export function forgetTaken(): void {
  taken = false;
}
