/** Which screen of a class a person sees: a pure choice from the visit and the time. */

import type { LiveSession } from "../api/types";
import type { VisitState } from "./visit";

export type Screen =
  | "loading"
  | "stranger"
  | "lobby"
  | "door"
  | "joining"
  | "full"
  | "locked"
  | "waiting"
  | "seated"
  | "removed"
  | "ended"
  | "cancelled"
  | "elsewhere"
  | "teaching";

/** When the doors open, in milliseconds since 1970. A class that was started early has open doors. */
export function doorsOpenAt(session: LiveSession): number {
  return Date.parse(session.startTime) - session.doorsOpenMinutes * 60_000;
}

export function doorsAreOpen(session: LiveSession, now: number): boolean {
  return session.status === "live" || now >= doorsOpenAt(session);
}

export function hasFreeSeat(session: LiveSession): boolean {
  return session.currentStudents < session.maxStudents && session.waitlisted === 0;
}

export function screenOf(state: VisitState, now: number): Screen {
  const { session, standing } = state;
  if (standing.at === "stranger") return "stranger";
  if (session === null) return "loading";
  if (standing.at === "teaching" || standing.at === "removed" || standing.at === "elsewhere") return standing.at;
  if (session.status === "ended" || session.status === "cancelled") return session.status;
  switch (standing.at) {
    case "unknown":
      return "loading";
    case "outside":
      break;
    default:
      return standing.at;
  }
  if (!doorsAreOpen(session, now)) return "lobby";
  if (state.locked) return "locked";
  const why = standing.why?.errorCode;
  if ((why === "class_full" || why === "waitlist_full") && !hasFreeSeat(session)) return "full";
  return "door";
}
