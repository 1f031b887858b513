/** An instructor's own courses, and making a new one. */

import { Alert, Badge, Button, Card, Group, Modal, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure, useDocumentTitle } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, bodyOf } from "../api/client";
import { sentenceOf } from "../api/problem";
import { TextLink } from "../ui/links";
import { CourseForm } from "./CourseForm";
import { STATES } from "./courseStates";

export function TeachingPage() {
  useDocumentTitle("Teach · Lyceum");
  const navigate = useNavigate();
  const [making, { open, close }] = useDisclosure(false);
  const courses = useQuery({
    queryKey: ["own courses"],
    queryFn: () => bodyOf(api.GET("/api/instructor/courses", { params: { query: { limit: 100 } } })),
  });
  const items = courses.data?.items;
  return (
    <Stack gap="xl">
      <Group justify="space-between" align="flex-end">
        <Title order={1}>My courses</Title>
        <Button leftSection={<IconPlus size={20} />} onClick={open}>
          New course
        </Button>
      </Group>
      {courses.isError ? <Alert color="ember">{sentenceOf(courses.error)}</Alert> : null}
      {courses.isPending ? <Skeleton h={160} radius="lg" /> : null}
      {items?.length === 0 ? (
        <Text c="dimmed">You have no course yet. Make one; then schedule live classes in it.</Text>
      ) : null}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {items?.map((course) => (
          <Card key={course.id} component="article">
            <Stack gap="xs">
              <Badge color={STATES[course.status].color}>{STATES[course.status].label}</Badge>
              <Title order={2} fz="h3" className="break">
                <TextLink
                  to="/teach/courses/$courseId"
                  params={{ courseId: course.id }}
                  inherit
                  c="inherit"
                  underline="hover"
                >
                  {course.title}
                </TextLink>
              </Title>
              <Text c="dimmed" className="numbers">
                {course.studentCount} {course.studentCount === 1 ? "student" : "students"}
              </Text>
            </Stack>
          </Card>
        ))}
      </SimpleGrid>
      <Modal opened={making} onClose={close} title="New course" size="lg">
        <CourseForm
          onSaved={(course) => void navigate({ to: "/teach/courses/$courseId", params: { courseId: course.id } })}
        />
      </Modal>
    </Stack>
  );
}
