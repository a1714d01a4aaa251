// What the page remembers: name and choices over visits (localStorage), the chats of this tab over a reload
// (sessionStorage, bounded).

import { fieldsOf } from "../../shared/json.ts";
import { readStored, writeStored } from "../../shared/storage.ts";
import type { Entry, Log } from "./log.ts";
import { unsettled } from "./log.ts";

const kChoicesKey = "parley.livechat";
const kSessionKey = "parley.livechat.tab";
const kMostChats = 40;
const kMostKept = 200;             // entries of one chat
const kMostCharacters = 400_000;   // of all chats together
const kSessionVersion = 1;

export interface Choices { name: string; sound: boolean; microphone: string; camera: string; speaker: string }
export interface SavedChat {
  kind: "private" | "room";
  number: string;
  name: string;
  log: Log;
  draft: string;
  unread: number;
  voice: boolean;      // the microphone was on, muted or not; in a room: voices were heard
  held: boolean;
}
export interface SavedTab { name: string; active: string | null; chats: SavedChat[] }

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function loadChoices(): Choices {
  const data = readStored(() => localStorage, kChoicesKey);
  return {
    name: text(data["name"]), sound: data["sound"] !== false,
    microphone: text(data["microphone"]), camera: text(data["camera"]), speaker: text(data["speaker"]),
  };
}

export function saveChoices(choices: Choices): void {
  writeStored(() => localStorage, kChoicesKey, choices);
}

const sizeOf = (entry: Entry): number => entry.text.length + 200;

// The last entries of the last chats, as many as there is room for; the newest chats come first.
export function bounded(chats: readonly SavedChat[]): SavedChat[] {
  const kept = chats.slice(0, kMostChats);
  const share = Math.floor(kMostCharacters / Math.max(1, kept.length));
  return kept.map((chat) => {
    const log: Entry[] = [];
    let left = share;
    for (let i = chat.log.length - 1; i >= 0 && log.length < kMostKept; i--) {
      const entry = chat.log[i] as Entry;
      left -= sizeOf(entry);
      if (left < 0) break;
      log.unshift(entry);
    }
    return { ...chat, log, draft: chat.draft.slice(0, 20_000) };
  });
}

function readEntry(value: unknown): Entry | null {
  const data = fieldsOf(value);
  const [key, said, at] = [text(data["key"]), text(data["text"]), data["at"]];
  if (key === "" || typeof at !== "number") return null;
  if (data["kind"] === "notice") return { kind: "notice", key, text: said, at };
  const delivery = data["delivery"];
  if (data["kind"] !== "text" || (delivery !== "sending" && delivery !== "sent" && delivery !== "failed")) return null;
  const orNull = (name: string): string | null => (typeof data[name] === "string" ? (data[name] as string) : null);
  return {
    kind: "text", key, mine: data["mine"] === true, participant: orNull("participant"), name: text(data["name"]), text: said, at,
    sequence: typeof data["sequence"] === "number" ? data["sequence"] : null, messageId: orNull("messageId"), delivery, error: orNull("error"),
  };
}

export function readTab(value: unknown): SavedTab | null {
  const data = fieldsOf(value);
  if (data["version"] !== kSessionVersion || !Array.isArray(data["chats"])) return null;
  const chats = data["chats"].slice(0, kMostChats).map((each: unknown): SavedChat | null => {
    const chat = fieldsOf(each);
    if ((chat["kind"] !== "private" && chat["kind"] !== "room") || text(chat["number"]) === "") return null;
    const log = (Array.isArray(chat["log"]) ? chat["log"] : []).map(readEntry).filter((entry): entry is Entry => entry !== null);
    return {
      kind: chat["kind"], number: text(chat["number"]), name: text(chat["name"]), log: unsettled(log), draft: text(chat["draft"]),
      unread: typeof chat["unread"] === "number" ? chat["unread"] : 0, voice: chat["voice"] === true, held: chat["held"] === true,
    };
  }).filter((each): each is SavedChat => each !== null);
  const active = data["active"];
  return { name: text(data["name"]), active: typeof active === "string" ? active : null, chats };
}

export function saveTab(tab: SavedTab | null, key = kSessionKey): void {
  writeStored(() => sessionStorage, key, tab === null ? null : { version: kSessionVersion, ...tab, chats: bounded(tab.chats) });
}

// The chats that a reload of this tab interrupted; null for a tab that was opened or duplicated.
export function takeTab(key = kSessionKey): SavedTab | null {
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const tab = navigation?.type === "reload" ? readTab(readStored(() => sessionStorage, key)) : null;
  saveTab(null, key);
  return tab;
}
