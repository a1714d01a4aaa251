// The parts of a browser that the SDK uses, for tests in node.

type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive" | "stopped";

export class FakeTrack extends EventTarget {
  enabled = true;
  readyState: "live" | "ended" = "live";
  contentHint = "";
  constructor(readonly kind: "audio" | "video", readonly id = Math.random().toString(36).slice(2)) {
    super();
  }
  clone(): FakeTrack { return new FakeTrack(this.kind); }
  stop(): void { this.readyState = "ended"; }
}

export class FakeStream {
  constructor(readonly tracks: FakeTrack[] = []) {}
  getTracks(): FakeTrack[] { return this.tracks; }
  getAudioTracks(): FakeTrack[] { return this.tracks.filter((each) => each.kind === "audio"); }
  getVideoTracks(): FakeTrack[] { return this.tracks.filter((each) => each.kind === "video"); }
}

class Line {
  mid: string | null = null;
  currentDirection: Direction | null = null;
  remote: Direction = "sendrecv";
  readonly receiver: { track: FakeTrack };
  readonly sender: { track: FakeTrack | null; dtmf: { canInsertDTMF: boolean; toneBuffer: string; insertDTMF(tones: string): void }; tones: string; replaceTrack(track: FakeTrack | null): Promise<void> };
  constructor(kind: "audio" | "video", public direction: Direction, track: FakeTrack | null) {
    this.receiver = { track: new FakeTrack(kind) };
    const sender = {
      track, tones: "",
      dtmf: { canInsertDTMF: kind === "audio", toneBuffer: "", insertDTMF: (tones: string) => { sender.tones += tones; } },
      replaceTrack: (next: FakeTrack | null) => {
        sender.track = next;
        return Promise.resolve();
      },
    };
    this.sender = sender;
  }
  stop(): void { this.currentDirection = "stopped"; }
}

const kReverse: Record<Direction, Direction> = { sendrecv: "sendrecv", sendonly: "recvonly", recvonly: "sendonly", inactive: "inactive", stopped: "inactive" };
const sends = (way: Direction): boolean => way === "sendrecv" || way === "sendonly";
const receives = (way: Direction): boolean => way === "sendrecv" || way === "recvonly";
function meet(own: Direction, remote: Direction): Direction {
  const send = sends(own) && receives(remote);
  const receive = receives(own) && sends(remote);
  return send ? (receive ? "sendrecv" : "sendonly") : receive ? "recvonly" : "inactive";
}

