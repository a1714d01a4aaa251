// What a MESSAGE of a call carries. What comes is checked field by field: nothing else is trusted of it.

import { type Fields, readFields } from "../../shared/json.ts";
import {
  kCallType, kDeliveryType, kListenHeader, kMessageIdHeader, kParticipantHeader, kQueueType, kRoomEventType, kSequenceHeader, kToHeader,
} from "./names.ts";
import type { IncomingRequest } from "./sip.ts";
import { kTypingType } from "./typing.ts";
import type { DeliveryReport, IncomingText, QueueNews, Sender } from "./types.ts";

export type Incoming =
  | { kind: "text"; text: IncomingText }
  | { kind: "hold"; held: boolean }
  | { kind: "dtmf"; key: string }
  | { kind: "typing"; from: Sender; body: string }
  | { kind: "delivery"; report: DeliveryReport }
  | { kind: "queue"; news: QueueNews }
  | { kind: "room"; body: string }
  | { kind: "data"; contentType: string; body: string; from: Sender };

export function sequenceOf(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,15}$/.test(value.trim()) ? Number.parseInt(value, 10) : null;
}

function names(value: unknown): string[] {
  return (Array.isArray(value) ? value : [])
    .map((each: unknown) => (typeof each === "string" ? each : (each as Fields | null)?.["participant"]))
    .filter((each): each is string => typeof each === "string");
}

function deliveryOf(body: string): DeliveryReport {
  const data = readFields(body);
  const id = data["messageId"] ?? data["id"];
  return { id: typeof id === "string" ? id : null, delivered: names(data["delivered"]), failed: names(data["failed"]) };
}

function queueNewsOf(body: string): QueueNews | null {
  const data = readFields(body);
  const text = (key: string): string => (typeof data[key] === "string" ? data[key] : "");
  if (data["type"] === "taken") return { type: "taken", queue: text("queue"), position: null, agent: { number: text("number"), displayName: text("displayName") } };
  const position = data["position"];
  if (data["type"] !== "waiting" || typeof position !== "number") return null;
  return { type: "waiting", queue: text("queue"), position, agent: null };
}

// Who calls, by the INVITE's own words.
export function callerOf(request: IncomingRequest): { number: string; displayName: string; video: boolean; listensTo: string | undefined } {
  const from = request.from as unknown as { uri: { user: string }; display_name: string | null };
  return { number: from.uri.user ?? "", displayName: from.display_name ?? "", video: /^m=video (?!0 )/m.test(request.body ?? ""),
           listensTo: request.getHeader(kListenHeader) };
}

export function readIncoming(request: IncomingRequest, number: string): Incoming {
  const contentType = request.getHeader("Content-Type") ?? "text/plain";
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const body = request.body ?? "";
  const from: Sender = {
    participant: request.getHeader(kParticipantHeader) ?? null,
    name: (request.from as unknown as { display_name: string | null }).display_name ?? "",
  };
  if (type.startsWith("text/")) {
    const date = Date.parse(request.getHeader("Date") ?? "");
    return {
      kind: "text",
      text: {
        text: body, contentType: type, from, number, at: Number.isNaN(date) ? new Date() : new Date(date),
        id: request.getHeader(kMessageIdHeader) ?? null, sequence: sequenceOf(request.getHeader(kSequenceHeader)),
        private: request.getHeader(kToHeader) !== undefined,
      },
    };
  }
  switch (type) {
    case kCallType: {
      const { type: what, key } = readFields(body);
      if (what === "dtmf" && typeof key === "string" && /^[0-9A-D*#]$/.test(key)) return { kind: "dtmf", key };
      return what === "hold" || what === "unhold" ? { kind: "hold", held: what === "hold" } : { kind: "data", contentType: type, body, from };
    }
    case kQueueType: {
      const news = queueNewsOf(body);
      return news === null ? { kind: "data", contentType: type, body, from } : { kind: "queue", news };
    }
    case kTypingType: return { kind: "typing", from, body };
    case kDeliveryType: return { kind: "delivery", report: deliveryOf(body) };
    case kRoomEventType: return { kind: "room", body };
    default: return { kind: "data", contentType: type, body, from };
  }
}
