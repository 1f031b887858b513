/** What is scheduled in a course: open it, change it, call it off. */

import { Button, Card, Group, Modal, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { sentenceOf } from "../api/problem";
import type { LiveSession } from "../api/types";
import { ButtonLink } from "../ui/links";
import { whenOf } from "../ui/time";
import { ScheduleForm } from "./ScheduleForm";

export function PlannedClasses({ sessions, now }: { sessions: LiveSession[]; now: number }) {
  const [changing, setChanging] = useState<LiveSession | null>(null);
  const [cancelling, setCancelling] = useState<LiveSession | null>(null);
  return (
    <Stack component="section" gap="md" aria-label="Upcoming">
      <Title order={2}>Upcoming</Title>
      {sessions.length === 0 ? <Text c="dimmed">Nothing is scheduled.</Text> : null}
      {sessions.map((session) => (
        <Card key={session.id} component="article" p="md">
          <Group justify="space-between">
            <Stack gap={2} miw={0} flex="1 1 240px">
              <Text fw={650} className="break">
                {session.title}
              </Text>
              <Text c="dimmed" className="numbers">
                {whenOf(session.startTime, now)} · {session.durationMinutes} minutes · {session.maxStudents}{" "}
                {session.maxStudents === 1 ? "seat" : "seats"}
              </Text>
            </Stack>
            <Group gap="xs">
              <ButtonLink to="/classes/$sessionId" params={{ sessionId: session.id }} size="sm">
                Open
              </ButtonLink>
              <Button variant="default" size="sm" onClick={() => setChanging(session)}>
                Change
              </Button>
              <Button variant="subtle" color="ember" size="sm" onClick={() => setCancelling(session)}>
                Call off
              </Button>
            </Group>
          </Group>
        </Card>
      ))}
      <Modal opened={changing !== null} onClose={() => setChanging(null)} title="Change the class" size="lg">
        {changing === null ? null : (
          <ScheduleForm courseId={changing.courseId} session={changing} onSaved={() => setChanging(null)} />
        )}
      </Modal>
      <CancelModal session={cancelling} onClose={() => setCancelling(null)} />
    </Stack>
  );
}

function CancelModal({ session, onClose }: { session: LiveSession | null; onClose: () => void }) {
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: (sessionId: string) => api.DELETE("/api/live-sessions/{id}", { params: { path: { id: sessionId } } }),
    onSuccess: async () => {
      onClose();
      await queries.invalidateQueries({ queryKey: ["classes"] });
    },
    onError: (thrown) => notifications.show({ color: "ember", message: sentenceOf(thrown) }),
  });
  return (
    <Modal opened={session !== null} onClose={onClose} title="Call the class off?">
      <Text className="break">
        “{session?.title}” will not take place. Who has a seat or a place is told at once; this cannot be undone.
      </Text>
      <Group mt="lg" justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button
          color="ember"
          loading={cancel.isPending}
          onClick={() => (session === null ? undefined : cancel.mutate(session.id))}
        >
          Call it off
        </Button>
      </Group>
    </Modal>
  );
}
