/** Tells what changed by itself: the place, the promotion, the start, the end. */

import { Announcer } from "../../ui/Announcer";
import { roughly } from "../../ui/time";
import type { Screen } from "../screen";
import type { VisitState } from "../visit";

export function VisitAnnouncer({ state, screen }: { state: VisitState; screen: Screen }) {
  return <Announcer polite={politely(state, screen)} assertive={urgently(state, screen)} />;
}

function politely({ standing, session, everybody }: VisitState, screen: Screen): string {
  if (standing.at === "waiting") {
    const wait = standing.estimateSeconds === null ? "" : ` Waiting time: ${roughly(standing.estimateSeconds)}.`;
    return `You are number ${standing.place} in the queue.${wait}`;
  }
  if (everybody !== null && everybody.endingAt !== null && session?.status === "live")
    return "The class ends in five minutes.";
  if (screen === "seated" && session?.status === "live") return "The class is live.";
  if (screen === "door") return "The doors are open.";
  return "";
}

function urgently({ standing }: VisitState, screen: Screen): string {
  if (screen === "ended") return "The class has ended.";
  if (screen === "cancelled") return "The class was cancelled.";
  if (screen === "removed") return "You were removed from the class.";
  if (standing.at === "seated" && standing.promoted)
    return standing.seat === null ? "You have a seat now." : `You have a seat now: number ${standing.seat}.`;
  return "";
}
