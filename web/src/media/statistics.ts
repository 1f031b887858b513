/** What a connection has counted, out of the browser's statistics (W3C webrtc-stats): plain numbers for the rules. */

export interface Stat {
  type: string;
  kind?: string;
  timestamp?: number;
  trackIdentifier?: string;
  packetsReceived?: number;
  bytesReceived?: number;
  packetsSent?: number;
  packetsLost?: number;
  framesDecoded?: number;
  fractionLost?: number;
  roundTripTime?: number;
  nominated?: boolean;
  currentRoundTripTime?: number;
}

export interface Arrived {
  packets: number;
  /** Changes whenever anything but STUN comes: the bytes of all paths, and packets where a browser counts no bytes. */
  received: number;
  lost: number;
  roundTripMs: number | null;
  /** Packets by the identifier of the track they belong to. */
  byTrack: ReadonlyMap<string, number>;
}

export function arrived(stats: Iterable<Stat>): Arrived {
  let packets = 0;
  let bytes = 0;
  let lost = 0;
  let roundTripMs: number | null = null;
  const byTrack = new Map<string, number>();
  for (const one of stats) {
    if (one.type === "inbound-rtp") {
      packets += one.packetsReceived ?? 0;
      lost += Math.max(0, one.packetsLost ?? 0);
      if (one.trackIdentifier !== undefined) byTrack.set(one.trackIdentifier, one.packetsReceived ?? 0);
    } else if (one.type === "candidate-pair") {
      bytes += one.bytesReceived ?? 0;
      roundTripMs = roundTripOf(one) ?? roundTripMs;
    }
  }
  return { packets, received: packets + bytes, lost, roundTripMs, byTrack };
}

export interface Acknowledged {
  sent: number;
  /** Changes whenever the other side has reported what arrived there. */
  heard: number;
  /** Of what was sent lately, how much was lost; 0 to 1. */
  lossShare: number;
  roundTripMs: number | null;
}

export function acknowledged(stats: Iterable<Stat>): Acknowledged {
  let sent = 0;
  let heard = 0;
  let lossShare = 0;
  let roundTripMs: number | null = null;
  for (const one of stats) {
    if (one.type === "outbound-rtp") sent += one.packetsSent ?? 0;
    else if (one.type === "remote-inbound-rtp") {
      heard += one.timestamp ?? 0;
      lossShare = Math.max(lossShare, one.fractionLost ?? 0);
    } else if (one.type === "transport") heard += one.packetsReceived ?? 0;
    else roundTripMs = roundTripOf(one) ?? roundTripMs;
  }
  return { sent, heard, lossShare, roundTripMs };
}

function roundTripOf(one: Stat): number | null {
  const used = one.type === "candidate-pair" && one.nominated === true && one.currentRoundTripTime !== undefined;
  return used ? one.currentRoundTripTime! * 1000 : null;
}
