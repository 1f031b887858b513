/** Exponential backoff with full jitter: a crowd that was cut at once comes back spread out. */

export const BASE_MS = 500;
export const CAP_MS = 20_000;

/** How long to wait before attempt `attempt` (0 for the first return); `random` is in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  return Math.floor(random * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16)));
}
