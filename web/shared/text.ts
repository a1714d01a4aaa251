// Names, rooms and sizes as text.

const kInvisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb]/g;
const kLoneSurrogate = /[\ud800-\udfff]/gu;

export const kLongestName = 64;
export const kLongestRoom = 80;

function clean(text: string, longest: number): string {
  const flat = text.replace(kLoneSurrogate, "\ufffd").replace(/\s+/g, " ").replace(kInvisible, "").trim();
  return [...flat].slice(0, longest).join("").trim();
}

export function cleanName(text: string, longest = kLongestName): string {
  return clean(text, longest);
}

export function cleanRoom(text: string): string {
  return clean(text.normalize("NFC"), kLongestRoom);
}

// A room's name as the user part of a SIP URI: everything but RFC 3261's unreserved characters is escaped.
export function escapeUserPart(text: string): string {
  return encodeURIComponent(text.replace(kLoneSurrogate, "\ufffd"));
}

// A name in a sentence keeps its own direction of writing.
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}

const kSegmenter = typeof Intl !== "undefined" && "Segmenter" in Intl ? new Intl.Segmenter() : null;

const kLetter = /[\p{L}\p{N}]/u;

// The first letter or digit, with the marks that belong to it; of what has none the first sign.
function firstLetter(word: string): string {
  const parts = kSegmenter === null ? [...word] : [...kSegmenter.segment(word)].map((each) => each.segment);
  return parts.find((each) => kLetter.test(each)) ?? parts[0] ?? "";
}

// One or two letters for a tile without a picture; an emoji where a name is made of nothing else.
export function initials(name: string): string {
  const all = name.split(/[\s._-]+/u);
  const written = all.filter((word) => kLetter.test(word));
  const words = written.length > 0 ? written : all.filter((word) => /\p{Emoji}/u.test(word));
  const first = words[0];
  if (first === undefined) return "?";
  const last = words.length > 1 ? (words[words.length - 1] as string) : "";
  return (firstLetter(first) + (last === "" ? "" : firstLetter(last))).toLocaleUpperCase();
}

// A hue that stays the same for the same name.
export function hueOf(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return (hash >>> 0) % 360;
}

const kEncoder = new TextEncoder();

export function byteLength(text: string): number {
  return kEncoder.encode(text).length;
}

export function formatBytes(bytes: number): string {
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KiB`;
}

// The room named by a page's address: ?room=NAME or #room=NAME.
export function roomFromUrl(search: string, hash: string): string {
  const fromQuery = new URLSearchParams(search).get("room");
  const fromHash = new URLSearchParams(hash.replace(/^#/, "")).get("room");
  return cleanRoom(fromQuery ?? fromHash ?? "");
}

export function inviteLink(origin: string, path: string, room: string): string {
  return `${origin}${path}?room=${encodeURIComponent(room)}`;
}
