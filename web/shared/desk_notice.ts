// What a visitor's widget and an agent's page tell each other in the call beside texts. Others ignore it.
// What comes is checked: the other side may be anybody's program.

import { cleanName } from "./text.ts";

export const kDeskType = "application/vnd.parley.desk+json";
const kLongest = 60_000;          // characters
const kMostEntries = 100;
const kLongestText = 4000;

export interface TranscriptEntry { mine: boolean; name: string; text: string; at: number }
export type DeskNotice =
  | { type: "here"; name: string }                         // an agent's page: who is here now
  | { type: "transfer"; to: string }                       // an agent's page: the visitor is being put through
  | { type: "transcript"; entries: TranscriptEntry[] };    // a widget, to an agent who came later: what was said before

export function deskNotice(notice: DeskNotice): string {
  return JSON.stringify(notice);
}

// The last ones, as many as a message can hold.
export function transcriptOf(entries: readonly TranscriptEntry[]): DeskNotice {
  const kept: TranscriptEntry[] = [];
  let left = kLongest / 4;        // characters may take several bytes, and quotes
  for (const each of entries.slice(-kMostEntries).reverse()) {
    const text = each.text.slice(0, kLongestText);
    left -= text.length + each.name.length + 60;
    if (left < 0) break;
    kept.unshift({ ...each, text });
  }
  return { type: "transcript", entries: kept };
}

type Fields = Record<string, unknown>;

function entryOf(value: unknown): TranscriptEntry | null {
  if (typeof value !== "object" || value === null) return null;
  const { mine, name, text, at } = value as Fields;
  if (typeof name !== "string" || typeof text !== "string" || typeof at !== "number" || !Number.isFinite(at) || Math.abs(at) > 8e15) return null;
  return { mine: mine === true, name: cleanName(name), text: text.slice(0, kLongestText), at };
}

export function readDeskNotice(contentType: string, body: string): DeskNotice | null {
  if (contentType !== kDeskType || body.length > kLongest) return null;
  let data: Fields | null;
  try {
    data = JSON.parse(body) as Fields | null;
  } catch {
    return null;
  }
  if (typeof data !== "object" || data === null) return null;
  const text = (key: string): string => (typeof data[key] === "string" ? cleanName(data[key]) : "");
  switch (data["type"]) {
    case "here": return { type: "here", name: text("name") };
    case "transfer": return { type: "transfer", to: text("to") };
    case "transcript": {
      const list: unknown[] = Array.isArray(data["entries"]) ? data["entries"].slice(0, kMostEntries) : [];
      return { type: "transcript", entries: list.map(entryOf).filter((each): each is TranscriptEntry => each !== null) };
    }
    default: return null;
  }
}
