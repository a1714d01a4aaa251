// One reading of a peer connection's statistics, summed over its streams.

import type { CallStatistics } from "./types.ts";

type Fields = Record<string, unknown>;
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

export async function readStatistics(connection: RTCPeerConnection): Promise<CallStatistics> {
  const sum: CallStatistics = {
    packetsReceived: 0, packetsSent: 0, packetsLost: 0, bytesReceived: 0, bytesSent: 0, jitterMs: null, rttMs: null, codecs: [],
  };
  (await connection.getStats()).forEach((entry: Fields) => {
    switch (entry["type"]) {
      case "inbound-rtp":
        sum.packetsReceived += number(entry["packetsReceived"]);
        sum.packetsLost += Math.max(0, number(entry["packetsLost"]));
        sum.bytesReceived += number(entry["bytesReceived"]);
        if (entry["kind"] === "audio") sum.jitterMs = Math.round(number(entry["jitter"]) * 1000);
        break;
      case "outbound-rtp":
        sum.packetsSent += number(entry["packetsSent"]);
        sum.bytesSent += number(entry["bytesSent"]);
        break;
      case "candidate-pair":
        if (entry["nominated"] === true && typeof entry["currentRoundTripTime"] === "number") {
          sum.rttMs = Math.round(entry["currentRoundTripTime"] * 1000);
        }
        break;
      case "codec":
        if (typeof entry["mimeType"] === "string" && !sum.codecs.includes(entry["mimeType"])) sum.codecs.push(entry["mimeType"]);
        break;
      default: break;
    }
  });
  return sum;
}
