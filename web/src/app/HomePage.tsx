/** The first page: what Lyceum is, for who is not signed in; the classes for who is. */

import { Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconClockHour4, IconListNumbers, IconShieldCheck } from "@tabler/icons-react";
import { Navigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useAccount } from "../auth/useAccount";
import { Amphitheatre } from "../ui/Amphitheatre";
import { ButtonLink } from "../ui/links";
import { Opening } from "./errors";
import classes from "./HomePage.module.css";

export function HomePage() {
  const account = useAccount();
  useDocumentTitle("Lyceum");
  if (account.at === "unknown") return <Opening />;
  if (account.at === "in") return <Navigate to="/classes" replace />;
  return (
    <Stack gap={64} className={classes.root}>
      <div className={classes.hero}>
        <Stack gap="lg" align="flex-start">
          <Title order={1} className={classes.title ?? ""}>
            A seat in class, or a fair place in the queue.
          </Title>
          <Text fz="lg" maw={520}>
            Lyceum is built around the live class: a room with a known number of seats, a queue that moves by itself,
            and a record of every minute that outlives any crash.
          </Text>
          <Group>
            <ButtonLink to="/register" size="lg">
              Create an account
            </ButtonLink>
            <ButtonLink to="/courses" size="lg" variant="default">
              See the courses
            </ButtonLink>
          </Group>
        </Stack>
        <Amphitheatre className={classes.room ?? ""} maxStudents={84} currentStudents={61} yours={23} live />
      </div>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xl">
        <Promise icon={<IconListNumbers size={26} />} title="First come, first seated">
          Seats go in the order in which the door heard you. When one becomes free, the head of the queue has it in the
          same moment.
        </Promise>
        <Promise icon={<IconShieldCheck size={26} />} title="Your seat stays yours">
          A lost connection keeps your seat for a minute. Reload, change networks, come back: same seat.
        </Promise>
        <Promise icon={<IconClockHour4 size={26} />} title="Every second counts">
          Attendance is written down as it happens, and can be taken home as a table at any time.
        </Promise>
      </SimpleGrid>
    </Stack>
  );
}

function Promise({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <Stack gap={6}>
      <span className={classes.icon} aria-hidden="true">
        {icon}
      </span>
      <Title order={2} fz="h3">
        {title}
      </Title>
      <Text c="dimmed">{children}</Text>
    </Stack>
  );
}
