// The media of one call: which of this side's tracks go out on which line, and whose video comes in on which.

import { markSlides, SourceMap } from "../../../shared/sdp_map.ts";

export const kSources = ["mic", "camera", "screen"] as const;
export type Source = (typeof kSources)[number];
export type Tracks = Record<Source, MediaStreamTrack | null>;

export interface RemoteVideo {
  key: string;
  mid: string;
  participant: string;
  kind: "camera" | "screen";
  stream: MediaStream;
}

const kEncoding: Record<"camera" | "screen", RTCRtpEncodingParameters> = {
  camera: { maxBitrate: 1_500_000 },
  screen: { maxBitrate: 2_500_000 },
};

export class MediaLines {
  private readonly sources_ = new SourceMap();
  private readonly senders_: Record<Source, RTCRtpTransceiver | null> = { mic: null, camera: null, screen: null };
  private readonly streams_ = new Map<string, RemoteVideo>();
  private audio_: MediaStream | null = null;

  constructor(readonly connection: RTCPeerConnection, tracks: Tracks) {
    // The audio line is there from the start, with or without a microphone: it brings the mix of the others.
    this.senders_.mic = connection.addTransceiver(tracks.mic ?? "audio", {
      direction: "sendrecv", streams: tracks.mic === null ? [] : [new MediaStream([tracks.mic])],
    });
    if (tracks.camera !== null) this.addVideo("camera", tracks.camera);
    if (tracks.screen !== null) this.addVideo("screen", tracks.screen);
  }

  private addVideo(source: "camera" | "screen", track: MediaStreamTrack): void {
    this.senders_[source] = this.connection.addTransceiver(track, {
      direction: "sendonly", streams: [new MediaStream([track])], sendEncodings: [kEncoding[source]],
    });
  }

  // Whether setting this track needs a new offer. A camera's line stays when the camera goes off, and is used again.
  needsOffer(source: Source, track: MediaStreamTrack | null): boolean {
    const line = this.senders_[source];
    if (source === "screen") return (track === null) !== (line === null);
    return line === null && track !== null;
  }

  // Puts the track on its line without an offer.
  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    await this.senders_[source]?.sender.replaceTrack(track);
  }

  // Makes or ends a line; an offer follows.
  prepare(source: Source, track: MediaStreamTrack | null): void {
    const line = this.senders_[source];
    if (track !== null && line === null && source !== "mic") {
      this.addVideo(source, track);
    } else if (track === null && line !== null && source === "screen") {
      this.senders_.screen = null;
      if (typeof line.stop === "function") line.stop();
      else line.direction = "inactive";
    }
  }

  // Takes back what prepare() added, after an offer that was refused.
  undo(source: Source): void {
    const line = this.senders_[source];
    if (line === null || source === "mic") return;
    this.senders_[source] = null;
    try {
      line.stop();
    } catch {
      // Already gone by the rollback.
    }
  }

  hasLine(source: Source): boolean {
    return this.senders_[source] !== null;
  }

  // The track that the line sends; a line whose offer is still on its way counts.
  trackOf(source: Source): MediaStreamTrack | null {
    return this.senders_[source]?.sender.track ?? null;
  }

  // A description of our own, on its way out.
  outgoing(sdp: string): string {
    const mid = this.senders_.screen?.mid;
    return mid === null || mid === undefined ? sdp : markSlides(sdp, [mid]);
  }

  // A description of the server's, on its way in.
  incoming(sdp: string): void {
    this.sources_.update(sdp);
  }

  // Everything that comes in at the moment. The same source keeps the same object.
  videos(): RemoteVideo[] {
    const found: RemoteVideo[] = [];
    for (const line of this.connection.getTransceivers()) {
      const mid = line.mid;
      if (mid === null || line.receiver.track.kind !== "video") continue;
      if (line.currentDirection !== "recvonly" && line.currentDirection !== "sendrecv") continue;
      const source = this.sources_.get(mid);
      if (source === undefined) continue;
      const key = `${mid} ${source.msid ?? ""} ${source.participant} ${source.kind}`;
      let video = this.streams_.get(key);
      if (video === undefined) {
        video = { key, mid, participant: source.participant, kind: source.kind,
                  stream: new MediaStream([line.receiver.track]) };
        this.streams_.set(key, video);
      }
      found.push(video);
    }
    for (const key of this.streams_.keys()) if (!found.some((each) => each.key === key)) this.streams_.delete(key);
    return found;
  }

  audio(): MediaStream | null {
    const track = this.senders_.mic?.receiver.track;
    if (track !== undefined && this.audio_ === null) this.audio_ = new MediaStream([track]);
    return this.audio_;
  }
}
