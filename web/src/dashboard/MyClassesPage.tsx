/** The first page after signing in: what is live, what comes, what was. */

import { Alert, Button, Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useState } from "react";
import { sentenceOf } from "../api/problem";
import type { LiveSession } from "../api/types";
import { useAccount } from "../auth/useAccount";
import { ButtonLink } from "../ui/links";
import { dayOf, timezone } from "../ui/time";
import { useNow } from "../ui/useNow";
import { ClassCard } from "./ClassCard";
import { MyCourses } from "./MyCourses";
import { NextClass } from "./NextClass";
import { useClasses, type Classes } from "./useClasses";

export function MyClassesPage() {
  useDocumentTitle("My classes · Lyceum");
  const account = useAccount();
  const classes = useClasses();
  const now = useNow();
  if (account.at !== "in") return null;
  const { user } = account;
  return (
    <Stack gap="xl">
      <Group justify="space-between" align="flex-end">
        <div>
          <Title order={1}>My classes</Title>
          <Text c="dimmed">
            {dayOf(new Date(now).toISOString())}. Times are in your timezone, {timezone()}.
          </Text>
        </div>
        {user.role === "student" ? null : <ButtonLink to="/teach">My courses and scheduling</ButtonLink>}
      </Group>
      {classes.isError ? <Alert color="ember">{sentenceOf(classes.error)}</Alert> : null}
      {classes.isPending ? <Loading /> : null}
      {classes.data === undefined ? null : (
        <Lists classes={classes.data} now={now} userId={user.id} student={user.role === "student"} />
      )}
      {user.role === "student" ? <MyCourses /> : null}
    </Stack>
  );
}

function Loading() {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {[0, 1, 2].map((key) => (
        <Skeleton key={key} h={232} radius="lg" />
      ))}
    </SimpleGrid>
  );
}

interface ListsProps {
  classes: Classes;
  now: number;
  userId: string;
  student: boolean;
}

function Lists({ classes, now, userId, student }: ListsProps) {
  const { live, upcoming, past } = classes;
  const section = (title: string, sessions: LiveSession[]) => (
    <ClassSection title={title} sessions={sessions} now={now} userId={userId} />
  );
  if (live.length + upcoming.length + past.length === 0) return <Empty student={student} />;
  const [next, ...rest] = [...live, ...upcoming];
  const alsoLive = rest.filter((one) => one.status === "live");
  const later = rest.filter((one) => one.status === "scheduled");
  return (
    <Stack gap="xl">
      {next === undefined ? (
        <Text c="dimmed">No class is scheduled just now.</Text>
      ) : (
        <NextClass session={next} now={now} teaching={next.instructor.id === userId} />
      )}
      {alsoLive.length > 0 ? section("Also live", alsoLive) : null}
      {later.length > 0 ? section("Upcoming", later) : null}
      {past.length > 0 ? section("Past", past) : null}
    </Stack>
  );
}

const FIRST = 6;

interface SectionProps {
  title: string;
  sessions: LiveSession[];
  now: number;
  userId: string;
}

export function ClassSection({ title, sessions, now, userId }: SectionProps) {
  const [all, setAll] = useState(false);
  const shown = all ? sessions : sessions.slice(0, FIRST);
  return (
    <Stack component="section" gap="md" aria-label={title}>
      <Title order={2}>{title}</Title>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {shown.map((session) => (
          <ClassCard key={session.id} session={session} now={now} teaching={session.instructor.id === userId} />
        ))}
      </SimpleGrid>
      {sessions.length > shown.length ? (
        <Button variant="subtle" onClick={() => setAll(true)} style={{ alignSelf: "flex-start" }}>
          Show all {sessions.length}
        </Button>
      ) : null}
    </Stack>
  );
}

function Empty({ student }: { student: boolean }) {
  return (
    <Card p="xl">
      <Stack align="flex-start" gap="sm">
        <Title order={2}>No classes yet</Title>
        <Text c="dimmed">
          {student
            ? "Enrol in a course, and its live classes appear here."
            : "Make a course, schedule a class in it, and it appears here."}
        </Text>
        <ButtonLink to={student ? "/courses" : "/teach"}>{student ? "Find a course" : "To my courses"}</ButtonLink>
      </Stack>
    </Card>
  );
}
