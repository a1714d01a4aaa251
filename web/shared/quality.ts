// How good the connection is, from two readings of the browser's statistics.

export type Grade = "good" | "fair" | "poor";
export interface Reading { packetsReceived: number; packetsLost: number; sentLoss: number | null; rttMs: number | null }
export interface Quality { grade: Grade; lossPercent: number; rttMs: number | null }

// Loss is taken over the time between the readings; sentLoss (0 to 1) is what the far end reports of our own packets.
export function quality(before: Reading, after: Reading): Quality {
  const received = Math.max(0, after.packetsReceived - before.packetsReceived);
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  const inbound = received + lost === 0 ? 0 : lost / (received + lost);
  const loss = Math.max(inbound, after.sentLoss ?? 0);
  const rtt = after.rttMs ?? 0;
  let grade: Grade = "good";
  if (loss > 0.08 || rtt > 500) grade = "poor";
  else if (loss > 0.02 || rtt > 250) grade = "fair";
  return { grade, lossPercent: Math.round(loss * 1000) / 10, rttMs: after.rttMs };
}
