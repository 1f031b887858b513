/** A class as lists show it: when, what, how full, and the way in. */

import { Card, Group, Progress, Stack, Text, Title } from "@mantine/core";
import type { LiveSession } from "../api/types";
import { doorsAreOpen } from "../live/screen";
import { ButtonLink, TextLink } from "../ui/links";
import { StatusBadge } from "../ui/StatusBadge";
import { clockOf, countdown, whenOf } from "../ui/time";
import classes from "./ClassCard.module.css";

interface Props {
  session: LiveSession;
  now: number;
  teaching: boolean;
}

export function ClassCard({ session, now, teaching }: Props) {
  const { id, title, instructor, maxStudents, currentStudents, waitlisted, status } = session;
  const open = doorsAreOpen(session, now);
  const over = status === "ended" || status === "cancelled";
  return (
    <Card component="article" className={classes.card ?? ""} data-live={status === "live" || undefined}>
      <Stack gap="sm" h="100%">
        <Group justify="space-between" gap="xs" wrap="nowrap" mih={28}>
          <Text size="sm" fw={600} className="numbers" c="dimmed" truncate>
            {whenOf(session.startTime, now)}–{clockOf(endOf(session))}
          </Text>
          {status === "scheduled" ? null : <StatusBadge status={status} />}
        </Group>
        <div>
          <Title order={3} className="break">
            <TextLink to="/classes/$sessionId" params={{ sessionId: id }} inherit c="inherit" underline="hover">
              {title}
            </TextLink>
          </Title>
          <Text c="dimmed" truncate>
            {teaching ? `${session.durationMinutes} minutes` : `with ${instructor.name}`}
          </Text>
        </div>
        {over ? null : (
          <div>
            <Progress value={(currentStudents / maxStudents) * 100} size="sm" aria-hidden="true" />
            <Text size="sm" c="dimmed" mt={4} className="numbers">
              {currentStudents} of {maxStudents} seats taken{waitlisted > 0 ? `, ${waitlisted} waiting` : ""}
            </Text>
          </div>
        )}
        <Group mt="auto" justify="space-between" wrap="nowrap">
          <ButtonLink
            to="/classes/$sessionId"
            params={{ sessionId: id }}
            size="sm"
            variant={open && !over ? "filled" : "light"}
            aria-label={`${actionOf(session, open, teaching)}: ${title}`}
          >
            {actionOf(session, open, teaching)}
          </ButtonLink>
          <Text size="sm" c="dimmed" className="numbers" ta="right">
            {hintOf(session, now)}
          </Text>
        </Group>
      </Stack>
    </Card>
  );
}

export function endOf(session: LiveSession): string {
  if (session.status === "ended") return session.endsAt;
  return new Date(Date.parse(session.startTime) + session.durationMinutes * 60_000).toISOString();
}

export function actionOf(session: LiveSession, open: boolean, teaching: boolean): string {
  if (session.status === "ended") return teaching ? "Attendance" : "Details";
  if (teaching) return session.status === "live" ? "Teach" : "Open";
  return open ? "Join" : "Lobby";
}

function hintOf(session: LiveSession, now: number): string {
  const rest = Date.parse(session.startTime) - now;
  if (session.status !== "scheduled" || rest > 86_400_000) return "";
  return rest > 0 ? `in ${countdown(rest)}` : "any moment";
}
