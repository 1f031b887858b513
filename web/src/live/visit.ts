/**
 * One person's visit to one class, as a pure state machine: what the API, the topics and the person's own topic said
 * go in, where the person stands comes out. `visitor.ts` does what it asks for.
 */

import type { LiveSession, LiveSessionStatus, Role } from "../api/types";
import type { Json, TopicEvent, WireError } from "../realtime/frames";
import type { Outcome } from "../realtime/line";
import type { StayReason } from "../realtime/closeCodes";
import * as everybody from "./classState";
import type { ChatMessage, ClassState } from "./classState";
import * as staff from "./staffState";
import type { StaffState } from "./staffState";

export type Standing =
  | { at: "unknown" }
  | { at: "stranger"; why: WireError }
  | { at: "outside"; why: WireError | null; lost: boolean }
  | { at: "joining" }
  | { at: "waiting"; place: number; ticket: number | null; estimateSeconds: number | null }
  | { at: "seated"; seat: number | null; promoted: boolean }
  | { at: "removed"; banned: boolean }
  | { at: "elsewhere" }
  | { at: "teaching" };

export interface VisitState {
  me: { id: string; role: Role };
  session: LiveSession | null;
  locked: boolean;
  standing: Standing;
  everybody: ClassState | null;
  staff: StaffState | null;
  /** What was said to staff or to one person; it comes over other topics than what is said to all. */
  aside: ChatMessage[];
}

/** Where the class says somebody stands: the same words in REST answers, command results and snapshots. */
type Told = LiveSessionStatus["you"] & { ticket?: number | null; estimatedWaitSeconds?: number | null };

export type View = "" | "staff" | "queue";

export type VisitAction =
  | { type: "looked"; status: LiveSessionStatus }
  | { type: "lookRefused"; error: WireError }
  | { type: "joining" }
  | { type: "joinAnswered"; outcome: Outcome }
  | { type: "left" }
  | { type: "snapshot"; view: View; snapshot: Json }
  | { type: "events"; view: View; events: TopicEvent[] }
  | { type: "refused"; view: View; error: WireError }
  | { type: "personal"; event: TopicEvent }
  | { type: "voted"; pollId: string; choices: number[] }
  | { type: "sentAway"; reason: StayReason };

export function arriving(me: { id: string; role: Role }): VisitState {
  return { me, session: null, locked: false, standing: { at: "unknown" }, everybody: null, staff: null, aside: [] };
}

/** The views of the class to follow while things stand like this. */
export function viewsOf(state: VisitState): View[] {
  if (state.session === null || isOver(state.session)) return [];
  switch (state.standing.at) {
    case "seated":
      return [""];
    case "waiting":
      return ["queue"];
    case "teaching":
      return ["", "staff"];
    default:
      return [];
  }
}

export function isOver(session: LiveSession): boolean {
  return session.status === "ended" || session.status === "cancelled";
}

export function afterAction(state: VisitState, action: VisitAction): VisitState {
  switch (action.type) {
    case "looked":
      return looked(state, action.status);
    case "lookRefused":
      return state.standing.at === "unknown" ? { ...state, standing: { at: "stranger", why: action.error } } : state;
    case "joining":
      return { ...state, standing: { at: "joining" } };
    case "joinAnswered":
      return joinAnswered(state, action.outcome);
    case "left":
      return inside(state) ? outside(state, null) : state;
    case "snapshot":
      return snapshot(state, action.view, action.snapshot);
    case "events":
      return happened(state, action.view, action.events);
    case "refused":
      return refused(state, action.error);
    case "personal":
      return personal(state, action.event);
    case "voted":
      return state.everybody === null
        ? state
        : { ...state, everybody: everybody.afterVote(state.everybody, action.pollId, action.choices) };
    case "sentAway":
      return sentAway(state, action.reason);
  }
}

function inside(state: VisitState): boolean {
  return state.standing.at === "seated" || state.standing.at === "waiting" || state.standing.at === "joining";
}

