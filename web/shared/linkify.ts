// Splits text into plain runs and links. Only http and https are ever links; the views make text nodes of both.

export interface TextRun { kind: "text"; text: string }
export interface LinkRun { kind: "link"; text: string; href: string }
export type Run = TextRun | LinkRun;

const kStart = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
const kClosers: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
const kLongestLink = 2048;

function countOf(text: string, wanted: string): number {
  let count = 0;
  for (const character of text) if (character === wanted) count++;
  return count;
}

// Punctuation after a link belongs to the sentence, a closing bracket only when the link did not open it.
function trimEnd(link: string): string {
  let end = link.length;
  while (end > 0) {
    const last = link[end - 1] as string;
    const opener = kClosers[last];
    if (opener !== undefined) {
      const head = link.slice(0, end);
      if (countOf(head, last) <= countOf(head, opener)) break;
    } else if (!".,;:!?*_~…'’”»".includes(last)) {
      break;
    }
    end--;
  }
  return link.slice(0, end);
}

function safeHref(text: string): string | null {
  if (text.length > kLongestLink) return null;
  try {
    const url = new URL(text);
    if (url.protocol !== "http:" && url.protocol !== "https:") return null;
    // A name and password before the host serve only to make a link look like another.
    if (url.username !== "" || url.password !== "" || url.hostname === "") return null;
    return url.href;
  } catch {
    return null;
  }
}

export function linkify(text: string): Run[] {
  const runs: Run[] = [];
  let at = 0;
  const addText = (end: number): void => {
    if (end > at) runs.push({ kind: "text", text: text.slice(at, end) });
    at = Math.max(at, end);
  };
  for (const match of text.matchAll(kStart)) {
    const start = match.index ?? 0;
    if (match[0].length > kLongestLink) continue;
    const link = trimEnd(match[0]);
    const href = safeHref(link);
    if (href === null) continue;
    addText(start);
    runs.push({ kind: "link", text: link, href });
    at = start + link.length;
  }
  addText(text.length);
  return runs;
}
