/** One own course: its state, its classes, its students, and what it says about itself. */

import { Alert, Badge, Button, Group, Modal, Skeleton, Stack, Tabs, Text, Title } from "@mantine/core";
import { useDisclosure, useDocumentTitle } from "@mantine/hooks";
import { IconCalendarPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { Course } from "../api/types";
import { NotFoundPage } from "../app/errors";
import { useAccount } from "../auth/useAccount";
import { ClassSection } from "../dashboard/MyClassesPage";
import { useClasses } from "../dashboard/useClasses";
import { useNow } from "../ui/useNow";
import { CourseForm } from "./CourseForm";
import { CourseStudents } from "./CourseStudents";
import { STATES } from "./courseStates";
import { PlannedClasses } from "./PlannedClasses";
import { ScheduleForm } from "./ScheduleForm";

export function OwnCoursePage({ courseId }: { courseId: string }) {
  const course = useQuery({
    queryKey: ["own course", courseId],
    queryFn: () => bodyOf(api.GET("/api/instructor/courses/{courseId}", { params: { path: { courseId } } })),
  });
  useDocumentTitle(`${course.data?.title ?? "Course"} · Lyceum`);
  if (course.error instanceof ApiError && course.error.status === 404) return <NotFoundPage />;
  if (course.isError) return <Alert color="ember">{sentenceOf(course.error)}</Alert>;
  if (course.data === undefined) return <Skeleton h={320} radius="lg" />;
  const { data } = course;
  return (
    <Stack gap="xl">
      <Head course={data} />
      <Tabs defaultValue="classes" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="classes">Classes</Tabs.Tab>
          <Tabs.Tab value="students">Students ({data.studentCount})</Tabs.Tab>
          <Tabs.Tab value="about">About</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="classes">
          <OwnClasses courseId={courseId} />
        </Tabs.Panel>
        <Tabs.Panel value="students">
          <CourseStudents courseId={courseId} />
        </Tabs.Panel>
        <Tabs.Panel value="about" maw={720}>
          <CourseForm course={data} onSaved={() => void course.refetch()} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

function Head({ course }: { course: Course }) {
  const queries = useQueryClient();
  const [scheduling, { open, close }] = useDisclosure(false);
  const submit = useMutation({
    mutationFn: () =>
      api.POST("/api/instructor/courses/{courseId}/submit", { params: { path: { courseId: course.id } } }),
    onSuccess: () => queries.invalidateQueries(),
  });
  const state = STATES[course.status];
  const submittable = course.status === "draft" || course.status === "rejected";
  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-end">
        <Stack gap={6} miw={0} flex="1 1 320px" align="flex-start">
          <Badge color={state.color}>{state.label}</Badge>
          <Title order={1} className="break">
            {course.title}
          </Title>
          <Text c="dimmed">{state.meaning}</Text>
        </Stack>
        <Group>
          {submittable ? (
            <Button variant="light" loading={submit.isPending} onClick={() => submit.mutate()}>
              Submit for publishing
            </Button>
          ) : null}
          <Button leftSection={<IconCalendarPlus size={20} />} onClick={open}>
            Schedule a class
          </Button>
        </Group>
      </Group>
      {submit.isError ? <Alert color="ember">{sentenceOf(submit.error)}</Alert> : null}
      {course.status === "rejected" && course.rejectionReason !== null ? (
        <Alert color="saffron" title="What the review says">
          <Text className="break">{course.rejectionReason}</Text>
        </Alert>
      ) : null}
      <Modal opened={scheduling} onClose={close} title="Schedule a class" size="lg">
        <ScheduleForm courseId={course.id} onSaved={close} />
      </Modal>
    </Stack>
  );
}

function OwnClasses({ courseId }: { courseId: string }) {
  const classes = useClasses(courseId);
  const account = useAccount();
  const now = useNow();
  if (classes.isError) return <Alert color="ember">{sentenceOf(classes.error)}</Alert>;
  if (classes.data === undefined || account.at !== "in") return <Skeleton h={200} radius="lg" />;
  const { live, upcoming, past } = classes.data;
  const section = (title: string, sessions: typeof live) =>
    sessions.length === 0 ? null : (
      <ClassSection title={title} sessions={sessions} now={now} userId={account.user.id} />
    );
  return (
    <Stack gap="xl">
      {section("Live now", live)}
      <PlannedClasses sessions={upcoming} now={now} />
      {section("Past", past)}
    </Stack>
  );
}
