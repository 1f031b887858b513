/** How good a connection is, in three words, by loss and round trip over the last seconds. */

import type { Arrived } from "./statistics";

export type Quality = "unknown" | "good" | "fair" | "poor";

const WINDOW_MS = 4_000;
const FEWEST_PACKETS = 20;
const FAIR = { loss: 0.02, roundTripMs: 250 };
const POOR = { loss: 0.08, roundTripMs: 600 };

/** `loss` from 0 to 1; `roundTripMs` null while it is not known. */
export function qualityOf(loss: number, roundTripMs: number | null): Quality {
  const trip = roundTripMs ?? 0;
  if (loss >= POOR.loss || trip >= POOR.roundTripMs) return "poor";
  return loss >= FAIR.loss || trip >= FAIR.roundTripMs ? "fair" : "good";
}

const ORDER: Quality[] = ["unknown", "good", "fair", "poor"];

export function worse(a: Quality, b: Quality): Quality {
  return ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b;
}

interface Sample {
  at: number;
  packets: number;
  lost: number;
}

/** Looks at what arrived and what was missing in the last seconds. */
export class ArrivalQuality {
  private samples: Sample[] = [];

  note({ packets, lost, roundTripMs }: Arrived, now: number): Quality {
    this.samples = [...this.samples.filter((one) => now - one.at <= WINDOW_MS), { at: now, packets, lost }];
    const first = this.samples[0]!;
    const came = packets - first.packets;
    const missing = Math.max(0, lost - first.lost);
    if (came + missing < FEWEST_PACKETS) return "unknown";
    return qualityOf(missing / (came + missing), roundTripMs);
  }

  reset(): void {
    this.samples = [];
  }
}
