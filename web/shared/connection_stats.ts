// Reads a peer connection's statistics every two seconds: how good the connection is, and which videos stand still.

import { quality, type Quality, type Reading } from "./quality.ts";

const kInterval = 2000;
const kStalledReadings = 2;

export interface StatsReport { quality: Quality | null; stalledMids: string[]; sendingAudioLevel: number }
type Fields = Record<string, unknown>;

const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);

export class ConnectionStats {
  private timer_: ReturnType<typeof setInterval> | null = null;
  private last_: Reading | null = null;
  private readonly frames_ = new Map<string, { decoded: number; same: number }>();

  constructor(private readonly report_: (report: StatsReport) => void) {}

  start(connection: RTCPeerConnection): void {
    this.stop();
    this.timer_ = setInterval(() => void this.read(connection), kInterval);
  }

  stop(): void {
    if (this.timer_ !== null) clearInterval(this.timer_);
    this.timer_ = null;
    this.last_ = null;
    this.frames_.clear();
  }

  private async read(connection: RTCPeerConnection): Promise<void> {
    if (connection.connectionState === "closed") return this.stop();
    const reading: Reading = { packetsReceived: 0, packetsLost: 0, sentLoss: null, rttMs: null };
    let level = 0;
    const mids = new Set<string>();
    const stats = await connection.getStats();
    if (this.timer_ === null) return;
    stats.forEach((entry: Fields) => {
      if (entry["type"] === "inbound-rtp") {
        reading.packetsReceived += number(entry["packetsReceived"]) ?? 0;
        reading.packetsLost += Math.max(0, number(entry["packetsLost"]) ?? 0);
        const mid = entry["mid"];
        if (entry["kind"] === "video" && typeof mid === "string") {
          mids.add(mid);
          this.countFrames(mid, number(entry["framesDecoded"]) ?? 0);
        }
      } else if (entry["type"] === "remote-inbound-rtp") {
        reading.sentLoss = Math.max(reading.sentLoss ?? 0, number(entry["fractionLost"]) ?? 0);
      } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
        const rtt = number(entry["currentRoundTripTime"]);
        if (rtt !== null) reading.rttMs = Math.round(rtt * 1000);
      } else if (entry["type"] === "media-source" && entry["kind"] === "audio") {
        level = number(entry["audioLevel"]) ?? 0;
      }
    });
    for (const mid of this.frames_.keys()) if (!mids.has(mid)) this.frames_.delete(mid);
    const stalledMids = [...this.frames_].filter(([, each]) => each.same >= kStalledReadings).map(([mid]) => mid);
    this.report_({
      quality: this.last_ === null ? null : quality(this.last_, reading), stalledMids, sendingAudioLevel: level,
    });
    this.last_ = reading;
  }

  private countFrames(mid: string, decoded: number): void {
    const known = this.frames_.get(mid);
    const same = known !== undefined && known.decoded === decoded ? known.same + 1 : 0;
    this.frames_.set(mid, { decoded, same });
  }
}
