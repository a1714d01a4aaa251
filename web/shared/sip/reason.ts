// Why a call ended, as the Reason header of a BYE or a final response tells it (RFC 3326). Pure.

export interface Reason { cause: number | null; text: string | null }

const kQuoted = /"(?:[^"\\]|\\.)*"/g;

// A header may hold several reasons, one for each protocol: the cause is SIP's, the text the first one's.
export function readReason(header: string | undefined): Reason {
  const value = header ?? "";
  const sip = /(?:^|,)\s*SIP\s*;((?:[^",]|"(?:[^"\\]|\\.)*")*)/i.exec(value)?.[1] ?? "";
  const cause = /(?:^|;)\s*cause\s*=\s*(\d{3})\s*(?:;|$)/i.exec(sip.replace(kQuoted, '""'))?.[1];
  const text = /text\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(value)?.[1];
  return { cause: cause === undefined ? null : Number(cause), text: text?.replace(/\\(.)/g, "$1") ?? null };
}

// A BYE with this cause ends what the server can't go on with: it stops, to be started again as a rule.
export const kStopping = 503;
