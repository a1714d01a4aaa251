// What was said in a chat, and what happened in it. Pure: every function returns a new log.

export type Delivery = "sending" | "sent" | "failed";

export interface TextEntry {
  kind: "text";
  key: string;
  mine: boolean;
  participant: string | null;   // who said it, in a room
  name: string;
  text: string;
  at: number;                   // milliseconds since 1970
  sequence: number | null;      // its place in a room's order
  messageId: string | null;
  delivery: Delivery;
  error: string | null;
}
export interface NoticeEntry { kind: "notice"; key: string; text: string; at: number }
export type Entry = TextEntry | NoticeEntry;
export type Log = readonly Entry[];

export const kMostEntries = 1000;

const sequenceOf = (entry: Entry): number | null => (entry.kind === "text" ? entry.sequence : null);

// An entry with a number goes before the first one that has a higher number; all others to the end.
export function add(log: Log, entry: Entry): Log {
  if (entry.kind === "text" && entry.messageId !== null && log.some((each) => each.kind === "text" && each.messageId === entry.messageId)) return log;
  const sequence = sequenceOf(entry);
  let at = log.length;
  for (let i = log.length - 1; sequence !== null && i >= 0; i--) {
    const other = sequenceOf(log[i] as Entry);
    if (other === null) continue;
    if (other <= sequence) break;
    at = i;
  }
  const next = [...log.slice(0, at), entry, ...log.slice(at)];
  return next.length > kMostEntries ? next.slice(next.length - kMostEntries) : next;
}

// Changes what is known of one's own text. A number that it has now may move it.
export function settle(log: Log, key: string, fields: Partial<Omit<TextEntry, "kind" | "key">>): Log {
  const known = log.find((each) => each.key === key);
  if (known === undefined || known.kind !== "text") return log;
  const changed: TextEntry = { ...known, ...fields };
  if (changed.sequence === null || changed.sequence === known.sequence) return log.map((each) => (each.key === key ? changed : each));
  return add(log.filter((each) => each.key !== key), changed);
}

// What was on its way when the page was closed: nobody knows any more.
export function unsettled(log: Log): Log {
  return log.map((each) => (each.kind === "text" && each.delivery === "sending"
    ? { ...each, delivery: "failed" as const, error: "The page was closed before this was confirmed." } : each));
}

// A room that was empty counts anew: what was said before has no place in its order any more.
export function withoutOrder(log: Log): Log {
  return log.map((each) => (each.kind === "text" && each.sequence !== null ? { ...each, sequence: null } : each));
}

const kGroupWithin = 3 * 60_000;

// Whether an entry goes under the same head (name and time) as the one before it.
export function follows(log: Log, at: number): boolean {
  const [entry, before] = [log[at], log[at - 1]];
  return entry?.kind === "text" && before?.kind === "text" && before.mine === entry.mine && before.name === entry.name &&
    before.participant === entry.participant && Math.abs(entry.at - before.at) < kGroupWithin;
}

export function preview(log: Log): string {
  for (let i = log.length - 1; i >= 0; i--) {
    const entry = log[i] as Entry;
    if (entry.kind === "text") return `${entry.mine ? "You: " : ""}${entry.text.slice(0, 200).replace(/\s+/g, " ")}`;
  }
  return "";
}
