/** What class this is, who teaches, and how the time stands. */

import { Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { LiveSession } from "../../api/types";
import { RecordingMark } from "../media/marks";
import type { Recording } from "../stageState";
import { StatusBadge } from "../../ui/StatusBadge";
import { clockOf, clockWithZone, countdown, whenOf } from "../../ui/time";

interface Props {
  session: LiveSession;
  now: number;
  recording: Recording | null;
  actions?: ReactNode;
}

export function ClassHeader({ session, now, recording, actions }: Props) {
  return (
    <Group justify="space-between" align="flex-end" gap="md" mb="md">
      <Stack gap={6} miw={0} flex="1 1 320px">
        <Group gap="sm">
          <StatusBadge status={session.status} />
          <RecordingMark recording={recording} />
          <Text className="numbers" fw={600} miw={150}>
            {timeLine(session, now)}
          </Text>
        </Group>
        <Title order={1} className="break">
          {session.title}
        </Title>
        <Text c="dimmed">
          with {session.instructor.name} · {whenOf(session.startedAt ?? session.startTime, now)} to{" "}
          {clockWithZone(plannedEnd(session))}
        </Text>
      </Stack>
      {actions}
    </Group>
  );
}

function plannedEnd(session: LiveSession): string {
  if (session.status !== "scheduled") return session.endsAt;
  return new Date(Date.parse(session.startTime) + session.durationMinutes * 60_000).toISOString();
}

function timeLine(session: LiveSession, now: number): string {
  if (session.status === "live") return `${countdown(Date.parse(session.endsAt) - now)} left`;
  if (session.status === "ended") return `at ${clockOf(session.endsAt)}`;
  if (session.status === "cancelled") return "";
  const rest = Date.parse(session.startTime) - now;
  return rest > 0 ? `Starts in ${countdown(rest)}` : "Starts any moment";
}
