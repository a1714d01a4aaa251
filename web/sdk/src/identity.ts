// Whom the server says that a call speaks with: P-Asserted-Identity (RFC 3325) in its answers, re-INVITEs and UPDATEs.

import { kIdentityHeader } from "./names.ts";
import type { Identity } from "./types.ts";

const kNameAddr = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^"<]*?))\s*<sips?:([^@>;?]+)@[^>]*>/i;

export function identityOf(message: { getHeader(name: string): string | undefined } | null | undefined): Identity | null {
  const match = kNameAddr.exec(message?.getHeader(kIdentityHeader) ?? "");
  if (match === null) return null;
  const [, quoted, plain = "", user = ""] = match;
  try {
    return { number: decodeURIComponent(user), displayName: quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1") };
  } catch {
    return null;   // no escape of ours
  }
}
