/** What everybody inside a class sees: a pure fold of `live:{sessionId}` (docs/protocol.md). */

import type { LiveSession } from "../api/types";
import type { Json, TopicEvent } from "../realtime/frames";
import { EMPTY, offStage, STAGE_STEPS, stageOf, type StageState } from "./stageState";

export interface ChatMessage {
  messageId: string;
  userId: string;
  name: string;
  text: string;
  to: string;
  at: string;
}

export interface Hand {
  userId: string;
  name: string;
  raisedAt: string;
}

export interface Poll {
  pollId: string;
  question: string;
  options: string[];
  multiple: boolean;
  quiz: boolean;
  open: boolean;
  tally: number[];
  votes: number;
  correct?: number[];
  yourChoices?: number[];
}

export interface Reaction {
  key: number;
  userId: string;
  emoji: string;
}

export interface ClassState extends StageState {
  session: LiveSession;
  locked: boolean;
  chat: ChatMessage[];
  hands: Hand[];
  polls: Poll[];
  muted: string[];
  /** The last few, newest last; the screen lets each one rise and fade. */
  reactions: Reaction[];
  /** Set by the five-minute warning. */
  endingAt: string | null;
}

export const MAX_CHAT = 200;
const MAX_REACTIONS = 24;

export function fromSnapshot(snapshot: Json): ClassState {
  const whole = snapshot as unknown as Partial<ClassState> & { session: LiveSession };
  return {
    session: whole.session,
    locked: whole.locked ?? false,
    chat: (whole.chat ?? []).slice(-MAX_CHAT),
    hands: whole.hands ?? [],
    polls: (whole.polls ?? []).map((poll) => ({ ...poll, votes: poll.votes ?? 0 })),
    muted: whole.muted ?? [],
    reactions: [],
    endingAt: null,
    ...stageOf(whole),
  };
}

type Step = (state: ClassState, data: never, event: TopicEvent) => ClassState;

const session = (state: ClassState, change: Partial<LiveSession>): ClassState => ({
  ...state,
  session: { ...state.session, ...change },
});

const poll = (state: ClassState, pollId: string, change: Partial<Poll>): ClassState => ({
  ...state,
  polls: state.polls.map((one) => (one.pollId === pollId ? { ...one, ...change } : one)),
});

const without = (list: string[], userId: string): string[] => list.filter((one) => one !== userId);

type Revised = Pick<LiveSession, "title" | "durationMinutes" | "doorsOpenMinutes" | "waitlistEnabled"> & {
  startsAt: string;
};

interface Tally {
  pollId: string;
  tally: number[];
  votes: number;
  correct?: number[];
}

const STEPS: Record<string, Step> = {
  "session.started": (s, d: { endsAt: string }, event) =>
    session(s, { status: "live", endsAt: d.endsAt, startedAt: event.at }),
  "session.ending": (s, d: { endsAt: string }) => ({ ...session(s, { endsAt: d.endsAt }), endingAt: d.endsAt }),
  "session.ended": (s, d: { endedAt?: string }, event) => {
    const endedAt = d.endedAt ?? event.at; // it may have ended before anybody could say so
    return session({ ...s, ...EMPTY, hands: [], endingAt: null }, { status: "ended", endsAt: endedAt, endedAt });
  },
  "session.cancelled": (s) => session({ ...s, ...EMPTY }, { status: "cancelled" }),
  "session.revised": (s, { startsAt, ...rest }: Revised) => session(s, { ...rest, startTime: startsAt }),
  "session.locked": (s) => ({ ...s, locked: true }),
  "session.unlocked": (s) => ({ ...s, locked: false }),
  "capacity.changed": (s, d: { maxStudents: number }) => session(s, { maxStudents: d.maxStudents }),
  "count.changed": (s, d: { currentStudents: number; waitlisted: number }) =>
    session(s, { currentStudents: d.currentStudents, waitlisted: d.waitlisted }),
  "chat.posted": (s, d: Omit<ChatMessage, "at">, event) => ({
    ...s,
    chat: [...s.chat.filter((one) => one.messageId !== d.messageId), { ...d, at: event.at }].slice(-MAX_CHAT),
  }),
  "chat.removed": (s, d: { messageId: string }) => ({
    ...s,
    chat: s.chat.filter((one) => one.messageId !== d.messageId),
  }),
  "hand.raised": (s, d: { userId: string; name: string }, event) => ({
    ...s,
    hands: [...s.hands.filter((one) => one.userId !== d.userId), { ...d, raisedAt: event.at }],
  }),
  "hand.lowered": (s, d: { userId: string }) => ({ ...s, hands: s.hands.filter((one) => one.userId !== d.userId) }),
  "reaction.sent": (s, d: { userId: string; emoji: string }, event) => ({
    ...s,
    reactions: [...s.reactions, { key: event.offset, userId: d.userId, emoji: d.emoji }].slice(-MAX_REACTIONS),
  }),
  "poll.opened": (s, d: Pick<Poll, "pollId" | "question" | "options" | "multiple" | "quiz">) => ({
    ...s,
    polls: [
      ...s.polls.filter((one) => one.pollId !== d.pollId),
      { ...d, open: true, tally: d.options.map(() => 0), votes: 0 },
    ],
  }),
  "poll.tallied": (s, d: Tally) => poll(s, d.pollId, { tally: d.tally, votes: d.votes }),
  "poll.closed": (s, d: Tally) =>
    poll(s, d.pollId, { open: false, tally: d.tally, votes: d.votes, ...(d.correct ? { correct: d.correct } : {}) }),
  "member.muted": (s, d: { userId: string }) => ({ ...s, muted: [...without(s.muted, d.userId), d.userId] }),
  "member.unmuted": (s, d: { userId: string }) => ({ ...s, muted: without(s.muted, d.userId) }),
  "member.removed": (s, d: { userId: string }) => ({
    ...offStage(s, d.userId),
    hands: s.hands.filter((one) => one.userId !== d.userId),
  }),
  ...STAGE_STEPS,
};

/** The events of `live:` that change what is seen. */
export const KNOWN = Object.keys(STEPS);

/** The state after `events`; an event this release does not know changes nothing. */
export function afterEvents(state: ClassState, events: TopicEvent[]): ClassState {
  return events.reduce((before, event) => {
    const step = Object.hasOwn(STEPS, event.type) ? STEPS[event.type] : undefined;
    return step === undefined ? before : step(before, event.data as never, event);
  }, state);
}

/** One's own vote, once the class has accepted it: tallies do not say who chose what. */
export function afterVote(state: ClassState, pollId: string, choices: number[]): ClassState {
  return poll(state, pollId, { yourChoices: choices });
}
