// The chat over a reload, or on to another page of the site, in the tab's session storage. Storage may be forbidden or full.

import { bounded, readTab, type SavedChat } from "../../livechat/src/memory.ts";
import { kStorageKey } from "./hook.ts";

export interface SavedVisit {
  chat: SavedChat;
  open: boolean;             // the window
  over: boolean;             // the chat is over, and still shown
  agent: string | null;
  agents: number;            // who have been here
}

const kVersion = 1;

// `left`: the page is being left. A copy of the storage in another tab does not say so.
export function saveVisit(visit: SavedVisit | null, left: boolean): void {
  try {
    if (visit === null) sessionStorage.removeItem(kStorageKey);
    else sessionStorage.setItem(kStorageKey, JSON.stringify({ ...visit, chats: bounded([visit.chat]), chat: null, version: kVersion, left }));
  } catch {
    // Not remembered, that is all.
  }
}

export function readVisit(text: string): SavedVisit | null {
  try {
    const data = JSON.parse(text) as Record<string, unknown> | null;
    const chat = readTab(data)?.chats[0];
    if (typeof data !== "object" || data === null || chat === undefined || data["left"] !== true) return null;
    const { agent, agents } = data;
    return { chat, open: data["open"] === true, over: data["over"] === true, agent: typeof agent === "string" ? agent : null, agents: typeof agents === "number" ? agents : 0 };
  } catch {
    return null;
  }
}

// What the page before left.
export function takeVisit(): SavedVisit | null {
  try {
    const visit = readVisit(sessionStorage.getItem(kStorageKey) ?? "null");
    sessionStorage.removeItem(kStorageKey);
    return visit;
  } catch {
    return null;
  }
}
