// The media of one call: one line for sound, one for video when there is any, one more for a screen beside a camera.
// The lines are there before any device is: tracks are put on them when the person has allowed the device.

import { markSlides, parseSections, SourceMap } from "../../shared/sdp_map.ts";
import { KeptSources } from "./kept_sources.ts";
import type { RemoteVideo } from "./types.ts";

export type LocalTrack = "microphone" | "camera" | "screen";

export class CallMedia {
  private readonly tracks_: Record<LocalTrack, MediaStreamTrack | null> = { microphone: null, camera: null, screen: null };
  private readonly map_ = new SourceMap();
  private readonly sources_ = new KeptSources();
  private readonly videos_ = new Map<string, RemoteVideo>();
  private connection_: RTCPeerConnection | null = null;
  private audioLine_: RTCRtpTransceiver | null = null;
  private videoLine_: RTCRtpTransceiver | null = null;
  private screenLine_: RTCRtpTransceiver | null = null;
  private audioStream_: MediaStream | null = null;
  private held_ = false;
  private offered_: string | null = null;   // the mid of a video line by which the other side takes video
  private early_ = false;   // an offer is to be answered that is not in yet: its lines are waited for

  // `wantsVideo`: a line for video is offered, or answered in both directions, though no camera is open yet.
  constructor(public wantsVideo: boolean) {}

  get connection(): RTCPeerConnection | null {
    return this.connection_;
  }

  offer(connection: RTCPeerConnection): void {
    this.connection_ = connection;
    this.audioLine_ = connection.addTransceiver("audio", { direction: "sendrecv" });
    if (this.wantsVideo) this.videoLine_ = connection.addTransceiver("video", { direction: "sendrecv" });
    this.direct();
    this.place();
  }

  answer(connection: RTCPeerConnection): void {
    this.connection_ = connection;
    this.early_ = true;
  }

  // Once the offer is in: its lines are ours too.
  adopt(): void {
    this.early_ = false;
    for (const line of this.connection_?.getTransceivers() ?? []) {
      if (line.currentDirection === "stopped") continue;
      const kind = line.receiver.track.kind;
      if (kind === "audio" && this.audioLine_ === null) this.audioLine_ = line;
      if (kind === "video" && this.videoLine_ === null) this.videoLine_ = line;
    }
    this.direct();
    this.place();
  }

  get hasVideoLine(): boolean {
    return this.videoLine_ !== null;
  }

  track(which: LocalTrack): MediaStreamTrack | null {
    return this.tracks_[which];
  }

  // Puts a track on its line, or takes it off. True: an offer must follow.
  set(which: LocalTrack, track: MediaStreamTrack | null): boolean {
    this.tracks_[which] = track;
    if (this.connection_ === null || this.early_) {
      if (which !== "microphone" && track !== null) this.wantsVideo = true;
      return false;
    }
    let added = false;
    if (track !== null && which !== "microphone") this.videoLine_ ??= this.offeredLine();
    if (track !== null && which !== "microphone" && this.videoLine_ === null) {
      this.videoLine_ = this.connection_.addTransceiver("video", { direction: "sendrecv" });
      added = true;
    }
    const turned = this.direct();
    this.place();
    return added || turned;
  }

  // A screen on a line of its own, as rooms want it. An offer must follow.
  setScreenLine(track: MediaStreamTrack | null): void {
    this.tracks_.screen = track;
    if (this.connection_ === null) return;
    if (track !== null && this.screenLine_ === null) {
      this.screenLine_ = this.connection_.addTransceiver(track, { direction: "sendonly", streams: [new MediaStream([track])] });
    } else if (track === null && this.screenLine_ !== null) {
      this.screenLine_.stop();
      this.screenLine_ = null;
    }
  }

  // A line to see the other side by, though nothing is sent. True: an offer must follow.
  receiveVideo(): boolean {
    if (this.connection_ === null || this.videoLine_ !== null) return false;
    this.videoLine_ = this.offeredLine();
    if (this.videoLine_ !== null) return this.direct();
    this.videoLine_ = this.connection_.addTransceiver("video", { direction: "recvonly" });
    this.direct();
    return true;
  }

