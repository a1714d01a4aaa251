// Keeps the sources (a=ssrc) of the other side while it sends nothing. Chromium lets a receiver go whose source is not
// named any more, and when the same source is named again, as after a hold, it connects neither video nor Web Audio (volume
// meters, recordings) to the new one: silence and a standing picture, though packets come in.

const kMostLines = 64;   // of one section

/** @internal */
export class KeptSources {
  private readonly known_ = new Map<string, string[]>();   // by mid

  // Takes each description that comes from the other side; returns it with the sources that it should name.
  complete(sdp: string): string {
    const [head = "", ...sections] = sdp.split(/^(?=m=)/m);
    return head + sections.map((each) => this.section(each)).join("");
  }

  private section(text: string): string {
    const mid = /^a=mid:(\S+)/m.exec(text)?.[1];
    if (mid === undefined || /^m=\S+ 0 /.test(text)) return text;
    const named = text.match(/^a=ssrc(-group)?:.*$/gm)?.map((each) => each.trim()) ?? [];
    if (named.length > 0) {
      this.known_.set(mid, named.slice(0, kMostLines));
      return text;
    }
    const known = /^a=(recvonly|inactive)\s*$/m.test(text) ? this.known_.get(mid) : undefined;
    if (known === undefined) return text;
    return `${text.replace(/\r?\n$/, "")}\r\n${known.join("\r\n")}\r\n`;
  }
}
