/** Who is enrolled in a course. */

import { Alert, Button, Skeleton, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { sentenceOf } from "../api/problem";
import { whenOf } from "../ui/time";

export function CourseStudents({ courseId }: { courseId: string }) {
  const students = useInfiniteQuery({
    queryKey: ["students", courseId],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/api/instructor/courses/{courseId}/students", {
          params: { path: { courseId }, query: { limit: 50, cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  if (students.isError) return <Alert color="ember">{sentenceOf(students.error)}</Alert>;
  if (students.data === undefined) return <Skeleton h={160} radius="lg" />;
  const rows = students.data.pages.flatMap((page) => page.items);
  if (rows.length === 0) return <Text c="dimmed">Nobody is enrolled yet.</Text>;
  return (
    <Stack gap="md" align="flex-start">
      <Table.ScrollContainer minWidth={480} w="100%">
        <Table verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Student</Table.Th>
              <Table.Th>E-mail address</Table.Th>
              <Table.Th>Enrolled</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.userId}>
                <Table.Td>{row.name}</Table.Td>
                <Table.Td className="break">{row.email}</Table.Td>
                <Table.Td className="numbers">{whenOf(row.enrolledAt)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {students.hasNextPage ? (
        <Button variant="default" loading={students.isFetchingNextPage} onClick={() => void students.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
    </Stack>
  );
}
