/** The page of one class: finds out where the reader stands and shows that screen. */

import { Center, Loader } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import { useRealtime } from "../app/RealtimeProvider";
import { useNow } from "../ui/useNow";
import { useRoomMedia, type Room } from "./media/useRoomMedia";
import { ClassHeader } from "./parts/ClassHeader";
import { ConnectionBanner } from "./parts/ConnectionBanner";
import { VisitAnnouncer } from "./parts/VisitAnnouncer";
import rooms from "./parts/rooms.module.css";
import { screenOf, type Screen } from "./screen";
import { CancelledScreen, ElsewhereScreen, EndedScreen, RemovedScreen, StrangerScreen } from "./student/endings";
import { DoorScreen, FullScreen, JoiningScreen, LobbyScreen, LockedScreen } from "./student/entrance";
import { SeatedScreen } from "./student/SeatedScreen";
import { WaitingScreen } from "./student/WaitingScreen";
import { TeachingScreen } from "./teach/TeachingScreen";
import { useVisitState, useVisitor } from "./useVisit";
import type { Visitor } from "./visitor";
import { isOver, type VisitState } from "./visit";

export function ClassPage({ sessionId }: { sessionId: string }) {
  const visitor = useVisitor(sessionId);
  return visitor === null ? <Waiting /> : <Visit visitor={visitor} />;
}

function Waiting() {
  return (
    <Center mih={420}>
      <Loader aria-label="Opening the class" />
    </Center>
  );
}

export interface ScreenProps {
  visitor: Visitor;
  state: VisitState;
  now: number;
  /** Picture and sound. */
  room: Room | null;
}

const SCREENS: Record<Screen, (props: ScreenProps) => ReactNode> = {
  loading: Waiting,
  stranger: StrangerScreen,
  lobby: LobbyScreen,
  door: DoorScreen,
  joining: JoiningScreen,
  full: FullScreen,
  locked: LockedScreen,
  waiting: WaitingScreen,
  seated: SeatedScreen,
  removed: RemovedScreen,
  ended: EndedScreen,
  cancelled: CancelledScreen,
  elsewhere: ElsewhereScreen,
  teaching: TeachingScreen,
};

function Visit({ visitor }: { visitor: Visitor }) {
  const state = useVisitState(visitor);
  const now = useNow();
  const client = useRealtime()?.client;
  const screen = screenOf(state, now);
  const room = useRoomMedia(state);
  const Shown = SCREENS[screen];
  const { session } = state;
  useDocumentTitle(session === null ? "Class · Lyceum" : `${TITLES[screen] ?? ""}${session.title} · Lyceum`);
  const fills = screen === "seated" || (screen === "teaching" && session !== null && !isOver(session));
  return (
    <div className={rooms.page} data-screen={screen} data-fills={fills || undefined}>
      {session !== null && screen !== "teaching" ? (
        <ClassHeader session={session} now={now} recording={state.everybody?.recording ?? null} />
      ) : null}
      <Shown visitor={visitor} state={state} now={now} room={room} />
      <VisitAnnouncer state={state} screen={screen} />
      {client ? <ConnectionBanner client={client} /> : null}
    </div>
  );
}

const TITLES: Partial<Record<Screen, string>> = { waiting: "Waiting: ", seated: "In class: ", teaching: "Teaching: " };