export function sdpOf(lines: { kind: string; direction: Direction; mid: string }[], version = 1): string {
  return `v=0\r\no=- 1 ${version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n` + lines.map(({ kind, direction, mid }) =>
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:${mid}\r\na=${direction}\r\n`).join("");
}
export function linesOf(sdp: string): { kind: "audio" | "video"; direction: Direction; mid: string }[] {
  return sdp.split(/^m=/m).slice(1).map((part) => ({
    kind: part.startsWith("video") ? "video" : "audio", mid: /a=mid:(\S+)/.exec(part)?.[1] ?? "",
    direction: (/a=(sendrecv|sendonly|recvonly|inactive)/.exec(part)?.[1] ?? "sendrecv") as Direction,
  }));
}
export function answerTo(sdp: string): string {
  return sdpOf(linesOf(sdp).map((line) => ({ ...line, direction: kReverse[line.direction] })));
}

export class FakePeer extends EventTarget {
  static all: FakePeer[] = [];
  lines: Line[] = [];
  signalingState = "stable";
  iceConnectionState = "new";
  iceGatheringState = "complete";
  connectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remote: { kind: "audio" | "video"; direction: Direction; mid: string }[] = [];
  restarts = 0;
  private readonly first_: ((event: Event) => void)[] = [];
  // As in browsers, capturing listeners run first; node's own EventTarget keeps the order of adding.
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void {
    if (typeof options === "object" && options.capture === true && type === "iceconnectionstatechange") this.first_.push(listener as (event: Event) => void);
    else super.addEventListener(type, listener, options);
  }
  override dispatchEvent(event: Event): boolean {
    let stopped = false;
    const stop = event.stopImmediatePropagation.bind(event);
    event.stopImmediatePropagation = () => {
      stopped = true;
      stop();
    };
    if (event.type === "iceconnectionstatechange") for (const listener of this.first_) listener(event);
    return stopped || super.dispatchEvent(event);
  }
  constructor(readonly config: unknown) {
    super();
    FakePeer.all.push(this);
  }
  addTransceiver(what: "audio" | "video" | FakeTrack, init: { direction?: Direction } = {}): Line {
    const line = typeof what === "string" ? new Line(what, init.direction ?? "sendrecv", null) : new Line(what.kind, init.direction ?? "sendrecv", what);
    this.lines.push(line);
    return line;
  }
  getTransceivers(): Line[] { return this.lines; }
  getSenders(): Line["sender"][] { return this.lines.map((line) => line.sender); }
  async createOffer(options?: { iceRestart?: boolean }): Promise<object> {
    if (options?.iceRestart === true) {
      this.restarts++;
      setTimeout(() => this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: null })), 0);
    }
    return { type: "offer", sdp: sdpOf(this.lines.map((line, at) => ({ kind: line.receiver.track.kind, direction: line.direction, mid: String(at) }))) };
  }
  async createAnswer(): Promise<object> {
    return { type: "answer", sdp: sdpOf(this.lines.map((line) => ({ kind: line.receiver.track.kind, direction: meet(line.direction, line.remote), mid: line.mid ?? "" }))) };
  }
  async setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.localDescription = description;
    if (description.type === "offer") this.lines.forEach((line, at) => { line.mid = String(at); });
    else if (description.type === "answer") for (const line of this.lines) line.currentDirection = meet(line.direction, line.remote);
    this.signal(description.type === "offer" ? "have-local-offer" : "stable");
  }
  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    linesOf(description.sdp).forEach((each, at) => {
      let line = this.lines[at];
      if (line === undefined) {
        this.lines.push(line = new Line(each.kind, "recvonly", null));
        line.mid = each.mid;
      }
      line.remote = each.direction;
      if (description.type === "answer") line.currentDirection = meet(line.direction, each.direction);
    });
    this.signal(description.type === "offer" ? "have-remote-offer" : "stable");
  }
  private signal(state: string): void {
    this.signalingState = state;
    this.dispatchEvent(new Event("signalingstatechange"));
  }
  ice(state: string): void {
    this.iceConnectionState = state;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
  }
  async getStats(): Promise<Map<string, object>> {
    return new Map<string, object>([["a", { type: "inbound-rtp", kind: "audio", packetsReceived: 10, packetsLost: 1, bytesReceived: 100, jitter: 0.002 }],
      ["b", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05 }], ["c", { type: "codec", mimeType: "audio/opus" }]]);
  }
  close(): void { this.connectionState = "closed"; }
}

export type Microphone = "allowed" | "refused" | "never answered" | "no devices" | "asks";
// `questions`: with "asks", what the person has not answered yet; `given`: all tracks that the browser has opened.
export interface Question { id: string; allow(): void; refuse(): void }
export const browser = { microphone: "allowed" as Microphone, asked: 0, reloaded: false, questions: [] as Question[], given: [] as FakeTrack[] };
export const storage = new Map<string, string>();

function answer(kind: "audio" | "video", wanted: unknown): Promise<FakeStream> {
  const track = new FakeTrack(kind);
  const open = (): FakeStream => {
    browser.given.push(track);
    return new FakeStream([track]);
  };
  if (browser.microphone !== "asks") return Promise.resolve(open());
  const id = (wanted as { deviceId?: { ideal?: string } }).deviceId?.ideal ?? "";
  return new Promise((done, fail) => browser.questions.push({
    id, allow: () => done(open()), refuse: () => fail(new DOMException("no", "NotAllowedError")),
  }));
}

export function installBrowser(): void {
  const mediaDevices = {
    getUserMedia: (wanted: { audio?: unknown; video?: unknown }) => {
      browser.asked++;
      if (browser.microphone === "never answered") return new Promise(() => undefined);
      if (browser.microphone === "refused") return Promise.reject(new DOMException("no", "NotAllowedError"));
      return answer(wanted.video === undefined ? "audio" : "video", wanted.video ?? wanted.audio);
    },
    getDisplayMedia: () => answer("video", {}),
    enumerateDevices: () => Promise.resolve([{ kind: "audioinput", deviceId: "mic1", label: "Microphone" }, { kind: "videoinput", deviceId: "cam1", label: "Camera" }]),
  };
  const put = (name: string, value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  };
  put("window", globalThis as unknown);
  put("RTCPeerConnection", FakePeer);
  put("RTCSessionDescription", class { type: string; sdp: string; constructor(init: { type: string; sdp: string }) { this.type = init.type; this.sdp = init.sdp; } });
  put("MediaStream", FakeStream);
  Object.defineProperty(globalThis, "navigator", {
    configurable: true, get: () => (browser.microphone === "no devices" ? {} : { mediaDevices }),
  });
  put("sessionStorage", {
    getItem: (key: string) => storage.get(key) ?? null, setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  });
  performance.getEntriesByType = ((type: string) => (type === "navigation" ? [{ type: browser.reloaded ? "reload" : "navigate" }] : [])) as unknown as typeof performance.getEntriesByType;
}
