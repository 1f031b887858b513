/** Published courses, to find one and enrol. */

import { Alert, Button, Card, Group, Select, SimpleGrid, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue, useDocumentTitle } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../api/client";
import { sentenceOf } from "../api/problem";
import type { Course } from "../api/types";
import { TextLink } from "../ui/links";
import { CourseFacts } from "./CourseFacts";

const TYPING_MS = 250;

export function CataloguePage() {
  useDocumentTitle("Courses · Lyceum");
  const [words, setWords] = useState("");
  const [category, setCategory] = useState<string | null>(null);
  const [q] = useDebouncedValue(words.trim(), TYPING_MS);
  const categories = useQuery({ queryKey: ["categories"], queryFn: () => bodyOf(api.GET("/api/categories")) });
  const courses = useInfiniteQuery({
    queryKey: ["catalogue", q, category],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/api/courses", {
          params: { query: { limit: 24, q: q === "" ? null : q, category, cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });
  const found = courses.data?.pages.flatMap((page) => page.items);
  return (
    <Stack gap="xl">
      <Title order={1}>Courses</Title>
      <Group component="search" align="flex-end">
        <TextInput
          flex="1 1 240px"
          type="search"
          label="Search"
          leftSection={<IconSearch size={18} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
        <Select
          flex="0 1 240px"
          label="Category"
          placeholder="All"
          clearable
          data={(categories.data?.items ?? []).map(({ slug, name }) => ({ value: slug, label: name }))}
          value={category}
          onChange={setCategory}
        />
      </Group>
      {courses.isError ? <Alert color="ember">{sentenceOf(courses.error)}</Alert> : null}
      {courses.isPending ? <Skeleton h={200} radius="lg" /> : null}
      {found === undefined ? null : <Found courses={found} />}
      {courses.hasNextPage ? (
        <Button variant="default" loading={courses.isFetchingNextPage} onClick={() => void courses.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
    </Stack>
  );
}

function Found({ courses }: { courses: Course[] }) {
  if (courses.length === 0) return <Text c="dimmed">No course fits. Try other words.</Text>;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {courses.map((course) => (
        <Card key={course.id} component="article">
          <Stack gap="xs" h="100%">
            <Title order={2} fz="h3" className="break">
              <TextLink to="/courses/$courseId" params={{ courseId: course.id }} inherit c="inherit" underline="hover">
                {course.title}
              </TextLink>
            </Title>
            <Text c="dimmed">with {course.instructor.name}</Text>
            <Text lineClamp={3} className="break">
              {course.summary}
            </Text>
            <CourseFacts course={course} />
          </Stack>
        </Card>
      ))}
    </SimpleGrid>
  );
}
