// A browser's storages, which may be forbidden or full: the page works without them.

import { type Fields, readFields } from "./json.ts";

// The storage is asked for by a function, since looking at it may throw already.
export function readStored(storage: () => Storage, key: string): Fields {
  try {
    return readFields(storage().getItem(key) ?? "{}");
  } catch {
    return {};
  }
}

// null: forgets what is there.
export function writeStored(storage: () => Storage, key: string, value: unknown): void {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Not remembered, that is all.
  }
}
