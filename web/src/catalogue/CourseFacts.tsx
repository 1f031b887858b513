/** What one wants to know of a course at a glance. */

import { Badge, Group } from "@mantine/core";
import type { Course } from "../api/types";

export function CourseFacts({ course }: { course: Course }) {
  return (
    <Group gap="xs" mt="auto">
      {course.category === null ? null : <Badge color="gray">{course.category.name}</Badge>}
      <Badge color="gray">{course.difficulty}</Badge>
      <Badge color={course.free ? "leaf" : "saffron"}>{priceOf(course)}</Badge>
      <Badge color="gray">
        {course.studentCount} {course.studentCount === 1 ? "student" : "students"}
      </Badge>
    </Group>
  );
}

function priceOf({ free, priceMinor, currency }: Course): string {
  if (free) return "free";
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(priceMinor / 10 ** digits);
}