function outside(state: VisitState, why: WireError | null, lost = false): VisitState {
  return { ...state, standing: { at: "outside", why, lost }, everybody: null, aside: [] };
}

function withSession(state: VisitState, session: LiveSession): VisitState {
  return { ...state, session, locked: session.locked ?? state.locked };
}

function stand(state: VisitState, told: Told, promoted = false): VisitState {
  if (told.outcome === "seated") {
    const was = state.standing.at === "seated" && state.standing.promoted;
    return { ...state, standing: { at: "seated", seat: told.seat?.number ?? null, promoted: promoted || was } };
  }
  if (told.outcome === "waitlisted") {
    const estimateSeconds = told.estimatedWaitSeconds ?? null;
    return {
      ...state,
      standing: { at: "waiting", place: told.position ?? 0, ticket: told.ticket ?? null, estimateSeconds },
      everybody: null,
    };
  }
  return inside(state) ? outside(state, null, true) : state.standing.at === "unknown" ? outside(state, null) : state;
}

function looked(state: VisitState, status: LiveSessionStatus): VisitState {
  const { you, ...session } = status;
  const next = withSession(state, session);
  if (state.me.role === "admin" || session.instructor.id === state.me.id)
    return { ...next, standing: { at: "teaching" } };
  if (isOver(session) && state.standing.at !== "removed") return outside(next, null);
  // An answer that was asked for before the join must not undo it.
  if (state.standing.at === "joining" || state.standing.at === "elsewhere") return next;
  if (you.outcome === "none" && state.standing.at === "removed") return next;
  return stand(next, you, state.standing.at === "waiting");
}

function joinAnswered(state: VisitState, outcome: Outcome): VisitState {
  if (!outcome.ok) {
    if (state.standing.at !== "joining") return state;
    return turnedAway(state, outcome.error);
  }
  const { session, ...told } = outcome.result as unknown as Told & { session?: LiveSession };
  return stand(session === undefined ? state : withSession(state, session), told);
}

function turnedAway(state: VisitState, error: WireError, lost = false): VisitState {
  const status = ({ class_ended: "ended", class_cancelled: "cancelled" } as const)[error.errorCode];
  if (status !== undefined && state.session !== null)
    return outside({ ...state, session: { ...state.session, status } }, null);
  if (error.errorCode === "removed_from_class") return { ...state, standing: { at: "removed", banned: true } };
  return outside(state, error, lost);
}

function snapshot(state: VisitState, view: View, whole: Json): VisitState {
  if (view === "queue") {
    const { session, you } = whole as unknown as { session: LiveSession; you: Told };
    return stand(withSession(state, session), you, you.outcome === "seated");
  }
  if (view === "staff") {
    const next = staff.fromSnapshot(whole);
    const told = (whole as { chat?: ChatMessage[] }).chat ?? [];
    return { ...withSession(state, next.session), staff: next, aside: merge(told, state.aside) };
  }
  const next = everybody.fromSnapshot(whole);
  const { you } = whole as unknown as { you?: Told };
  const seated = you?.outcome === "seated" && state.standing.at === "seated" ? stand(state, you) : state;
  const told = (whole as { aside?: ChatMessage[] }).aside ?? [];
  return {
    ...withSession(seated, next.session),
    locked: next.locked,
    everybody: next,
    aside: merge(told, state.aside),
  };
}

function happened(state: VisitState, view: View, events: TopicEvent[]): VisitState {
  if (view === "") {
    if (state.everybody === null) return state;
    const next = everybody.afterEvents(state.everybody, events);
    const after = { ...state, everybody: next, session: next.session, locked: next.locked };
    const removal = events.find((event) => event.type === "member.removed" && event.data.userId === state.me.id);
    return removal === undefined ? after : sentOut(after, removal.data.ban === true);
  }
  if (view === "staff") {
    if (state.staff === null) return state;
    const said = events.flatMap((event) => (event.type === "chat.posted" ? [messageOf(event)] : []));
    const gone = new Set(events.flatMap((event) => (event.type === "chat.removed" ? [event.data.messageId] : [])));
    const aside = merge(state.aside, said).filter((message) => !gone.has(message.messageId));
    return { ...state, staff: staff.afterEvents(state.staff, events), aside };
  }
  return events.reduce(queued, state);
}

