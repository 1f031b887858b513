/** One course: what it is about, its classes, and enrolling. */

import { Alert, Button, Group, Modal, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure, useDocumentTitle } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { CourseDetail } from "../api/types";
import { NotFoundPage } from "../app/errors";
import { useAccount } from "../auth/useAccount";
import { ClassSection } from "../dashboard/MyClassesPage";
import { useClasses } from "../dashboard/useClasses";
import { ButtonLink } from "../ui/links";
import { useNow } from "../ui/useNow";
import { CourseFacts } from "./CourseFacts";

export function CoursePage({ courseId }: { courseId: string }) {
  const account = useAccount();
  const course = useQuery({
    queryKey: ["course", courseId, account.at],
    enabled: account.at !== "unknown",
    queryFn: () => bodyOf(api.GET("/api/courses/{courseId}", { params: { path: { courseId } } })),
  });
  useDocumentTitle(`${course.data?.title ?? "Course"} · Lyceum`);
  if (course.error instanceof ApiError && course.error.status === 404) return <NotFoundPage />;
  if (course.isError) return <Alert color="ember">{sentenceOf(course.error)}</Alert>;
  if (course.data === undefined) return <Skeleton h={320} radius="lg" />;
  const { data } = course;
  return (
    <Stack gap="xl" maw={1000}>
      <Stack gap="sm">
        <Title order={1} className="break">
          {data.title}
        </Title>
        <Text c="dimmed">with {data.instructor.name}</Text>
        <CourseFacts course={data} />
      </Stack>
      <Enrolling course={data} />
      {data.summary === "" ? null : (
        <Text fz="lg" className="break">
          {data.summary}
        </Text>
      )}
      {data.description === "" ? null : (
        <Text className="break" style={{ whiteSpace: "pre-wrap" }}>
          {data.description}
        </Text>
      )}
      {data.enrolled || data.owned ? <CourseClasses courseId={courseId} /> : null}
    </Stack>
  );
}

function Enrolling({ course }: { course: CourseDetail }) {
  const account = useAccount();
  const queries = useQueryClient();
  const [leaving, { open, close }] = useDisclosure(false);
  const path = { params: { path: { courseId: course.id } } };
  const onSuccess = async () => {
    close();
    await queries.invalidateQueries();
  };
  const enrol = useMutation({ mutationFn: () => api.POST("/api/courses/{courseId}/enroll", path), onSuccess });
  const leave = useMutation({ mutationFn: () => api.DELETE("/api/courses/{courseId}/enroll", path), onSuccess });
  const trouble = enrol.error ?? leave.error;
  const here = `/courses/${course.id}`;
  return (
    <Stack gap="sm" align="flex-start">
      {trouble === null ? null : <Alert color="ember">{sentenceOf(trouble)}</Alert>}
      {account.at === "out" ? (
        <Group>
          <ButtonLink to="/register" search={{ to: here }}>
            Create an account to enrol
          </ButtonLink>
          <ButtonLink to="/sign-in" search={{ to: here }} variant="default">
            Sign in
          </ButtonLink>
        </Group>
      ) : course.owned ? (
        <ButtonLink to="/teach/courses/$courseId" params={{ courseId: course.id }} variant="light">
          Manage this course
        </ButtonLink>
      ) : course.enrolled ? (
        <Group>
          <Text fw={600}>You are enrolled.</Text>
          <Button variant="subtle" color="gray" size="sm" onClick={open}>
            Leave the course
          </Button>
        </Group>
      ) : account.at === "in" && account.user.role === "student" ? (
        <Button size="lg" loading={enrol.isPending} onClick={() => enrol.mutate()}>
          {course.free ? "Enrol for free" : "Enrol"}
        </Button>
      ) : null}
      <Modal opened={leaving} onClose={close} title="Leave this course?">
        <Text>Its classes are closed to you until you enrol again. A seat or place that you hold is given back.</Text>
        <Group mt="lg" justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            Stay
          </Button>
          <Button color="ember" loading={leave.isPending} onClick={() => leave.mutate()}>
            Leave
          </Button>
        </Group>
      </Modal>
    </Stack>
  );
}

function CourseClasses({ courseId }: { courseId: string }) {
  const classes = useClasses(courseId);
  const account = useAccount();
  const now = useNow();
  if (classes.data === undefined || account.at !== "in") return <Skeleton h={200} radius="lg" />;
  const { live, upcoming, past } = classes.data;
  const sections = [
    ["Live now", live],
    ["Upcoming", upcoming],
    ["Past", past],
  ] as const;
  if (live.length + upcoming.length + past.length === 0) return <Text c="dimmed">No class is scheduled yet.</Text>;
  return sections.map(([title, sessions]) =>
    sessions.length === 0 ? null : (
      <ClassSection key={title} title={title} sessions={[...sessions]} now={now} userId={account.user.id} />
    ),
  );
}
