// What the page remembers: choices over visits (localStorage), the call in progress over a reload (sessionStorage).

import { readStored, writeStored } from "../../shared/storage.ts";

const kCallKey = "parley.call";
const kChoicesKey = "parley.choices";
const kFreshFor = 60_000;

export interface SavedCall { room: string; name: string; token: string | null; mic: boolean; camera: boolean; at: number }
export interface Choices { name: string; micId: string; cameraId: string }

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function saveCall(call: SavedCall | null): void {
  writeStored(() => sessionStorage, kCallKey, call);
}

// The call that a reload of this tab interrupted; null for a tab that was opened or duplicated.
export function interruptedCall(): SavedCall | null {
  const data = readStored(() => sessionStorage, kCallKey);
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const at = typeof data["at"] === "number" ? data["at"] : 0;
  const room = text(data["room"]);
  if (room === "" || navigation?.type !== "reload" || Date.now() - at > kFreshFor) {
    saveCall(null);
    return null;
  }
  const token = text(data["token"]);
  return { room, name: text(data["name"]), token: token === "" ? null : token, mic: data["mic"] === true,
           camera: data["camera"] === true, at };
}

export function loadChoices(): Choices {
  const data = readStored(() => localStorage, kChoicesKey);
  return { name: text(data["name"]), micId: text(data["micId"]), cameraId: text(data["cameraId"]) };
}

export function saveChoices(choices: Choices): void {
  writeStored(() => localStorage, kChoicesKey, choices);
}
