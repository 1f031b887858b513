/** The class that matters now: the live one, or the next, with its room. */

import { Card, Group, Stack, Text, Title } from "@mantine/core";
import type { LiveSession } from "../api/types";
import { doorsAreOpen } from "../live/screen";
import { SeatPanel } from "../live/parts/SeatPanel";
import { ButtonLink } from "../ui/links";
import { StatusBadge } from "../ui/StatusBadge";
import { clockWithZone, countdown, whenOf } from "../ui/time";
import { actionOf, endOf } from "./ClassCard";
import classes from "./NextClass.module.css";

interface Props {
  session: LiveSession;
  now: number;
  teaching: boolean;
}

export function NextClass({ session, now, teaching }: Props) {
  const open = doorsAreOpen(session, now);
  const rest = Date.parse(session.startTime) - now;
  const action = actionOf(session, open, teaching);
  return (
    <Card component="section" aria-label="Next class" className={classes.card ?? ""} p={{ base: "lg", sm: "xl" }}>
      <div className={classes.columns}>
        <Stack gap="sm" align="flex-start" justify="center">
          <Group gap="sm">
            <StatusBadge status={session.status} />
            <Text fw={600} className="numbers">
              {session.status === "live"
                ? `${countdown(Date.parse(session.endsAt) - now)} left`
                : rest > 0
                  ? `in ${countdown(rest)}`
                  : "any moment"}
            </Text>
          </Group>
          <Title order={2} fz="h1" className="break">
            {session.title}
          </Title>
          <Text c="dimmed">
            {teaching ? "" : `with ${session.instructor.name} · `}
            {whenOf(session.startTime, now)} to {clockWithZone(endOf(session))}
          </Text>
          <ButtonLink
            mt="sm"
            size="lg"
            to="/classes/$sessionId"
            params={{ sessionId: session.id }}
            aria-label={`${action}: ${session.title}`}
          >
            {action}
          </ButtonLink>
        </Stack>
        <SeatPanel session={session} />
      </div>
    </Card>
  );
}
