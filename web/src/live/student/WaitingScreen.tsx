/** In the queue: the place, the estimate, and the way out. */

import { Button, Card, Stack, Text, Title } from "@mantine/core";
import { IconArmchair2 } from "@tabler/icons-react";
import { roughly } from "../../ui/time";
import type { ScreenProps } from "../ClassPage";
import { SeatPanel } from "../parts/SeatPanel";
import { useAsk } from "../useAsk";
import classes from "./WaitingScreen.module.css";

const MOST_HEADS = 24;

export function WaitingScreen({ visitor, state }: ScreenProps) {
  const [ask, busy] = useAsk();
  const { standing } = state;
  const session = state.session!;
  if (standing.at !== "waiting") return null;
  return (
    <Card maw={620} mx="auto" p={{ base: "lg", sm: "xl" }}>
      <Stack gap="xl">
        <SeatPanel session={session}>
          <Queue place={standing.place} length={Math.max(session.waitlisted, standing.place)} />
        </SeatPanel>
        <Stack gap="xs" align="center" ta="center">
          <Title order={2}>You are in the queue</Title>
          <Text className={`numbers ${classes.place}`} data-testid="place">
            {standing.place}
          </Text>
          <Text mih={26}>
            {standing.place === 1 ? "The next free seat is yours." : `${standing.place - 1} before you.`}{" "}
            {standing.estimateSeconds === null ? "" : `It may take ${roughly(standing.estimateSeconds)}.`}
          </Text>
          <Text c="dimmed" maw={440}>
            Keep this page open. When a seat is free you come in by yourself, there is nothing to press.
          </Text>
          <Button mt="md" variant="default" loading={busy} onClick={() => void ask(() => visitor.leave())}>
            Leave the queue
          </Button>
        </Stack>
      </Stack>
    </Card>
  );
}

/** The queue as a line of chairs, the head on the left, one's own in saffron. */
function Queue({ place, length }: { place: number; length: number }) {
  if (length < 2) return null;
  const shown = Math.min(length, MOST_HEADS);
  const mine = Math.min(place, shown);
  return (
    <div className={classes.queue} aria-hidden="true">
      {Array.from({ length: shown }, (_, index) => (
        <IconArmchair2 key={index} size={20} className={index + 1 === mine ? classes.mine : classes.other} />
      ))}
      {length > shown ? <Text c="dimmed">…</Text> : null}
    </div>
  );
}
