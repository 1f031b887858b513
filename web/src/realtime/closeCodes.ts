/** What to do after a close: 4000-4499 mean come back, 4500-4999 mean stay away, anything else was an accident. */

export type Ending = { next: "return" } | { next: "renew" } | { next: "stay"; reason: StayReason };

export type StayReason = "unauthenticated" | "forbidden" | "removed" | "ended" | "replaced" | "malformed";

const STAY: Record<number, StayReason> = {
  4501: "forbidden",
  4502: "removed",
  4503: "ended",
  4504: "replaced",
  4505: "malformed",
};

/** `renewed` says that the sign-in was already renewed for this attempt: a second 4500 is final. */
export function endingOf(code: number, renewed: boolean): Ending {
  if (code === 4500) return renewed ? { next: "stay", reason: "unauthenticated" } : { next: "renew" };
  if (code > 4500 && code <= 4999) return { next: "stay", reason: STAY[code] ?? "forbidden" };
  return { next: "return" };
}
