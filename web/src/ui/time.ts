/** Moments and durations as people read them, in the reader's own timezone and language. */

const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });

export const timezone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function dayOf(iso: string): string {
  return day.format(new Date(iso));
}

export function clockOf(iso: string): string {
  return clock.format(new Date(iso));
}

export function clockWithZone(iso: string): string {
  const at = new Date(iso);
  const name = zone.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
  return `${clock.format(at)} ${name}`.trimEnd();
}

export function clockWithSeconds(iso: string): string {
  return seconds.format(new Date(iso));
}

/** "Today, 14:00", "Tomorrow, 9:30" or "Sat, 21 Nov, 14:00". */
export function whenOf(iso: string, now = Date.now()): string {
  const at = new Date(iso);
  const days = Math.round((startOfDay(at) - startOfDay(new Date(now))) / 86_400_000);
  const name =
    ({ [-1]: "Yesterday", 0: "Today", 1: "Tomorrow" } as Record<number, string>)[days] ?? shortDay.format(at);
  return `${name}, ${clock.format(at)}`;
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** A countdown or a running time: "4:07", "1:02:07"; days are told in words. */
export function countdown(milliseconds: number): string {
  const total = Math.max(0, Math.ceil(milliseconds / 1000));
  const days = Math.floor(total / 86_400);
  if (days >= 2) return `${days} days`;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

/** The duration to the second, for the record: "0:12:05". */
export function exactDuration(total: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(total / 3600)}:${two(Math.floor((total % 3600) / 60))}:${two(Math.floor(total % 60))}`;
}

/** An estimate, as vague as it is: "less than a minute", "about 4 minutes", "more than an hour". */
export function roughly(total: number): string {
  if (total < 60) return "less than a minute";
  const minutes = Math.round(total / 60);
  if (minutes < 60) return `about ${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
  return "more than an hour";
}

/** The value of a `datetime-local` field for a moment, and back. */
export function toLocalField(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export function fromLocalField(value: string): string | null {
  const at = new Date(value);
  return value === "" || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