const messageOf = (event: TopicEvent): ChatMessage => ({ ...(event.data as unknown as ChatMessage), at: event.at });

function merge(first: ChatMessage[], second: ChatMessage[]): ChatMessage[] {
  const known = new Map([...first, ...second].map((message) => [message.messageId, message]));
  return [...known.values()].slice(-everybody.MAX_CHAT);
}

function queued(state: VisitState, event: TopicEvent): VisitState {
  if (state.session === null) return state;
  if (event.type === "waitlist.advanced") return advanced(state, Number(event.data.ticket));
  // The queue is told of the class in the same words as everybody inside; only the session matters here.
  const told = everybody.afterEvents(everybody.fromSnapshot({ session: state.session, locked: state.locked }), [event]);
  return { ...state, session: told.session, locked: told.locked };
}

/** Somebody with `ticket` left the queue; whoever stood behind moves up one place. */
function advanced(state: VisitState, ticket: number): VisitState {
  const { standing } = state;
  if (standing.at !== "waiting" || standing.ticket === null || ticket >= standing.ticket) return state;
  const place = Math.max(1, standing.place - 1);
  const estimateSeconds =
    standing.estimateSeconds === null ? null : Math.round((standing.estimateSeconds * place) / standing.place);
  return { ...state, standing: { ...standing, place, estimateSeconds } };
}

function personal(state: VisitState, event: TopicEvent): VisitState {
  if (state.session === null || event.data.sessionId !== state.session.id || state.standing.at === "teaching")
    return aside(state, event);
  const data = event.data as {
    seat?: { number: number };
    seatNumber?: number;
    position?: number;
    estimatedWaitSeconds?: number | null;
    ban?: boolean;
  };
  switch (event.type) {
    case "seat.promoted": {
      if (state.standing.at !== "waiting" && state.standing.at !== "joining") return state;
      const seat = data.seat?.number ?? data.seatNumber ?? null;
      return { ...state, standing: { at: "seated", seat, promoted: true } };
    }
    case "waitlist.moved":
      if (state.standing.at !== "waiting" || data.position === undefined) return state;
      return {
        ...state,
        standing: {
          ...state.standing,
          place: data.position,
          estimateSeconds: data.estimatedWaitSeconds ?? state.standing.estimateSeconds,
        },
      };
    case "member.removed":
      return sentOut(state, data.ban === true);
    default:
      return aside(state, event);
  }
}

function aside(state: VisitState, event: TopicEvent): VisitState {
  if (event.data.sessionId !== state.session?.id) return state;
  if (event.type === "chat.posted") return { ...state, aside: merge(state.aside, [messageOf(event)]) };
  if (event.type !== "chat.removed") return state;
  return { ...state, aside: state.aside.filter((message) => message.messageId !== event.data.messageId) };
}

function sentOut(state: VisitState, banned: boolean): VisitState {
  const already = state.standing.at === "removed" && state.standing.banned;
  return { ...state, standing: { at: "removed", banned: banned || already }, everybody: null, aside: [] };
}

/** A topic was refused: the person no longer stands where we thought. The visitor looks again. */
function refused(state: VisitState, error: WireError): VisitState {
  if (state.standing.at === "teaching") return { ...state, standing: { at: "stranger", why: error } };
  return inside(state) ? turnedAway(state, error, error.errorCode === "not_seated") : state;
}

function sentAway(state: VisitState, reason: StayReason): VisitState {
  switch (reason) {
    case "removed":
      return inside(state) ? sentOut(state, false) : state;
    case "ended":
      return state.session === null
        ? state
        : outside({ ...state, session: { ...state.session, status: "ended" } }, null);
    case "replaced":
      return { ...state, standing: { at: "elsewhere" }, everybody: null, staff: null };
    default:
      return state;
  }
}
