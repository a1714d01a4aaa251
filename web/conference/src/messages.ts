// The texts that participants send each other: chat and small notices of their own types, read with care.

import type { IncomingRequest } from "jssip/lib/SIPMessage";
import { readFields } from "../../shared/json.ts";
import { cleanName } from "../../shared/text.ts";
import {
  kAppChatType, kCameraType, kEventType, kHandType, kMessageIdHeader, kMuteType, kNoticeType, kParticipantHeader,
  kSequenceHeader, mediaType,
} from "./protocol.ts";

export interface Sender { participant: string | null; name: string }

export type Incoming =
  | { kind: "event"; body: string }
  | { kind: "chat"; from: Sender; text: string; at: number; sequence: number | null; messageId: string | null }
  | { kind: "hand" | "mute" | "camera"; from: Sender; on: boolean }
  | { kind: "notice"; participant: string; reason: string }
  | { kind: "other" };

// Headers as they come by SIP; the two that JsSIP's declarations lack are read by name.
export function headerNumber(value: string | undefined): number | null {
  if (value === undefined || !/^\d{1,15}$/.test(value.trim())) return null;
  return Number.parseInt(value, 10);
}

function chat(request: IncomingRequest, from: Sender, text: string, now: number): Incoming {
  const date = Date.parse(request.getHeader("Date") ?? "");
  return {
    kind: "chat", from, text, at: Number.isNaN(date) ? now : date,
    sequence: headerNumber(request.getHeader(kSequenceHeader)), messageId: request.getHeader(kMessageIdHeader) ?? null,
  };
}

export function readMessage(request: IncomingRequest, now: number): Incoming {
  const type = mediaType(request.getHeader("Content-Type") ?? "");
  const body = request.body ?? "";
  const from: Sender = {
    participant: request.getHeader(kParticipantHeader) ?? null, name: cleanName(request.from.display_name ?? ""),
  };
  switch (type) {
    case kEventType: return { kind: "event", body };
    case "text/plain": return chat(request, from, body, now);
    case kAppChatType: {
      const data = readFields(body);
      const text = typeof data["Body"] === "string" ? data["Body"] : "";
      const name = typeof data["From"] === "string" ? cleanName(data["From"]) : "";
      return text === "" ? { kind: "other" } : chat(request, { ...from, name: from.name || name }, text, now);
    }
    case kHandType: return { kind: "hand", from, on: readFields(body)["raised"] === true };
    case kMuteType: return { kind: "mute", from, on: readFields(body)["muted"] === true };
    case kCameraType: return { kind: "camera", from, on: readFields(body)["on"] === true };
    case kNoticeType: {
      const data = readFields(body);
      const participant = data["participant"];
      if (data["type"] !== "video-unavailable" || typeof participant !== "string") return { kind: "other" };
      const reason = typeof data["reason"] === "string" ? cleanName(data["reason"].slice(0, 200)) : "";
      return { kind: "notice", participant, reason: reason || "This browser can't show it" };
    }
    default: return { kind: "other" };
  }
}
