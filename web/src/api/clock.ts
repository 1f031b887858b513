/** The server's clock as far as we can tell: doors open by its time, not by a laptop's that is minutes off. */

const NOTICEABLE_MS = 3_000;
let offsetMs = 0;

/** Take a response's `Date` header (whole seconds) into account. */
export function noteServerDate(header: string | null, now = Date.now()): void {
  if (header === null) return;
  const told = Date.parse(header);
  if (Number.isNaN(told)) return;
  const difference = told + 500 - now;
  offsetMs = Math.abs(difference) > NOTICEABLE_MS ? difference : 0;
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}