  // The line that the other side has offered since, for its camera and this one's.
  private offeredLine(): RTCRtpTransceiver | null {
    return this.connection_?.getTransceivers().find((line) =>
      line.mid !== null && line.mid === this.offered_ && line !== this.screenLine_ && line.currentDirection !== "stopped") ?? null;
  }

  setHeld(held: boolean): void {
    this.held_ = held;
    this.direct();
    this.place();
  }

  private direct(): boolean {
    const sending = this.wantsVideo || this.tracks_.camera !== null || (this.tracks_.screen !== null && this.screenLine_ === null);
    const audio = this.held_ ? "sendonly" : "sendrecv";
    const video = this.held_ ? (sending ? "sendonly" : "inactive") : sending ? "sendrecv" : "recvonly";
    const turned = [this.turn(this.audioLine_, audio), this.turn(this.videoLine_, video)];
    return turned.includes(true);
  }

  private turn(line: RTCRtpTransceiver | null, direction: RTCRtpTransceiverDirection): boolean {
    if (line === null || line.direction === direction || line.currentDirection === "stopped") return false;
    line.direction = direction;
    return true;
  }

  private place(): void {
    const { microphone, camera, screen } = this.tracks_;
    const video = this.screenLine_ === null ? screen ?? camera : camera;
    const put = (line: RTCRtpTransceiver | null, track: MediaStreamTrack | null): void => {
      const wanted = this.held_ ? null : track;
      if (line !== null && line.sender.track !== wanted) void line.sender.replaceTrack(wanted).catch(() => undefined);
    };
    put(this.audioLine_, microphone);
    put(this.videoLine_, video);
    put(this.screenLine_, screen);
  }

  outgoing(sdp: string): string {
    const mid = this.screenLine_?.mid;
    return mid === null || mid === undefined ? sdp : markSlides(sdp, [mid]);
  }

  incoming(sdp: string): string {
    this.map_.update(sdp);
    const lines = parseSections(sdp).filter(({ kind, port, label, content }) => kind === "video" && port !== 0 && label === null && content !== "slides");
    const wanted = lines.find(({ direction }) => direction === "sendrecv" || direction === "recvonly");
    // An answer to an offer that sent nothing there (hold, say) doesn't take the line back.
    this.offered_ = wanted?.mid ?? lines.find(({ mid }) => mid === this.offered_)?.mid ?? null;
    return this.sources_.complete(sdp);
  }

  audio(): MediaStream | null {
    const track = this.audioLine_?.receiver.track;
    if (track !== undefined && this.audioStream_ === null) this.audioStream_ = new MediaStream([track]);
    return this.audioStream_;
  }

  videos(): RemoteVideo[] {
    const found: RemoteVideo[] = [];
    const keys = new Set<string>();
    for (const line of this.connection_?.getTransceivers() ?? []) {
      if (line.mid === null || line.receiver.track.kind !== "video") continue;
      if (line.currentDirection !== "recvonly" && line.currentDirection !== "sendrecv") continue;
      const source = this.map_.get(line.mid);
      const key = `${line.mid} ${source?.msid ?? ""} ${source?.participant ?? ""} ${source?.kind ?? ""}`;
      keys.add(key);
      let video = this.videos_.get(key);
      if (video === undefined) {
        video = { participant: source?.participant ?? null, kind: source?.kind ?? "camera", stream: new MediaStream([line.receiver.track]) };
        this.videos_.set(key, video);
      }
      found.push(video);
    }
    for (const key of this.videos_.keys()) if (!keys.has(key)) this.videos_.delete(key);
    return found;
  }

  dtmf(): RTCDTMFSender | null {
    const sender = this.audioLine_?.sender.dtmf ?? null;
    return sender !== null && sender.canInsertDTMF ? sender : null;
  }
}
