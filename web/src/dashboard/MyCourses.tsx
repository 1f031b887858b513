/** The courses a student is enrolled in. */

import { Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { TextLink } from "../ui/links";

export function MyCourses() {
  const courses = useQuery({
    queryKey: ["enrollments"],
    queryFn: () => bodyOf(api.GET("/api/users/me/enrollments", { params: { query: { limit: 100 } } })),
  });
  const active = courses.data?.items.filter((one) => one.status === "active") ?? [];
  if (active.length === 0) return null;
  return (
    <Stack component="section" gap="sm" aria-label="My courses">
      <Title order={2}>My courses</Title>
      {active.map(({ id, course }) => (
        <Group key={id} gap="xs">
          <TextLink to="/courses/$courseId" params={{ courseId: course.id }} fw={600}>
            {course.title}
          </TextLink>
          <Text c="dimmed">with {course.instructor.name}</Text>
        </Group>
      ))}
    </Stack>
  );
}
