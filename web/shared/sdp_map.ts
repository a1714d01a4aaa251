// What the page needs to read from a session description, and the one line that it adds to its own.
// Browsers drop unknown attributes from their own copies, so the text that came by SIP is read.

export interface MediaSection {
  kind: string;
  port: number;
  mid: string | null;
  label: string | null;     // RFC 4574; the participant's id in Parley's (and Asterisk's) video lines
  content: string | null;   // RFC 4796; "slides" for a shared screen
  msid: string | null;
  direction: "sendrecv" | "sendonly" | "recvonly" | "inactive";
}

const kLineEnd = /\r\n|\r|\n/;
const kMostSections = 2000;

export function parseSections(sdp: string): MediaSection[] {
  const sections: MediaSection[] = [];
  let sessionDirection: MediaSection["direction"] = "sendrecv";
  let current: MediaSection | null = null;
  for (const line of sdp.split(kLineEnd)) {
    if (line.startsWith("m=")) {
      if (sections.length >= kMostSections) break;
      const [kind = "", port = "0"] = line.slice(2).split(" ");
      current = { kind, port: Number.parseInt(port, 10) || 0, mid: null, label: null, content: null, msid: null,
                  direction: sessionDirection };
      sections.push(current);
      continue;
    }
    if (!line.startsWith("a=")) continue;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line.slice(2) : line.slice(2, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).trim();
    if (name === "sendrecv" || name === "sendonly" || name === "recvonly" || name === "inactive") {
      if (current === null) sessionDirection = name;
      else current.direction = name;
    } else if (current !== null) {
      if (name === "mid") current.mid = value;
      else if (name === "label") current.label = value;
      else if (name === "content") current.content = value;
      else if (name === "msid") current.msid = value.split(" ")[0] ?? null;
    }
  }
  return sections;
}

export interface Source { participant: string; kind: "camera" | "screen"; msid: string | null }

// Keeps which m-line shows whom, over all offers and answers of the server in one call.
export class SourceMap {
  private readonly sources_ = new Map<string, Source>();

  // Takes a description that came from the server. A later one need not repeat a label, but a slot that is switched
  // off, or that carries another stream, no longer shows the one it showed before.
  update(sdp: string): void {
    for (const section of parseSections(sdp)) {
      if (section.kind !== "video" || section.mid === null) continue;
      const known = this.sources_.get(section.mid);
      const off = section.port === 0 && section.msid === null && section.label === null;
      if (off || section.direction === "inactive" || section.direction === "recvonly") {
        this.sources_.delete(section.mid);
      } else if (section.label !== null && section.label !== "") {
        const kind = section.content?.split(",").includes("slides") === true ? "screen" : "camera";
        this.sources_.set(section.mid, { participant: section.label, kind, msid: section.msid });
      } else if (known !== undefined && section.msid !== null && section.msid !== known.msid) {
        this.sources_.delete(section.mid);
      }
    }
  }

  get(mid: string): Source | undefined {
    return this.sources_.get(mid);
  }
}

// Adds a=content:slides to the given m-lines (RFC 4796), so that the server knows a shared screen from a camera.
export function markSlides(sdp: string, mids: readonly string[]): string {
  if (mids.length === 0) return sdp;
  const lines = sdp.split("\r\n");
  const marked: string[] = [];
  for (const line of lines) {
    if (line === "a=content:slides") continue;
    marked.push(line);
    if (line.startsWith("a=mid:") && mids.includes(line.slice(6).trim())) marked.push("a=content:slides");
  }
  return marked.join("\r\n");
}
