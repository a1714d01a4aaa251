// The chat as it is shown. The server numbers the messages of a room (Parley-Sequence): all pages show one order.

export type Delivery = "sending" | "sent" | "failed";

export interface ChatEntry {
  key: string;
  mine: boolean;
  participant: string | null;
  name: string;
  text: string;
  at: number;                 // milliseconds since 1970
  sequence: number | null;
  messageId: string | null;
  delivery: Delivery;
  error: string | null;
}

export type ChatLog = readonly ChatEntry[];

const kMostEntries = 2000;

// An entry with a number goes before the first one that has a higher number; one without stays at the end.
function insert(log: ChatLog, entry: ChatEntry): ChatLog {
  let at = log.length;
  if (entry.sequence !== null) {
    for (let i = log.length - 1; i >= 0; i--) {
      const other = (log[i] as ChatEntry).sequence;
      if (other === null) continue;
      if (other <= entry.sequence) break;
      at = i;
    }
  }
  const next = [...log.slice(0, at), entry, ...log.slice(at)];
  return next.length > kMostEntries ? next.slice(next.length - kMostEntries) : next;
}

// Adds what came from another participant; one that is there already (told by its id) is not added again.
export function receive(log: ChatLog, entry: ChatEntry): ChatLog {
  if (entry.messageId !== null && log.some((each) => each.messageId === entry.messageId)) return log;
  return insert(log, entry);
}

export function addOwn(log: ChatLog, entry: ChatEntry): ChatLog {
  return insert(log, entry);
}

export function settle(log: ChatLog, key: string, fields: Partial<ChatEntry>): ChatLog {
  const known = log.find((each) => each.key === key);
  if (known === undefined) return log;
  const changed = { ...known, ...fields };
  if (changed.sequence === null || changed.sequence === known.sequence) {
    return log.map((each) => (each.key === key ? changed : each));
  }
  return insert(log.filter((each) => each.key !== key), changed);
}

// What was said in a room that counts anew keeps its place, but has no number in the new count.
export function withoutOrder(log: ChatLog): ChatLog {
  return log.map((each) => (each.sequence === null ? each : { ...each, sequence: null }));
}
