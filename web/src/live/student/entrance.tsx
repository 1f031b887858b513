/** Before one is inside: the lobby, the door, and why the door does not open. */

import { Alert, Anchor, Button, Card, Group, Loader, Stack, Switch, Text, Title } from "@mantine/core";
import { IconCalendarPlus, IconDoorEnter, IconInfoCircle, IconLock } from "@tabler/icons-react";
import { useEffect, useState, type ReactNode } from "react";
import { download } from "../../api/download";
import { clockWithZone, countdown, timezone } from "../../ui/time";
import { sentenceOf } from "../../api/problem";
import type { ScreenProps } from "../ClassPage";
import { SeatPanel } from "../parts/SeatPanel";
import { doorsOpenAt } from "../screen";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";

function Entrance({ state, children }: { state: VisitState; children: ReactNode }) {
  if (state.session === null) return null;
  return (
    <Card maw={620} mx="auto" p={{ base: "lg", sm: "xl" }}>
      <Stack gap="xl">
        <SeatPanel session={state.session} />
        <Stack gap="md" align="center" ta="center">
          {children}
        </Stack>
      </Stack>
    </Card>
  );
}

export function LobbyScreen({ visitor, state, now }: ScreenProps) {
  const [ready, setReady] = useState(false);
  const session = state.session!;
  const opens = doorsOpenAt(session);
  useJoinWhenOpen(visitor, ready, opens, now);
  return (
    <Entrance state={state}>
      <Title order={2}>The doors open in</Title>
      <Text className="numbers" fz={{ base: 44, sm: 56 }} fw={650} lh={1} ff="heading" role="timer">
        {countdown(opens - now)}
      </Text>
      <Text c="dimmed">
        at {clockWithZone(new Date(opens).toISOString())}, {session.doorsOpenMinutes} minutes before the start. Times
        are in your timezone, {timezone()}.
      </Text>
      <Switch
        size="md"
        checked={ready}
        onChange={(event) => setReady(event.currentTarget.checked)}
        label="Take a seat for me as soon as the doors open"
      />
      <CalendarButton sessionId={session.id} />
    </Entrance>
  );
}

/** Joins once when the time has come; the door itself decides by its own clock. */
function useJoinWhenOpen(visitor: Visitor, ready: boolean, opens: number, now: number): void {
  const due = ready && now + 1000 >= opens;
  useEffect(() => {
    if (!due) return undefined;
    const timer = setTimeout(() => void visitor.join(), Math.max(0, opens - now));
    return () => clearTimeout(timer);
    // `now` only ticks; the moment was found out when `due` became true.
  }, [due, opens, visitor]);
}

function CalendarButton({ sessionId }: { sessionId: string }) {
  const [trouble, setTrouble] = useState<string | null>(null);
  const save = () =>
    download(`/api/live-sessions/${sessionId}/calendar.ics`, "class.ics").then(
      () => setTrouble(null),
      (thrown: unknown) => setTrouble(sentenceOf(thrown)),
    );
  return (
    <>
      <Button variant="subtle" leftSection={<IconCalendarPlus size={18} />} onClick={() => void save()}>
        Add to my calendar
      </Button>
      {trouble === null ? null : <Text c="ember">{trouble}</Text>}
    </>
  );
}

export function DoorScreen({ visitor, state }: ScreenProps) {
  const session = state.session!;
  const standing = state.standing.at === "outside" ? state.standing : null;
  const why = standing?.why ?? null;
  const full = session.currentStudents >= session.maxStudents;
  return (
    <Entrance state={state}>
      <Reason why={standing?.lost ? LOST : (why?.message ?? null)} />
      <Title order={2}>{session.status === "live" ? "The class is live" : "The doors are open"}</Title>
      <Text c="dimmed">
        {full
          ? session.waitlistEnabled
            ? "All seats are taken just now. You can wait: the next free seat goes to the head of the queue by itself."
            : "All seats are taken just now, and this class has no queue."
          : "There is a seat for you."}
      </Text>
      <Button size="lg" leftSection={<IconDoorEnter size={22} />} onClick={() => void visitor.join()}>
        {full && session.waitlistEnabled ? "Join the queue" : "Take a seat"}
      </Button>
    </Entrance>
  );
}

const LOST = "Your seat or place was given on, because you were away for longer than a minute. You can join again.";

function Reason({ why }: { why: string | null }) {
  if (why === null) return null;
  return (
    <Alert color="saffron" icon={<IconInfoCircle aria-hidden="true" />} ta="start" w="100%">
      {why}
    </Alert>
  );
}

export function JoiningScreen({ state }: ScreenProps) {
  return (
    <Entrance state={state}>
      <Group gap="sm">
        <Loader size="sm" aria-hidden="true" />
        <Title order={2} role="status">
          Knocking at the door…
        </Title>
      </Group>
      <Text c="dimmed">Requests are answered in the order in which they arrive. There is no need to try again.</Text>
    </Entrance>
  );
}

export function FullScreen({ visitor, state }: ScreenProps) {
  const session = state.session!;
  const why = state.standing.at === "outside" ? state.standing.why : null;
  const queueFull = why?.errorCode === "waitlist_full";
  return (
    <Entrance state={state}>
      <Title order={2}>This class is full</Title>
      <Text>
        {session.maxStudents === 1 ? "The only seat is taken" : `All ${session.maxStudents} seats are taken`}
        {queueFull
          ? ", and the queue has reached its limit too."
          : session.waitlistEnabled
            ? "."
            : ", and the instructor has switched the queue off."}
      </Text>
      <Text c="dimmed">This page looks for a free seat every few seconds and tells you at once.</Text>
      {session.waitlistEnabled && !queueFull ? (
        <Button size="lg" onClick={() => void visitor.join()}>
          Join the queue
        </Button>
      ) : null}
      <Anchor href="/classes">Back to my classes</Anchor>
    </Entrance>
  );
}

export function LockedScreen({ state }: ScreenProps) {
  return (
    <Entrance state={state}>
      <IconLock size={40} aria-hidden="true" />
      <Title order={2}>The instructor has locked this class</Title>
      <Text c="dimmed">Nobody can come in just now. This page notices by itself when the class is open again.</Text>
    </Entrance>
  );
}
