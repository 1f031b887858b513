/** Who is on the stage, what is in which slot, who speaks, whether a recording runs: the part of `live:` about video. */

import type { TopicEvent } from "../realtime/frames";

export interface Person {
  userId: string;
  name: string;
}

export interface Stage {
  members: Person[];
  invited: Person[];
}

export interface Media {
  /** Grows with every MediaNode that the class is placed on; 0 before the first. */
  generation: number;
  screen: Person | null;
  cameras: (Person | null)[];
  microphones: (Person | null)[];
  /** User ids, the loudest first. */
  speakers: string[];
}

export interface Recording {
  recordingId: string;
  since: string;
}

export interface StageState {
  stage: Stage;
  media: Media;
  recording: Recording | null;
}

export const EMPTY: StageState = {
  stage: { members: [], invited: [] },
  media: { generation: 0, screen: null, cameras: [], microphones: [], speakers: [] },
  recording: null,
};

/** What a snapshot tells of it; releases before video told nothing. */
export function stageOf(snapshot: Partial<StageState>): StageState {
  return {
    stage: { ...EMPTY.stage, ...snapshot.stage },
    media: { ...EMPTY.media, ...snapshot.media },
    recording: snapshot.recording ?? null,
  };
}

const without = (people: Person[], userId: string): Person[] => people.filter((one) => one.userId !== userId);

/** Without this person on the stage, and without an invitation. */
export function offStage<S extends StageState>(state: S, userId: string): S {
  const { members, invited } = state.stage;
  return { ...state, stage: { members: without(members, userId), invited: without(invited, userId) } };
}

export type StageStanding = "below" | "invited" | "on";

/** Where somebody stands in what everybody sees; below while nothing is known. */
export function standingOf(state: { everybody: StageState | null }, userId: string): StageStanding {
  const { members, invited } = state.everybody?.stage ?? EMPTY.stage;
  if (members.some((one) => one.userId === userId)) return "on";
  return invited.some((one) => one.userId === userId) ? "invited" : "below";
}

type Step = <S extends StageState>(state: S, data: never, event: TopicEvent) => S;

export const STAGE_STEPS: Record<string, Step> = {
  "stage.invited": (s, { userId, name }: Person) => ({
    ...s,
    stage: { ...s.stage, invited: [...without(s.stage.invited, userId), { userId, name }] },
  }),
  "stage.declined": (s, { userId }: { userId: string }) => ({
    ...s,
    stage: { ...s.stage, invited: without(s.stage.invited, userId) },
  }),
  "stage.joined": (s, { userId, name }: Person) => {
    const off = offStage(s, userId);
    return { ...off, stage: { ...off.stage, members: [...off.stage.members, { userId, name }] } };
  },
  "stage.left": (s, { userId }: { userId: string }) => offStage(s, userId),
  // Nobody is shown by the new node yet; it says who is, as they come back.
  "media.placed": (s, { generation }: { generation: number }) => ({ ...s, media: { ...EMPTY.media, generation } }),
  "media.changed": (s, { screen, cameras, microphones }: Omit<Media, "generation" | "speakers">) => ({
    ...s,
    media: { ...s.media, screen, cameras, microphones },
  }),
  "media.speaking": (s, { speakers }: { speakers: string[] }) => ({ ...s, media: { ...s.media, speakers } }),
  "recording.started": (s, { recordingId }: { recordingId: string }, event) => ({
    ...s,
    recording: { recordingId, since: event.at },
  }),
  "recording.stopped": (s) => ({ ...s, recording: null }),
};
