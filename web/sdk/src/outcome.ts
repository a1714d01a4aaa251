// What a SIP outcome means to the person who called. Pure.

import { kStopping, readReason } from "../../shared/sip/reason.ts";
import type { CallEnd, EndCause } from "./types.ts";

interface Failure { originator: string; cause: string; message: unknown }

// 480 before any ringing says that nobody is there, after it that somebody was, and did not want to (JsSIP refuses
// by 480 unless told otherwise).
export function causeOf(status: number, rang: boolean): EndCause {
  switch (status) {
    case 486: case 600: return "busy";
    case 401: case 403: case 407: case 603: return "rejected";
    case 404: case 410: case 416: case 484: case 485: case 604: return "not-found";
    case 480: return rang ? "rejected" : "not-found";
    case 408: return "no-answer";
    case 487: return "cancelled";
    default: return "failed";
  }
}

export function endOf(event: Failure, established: boolean, rang: boolean): CallEnd {
  const message = event.message as { status_code?: unknown; reason_phrase?: unknown; getHeader?(name: string): string | undefined } | null;
  const status = typeof message?.status_code === "number" ? message.status_code : null;
  const header = typeof message?.getHeader === "function" ? message.getHeader("Reason") : undefined;
  const said = readReason(header);
  const reason = said.text ?? (typeof message?.reason_phrase === "string" ? message.reason_phrase : null);
  // Nobody hung up: the server stops.
  if (established && status === null && said.cause === kStopping) return { cause: "failed", local: false, status: kStopping, reason };
  if (established) return { cause: event.originator === "remote" ? "hung-up" : "failed", local: false, status, reason };
  if (status !== null) return { cause: causeOf(status, rang), local: false, status, reason };
  return { cause: event.cause === "Canceled" ? "cancelled" : "failed", local: false, status: null, reason };
}
