/** Who sits, who waits and who is here: a pure fold of `live:{sessionId}:staff`, for the owner and admins. */

import type { LiveSession } from "../api/types";
import type { Json, TopicEvent } from "../realtime/frames";

export interface Seat {
  userId: string;
  name: string;
  seat: number;
  since: string;
  connected: boolean;
}

export interface Waiter {
  userId: string;
  name: string;
  since: string;
}

export interface StaffState {
  session: LiveSession;
  /** By user id, in the order in which the seats were taken. */
  seats: ReadonlyMap<string, Seat>;
  /** By user id, the head of the queue first: a place is an index, so it is never sent for everybody. */
  waitlist: ReadonlyMap<string, Waiter>;
  removed: readonly string[];
  /** Which lists the snapshot had no room for in full; events name everybody, but not those who were inside before. */
  cut: { readonly seats: boolean; readonly waitlist: boolean };
}

export function fromSnapshot(snapshot: Json): StaffState {
  const whole = snapshot as unknown as {
    session: LiveSession;
    seats?: Seat[];
    waitlist?: (Waiter & { position: number })[];
    removed?: string[];
    more?: { seats: number; waitlist: number };
  };
  const waiting = [...(whole.waitlist ?? [])].sort((a, b) => a.position - b.position);
  return {
    session: whole.session,
    seats: new Map((whole.seats ?? []).map((seat) => [seat.userId, seat])),
    waitlist: new Map(waiting.map(({ userId, name, since }) => [userId, { userId, name, since }])),
    removed: whole.removed ?? [],
    cut: { seats: (whole.more?.seats ?? 0) > 0, waitlist: (whole.more?.waitlist ?? 0) > 0 },
  };
}

/** How many sit and wait whom the state does not name. */
export function unlisted({ session, seats, waitlist, cut }: StaffState): { seats: number; waitlist: number } {
  return {
    seats: cut.seats ? Math.max(0, session.currentStudents - seats.size) : 0,
    waitlist: cut.waitlist ? Math.max(0, session.waitlisted - waitlist.size) : 0,
  };
}

interface Draft {
  session: LiveSession;
  seats: Map<string, Seat>;
  waitlist: Map<string, Waiter>;
  removed: Set<string>;
  cut: StaffState["cut"];
}

const WHOLE = { seats: false, waitlist: false };

type Step = (draft: Draft, data: never, at: string) => void;

interface Person {
  userId: string;
  name: string;
  seat: number;
}

function present(draft: Draft, userId: string, connected: boolean): void {
  const seat = draft.seats.get(userId);
  if (seat !== undefined) draft.seats.set(userId, { ...seat, connected });
}

const STEPS: Record<string, Step> = {
  "seat.taken": (d, p: Person & { connected?: boolean }, at) => {
    d.waitlist.delete(p.userId);
    d.seats.set(p.userId, { userId: p.userId, name: p.name, seat: p.seat, since: at, connected: p.connected ?? false });
  },
  "seat.promoted": (d, p: Person & { connected?: boolean }, at) => {
    d.waitlist.delete(p.userId);
    d.seats.set(p.userId, { userId: p.userId, name: p.name, seat: p.seat, since: at, connected: p.connected ?? false });
  },
  "seat.released": (d, p: { userId: string }) => d.seats.delete(p.userId),
  "waitlist.joined": (d, p: { userId: string; name: string }, at) => {
    // A place is an index: behind people who are not listed it would be wrong.
    if (!d.cut.waitlist) d.waitlist.set(p.userId, { userId: p.userId, name: p.name, since: at });
  },
  "waitlist.left": (d, p: { userId: string }) => d.waitlist.delete(p.userId),
  "presence.connected": (d, p: { userId: string }) => present(d, p.userId, true),
  "presence.lost": (d, p: { userId: string }) => present(d, p.userId, false),
  "count.changed": (d, p: { currentStudents: number; waitlisted: number }) => {
    d.session = { ...d.session, ...p };
    d.cut = { seats: d.cut.seats && p.currentStudents > 0, waitlist: d.cut.waitlist && p.waitlisted > 0 };
  },
  "capacity.changed": (d, p: { maxStudents: number }) => {
    d.session = { ...d.session, maxStudents: p.maxStudents };
  },
  "session.started": (d, p: { endsAt: string }) => {
    d.session = { ...d.session, status: "live", endsAt: p.endsAt };
  },
  "session.ended": (d) => {
    d.session = { ...d.session, status: "ended" };
    d.seats.clear();
    d.waitlist.clear();
    d.cut = WHOLE;
  },
  "session.cancelled": (d) => {
    d.session = { ...d.session, status: "cancelled" };
    d.seats.clear();
    d.waitlist.clear();
    d.cut = WHOLE;
  },
  "member.removed": (d, p: { userId: string; ban?: boolean }) => {
    d.seats.delete(p.userId);
    d.waitlist.delete(p.userId);
    if (p.ban === true) d.removed.add(p.userId);
  },
};

/** The events of `:staff` that change who sits and who waits; the rest is told on `live:` as well. */
export const KNOWN = Object.keys(STEPS);

/** The state after `events`. One copy a batch, not one an event: a stampede arrives in few frames. */
export function afterEvents(state: StaffState, events: TopicEvent[]): StaffState {
  const draft: Draft = {
    session: state.session,
    seats: new Map(state.seats),
    waitlist: new Map(state.waitlist),
    removed: new Set(state.removed),
    cut: state.cut,
  };
  for (const event of events)
    if (Object.hasOwn(STEPS, event.type)) STEPS[event.type]?.(draft, event.data as never, event.at);
  return { ...draft, removed: [...draft.removed] };
}
