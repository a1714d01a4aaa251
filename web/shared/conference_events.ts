// Reads the server's "who is here" events. What comes is checked field by field: nothing else is trusted of it.

export type EventType = "ConfbridgeWelcome" | "ConfbridgeJoin" | "ConfbridgeLeave" | "ConfbridgeMute" |
  "ConfbridgeUnmute" | "ConfbridgeTalking" | "ConfbridgeRecord" | "ConfbridgeStopRecord";

export interface EventChannel {
  id: string;
  name: string;
  admin: boolean | null;
  muted: boolean | null;
  talking: boolean | null;
}

export interface ConferenceEvent {
  type: EventType;
  room: string;
  channels: EventChannel[];
  reason: string | null;
}

const kTypes: readonly string[] = ["ConfbridgeWelcome", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeMute",
  "ConfbridgeUnmute", "ConfbridgeTalking", "ConfbridgeRecord", "ConfbridgeStopRecord"];

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function flag(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}

function channel(value: unknown): EventChannel | null {
  const data = fields(value);
  const id = text(data["id"]);
  if (id === null || id === "") return null;
  const caller = fields(data["caller"]);
  const name = [text(caller["name"]), text(caller["number"]), text(data["name"])].find((each) => each);
  const status = text(data["talking_status"]);
  return {
    id, name: name ?? "Guest", admin: flag(data["admin"]), muted: flag(data["muted"]),
    talking: status !== null ? status === "on" : flag(data["talking"]),
  };
}

// Returns null for what is no event, or one of a type that this page does not know.
export function parseConferenceEvent(body: string): ConferenceEvent | null {
  let data: Fields;
  try {
    data = fields(JSON.parse(body));
  } catch {
    return null;
  }
  const type = text(data["type"]);
  if (type === null || !kTypes.includes(type)) return null;
  const list = Array.isArray(data["channels"]) ? data["channels"] : [];
  const channels = list.map(channel).filter((each): each is EventChannel => each !== null);
  const reason = text(fields(list[0])["reason"]) ?? text(data["reason"]);
  return { type: type as EventType, room: text(fields(data["bridge"])["name"]) ?? "", channels, reason };
}
