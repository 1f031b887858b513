/** Courses that wait for an admin's word. */

import { Alert, Button, Card, Group, Modal, Skeleton, Stack, Text, Textarea, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../api/client";
import { sentenceOf } from "../api/problem";
import type { Course } from "../api/types";
import { TextLink } from "../ui/links";

export function ReviewPage() {
  useDocumentTitle("Review · Lyceum");
  const [rejecting, setRejecting] = useState<Course | null>(null);
  const waiting = useQuery({
    queryKey: ["review"],
    queryFn: () => bodyOf(api.GET("/api/admin/courses", { params: { query: { status: "pending", limit: 100 } } })),
  });
  const decided = useDecided();
  const approve = useMutation({
    mutationFn: (courseId: string) =>
      api.PATCH("/api/admin/courses/{courseId}/approve", { params: { path: { courseId } } }),
    ...decided,
  });
  return (
    <Stack gap="xl">
      <Title order={1}>Courses to review</Title>
      {waiting.isError ? <Alert color="ember">{sentenceOf(waiting.error)}</Alert> : null}
      {waiting.isPending ? <Skeleton h={160} radius="lg" /> : null}
      {waiting.data?.items.length === 0 ? <Text c="dimmed">Nothing waits for you.</Text> : null}
      {waiting.data?.items.map((course) => (
        <Card key={course.id} component="article">
          <Stack gap="sm">
            <Title order={2} className="break">
              <TextLink to="/courses/$courseId" params={{ courseId: course.id }} inherit c="inherit" underline="hover">
                {course.title}
              </TextLink>
            </Title>
            <Text c="dimmed">by {course.instructor.name}</Text>
            <Text className="break">{course.summary}</Text>
            <Group>
              <Button loading={approve.isPending} onClick={() => approve.mutate(course.id)}>
                Publish
              </Button>
              <Button variant="default" onClick={() => setRejecting(course)}>
                Send back
              </Button>
            </Group>
          </Stack>
        </Card>
      ))}
      <Modal opened={rejecting !== null} onClose={() => setRejecting(null)} title="Send the course back">
        {rejecting === null ? null : <RejectForm course={rejecting} onDone={() => setRejecting(null)} />}
      </Modal>
    </Stack>
  );
}

function useDecided() {
  const queries = useQueryClient();
  return {
    onSuccess: () => queries.invalidateQueries({ queryKey: ["review"] }),
    onError: (thrown: Error) => notifications.show({ color: "ember", message: sentenceOf(thrown) }),
  };
}

function RejectForm({ course, onDone }: { course: Course; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const decided = useDecided();
  const reject = useMutation({
    mutationFn: () =>
      api.PATCH("/api/admin/courses/{courseId}/reject", {
        params: { path: { courseId: course.id } },
        body: { reason: reason.trim() },
      }),
    ...decided,
    onSuccess: async () => {
      onDone();
      await decided.onSuccess();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        reject.mutate();
      }}
    >
      <Stack gap="md">
        <Textarea
          label="What has to change"
          description={`${course.instructor.name} reads this.`}
          autosize
          minRows={3}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        <Button type="submit" loading={reject.isPending} disabled={reason.trim() === ""}>
          Send back
        </Button>
      </Stack>
    </form>
  );
}
