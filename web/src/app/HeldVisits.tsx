/** A seat or a place that is held while another page is shown, with the way back; promotions are told as well. */

import { Container, Group, Paper, Text } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { useVisitState } from "../live/useVisit";
import type { Visitor } from "../live/visitor";
import type { Visits } from "../live/visits";
import { ButtonLink } from "../ui/links";
import classes from "./HeldVisits.module.css";
import { useRealtime } from "./RealtimeProvider";

export function HeldVisits({ path }: { path: string }) {
  const visits = useRealtime()?.visits;
  return visits === undefined ? null : <Strips visits={visits} path={path} />;
}

function Strips({ visits, path }: { visits: Visits; path: string }) {
  const held = useSyncExternalStore(visits.watch, visits.holding);
  return held
    .filter((visitor) => path !== `/classes/${visitor.sessionId}`)
    .map((visitor) => <Strip key={visitor.sessionId} visitor={visitor} />);
}

function Strip({ visitor }: { visitor: Visitor }) {
  const { standing, session } = useVisitState(visitor);
  const line =
    standing.at === "waiting"
      ? `You are number ${standing.place} in the queue for`
      : standing.at === "seated" && standing.promoted
        ? "A seat became free: you are in"
        : "You have a seat in";
  return (
    <Container size="xl" pt="md">
      <Paper className={classes.strip ?? ""} radius="md" role="status">
        <Group justify="space-between" gap="sm" wrap="nowrap">
          <Text miw={0} className="break">
            {line} <b>{session?.title}</b>
          </Text>
          <ButtonLink to="/classes/$sessionId" params={{ sessionId: visitor.sessionId }} size="sm" color="saffron.4">
            Go there
          </ButtonLink>
        </Group>
      </Paper>
    </Container>
  );
}
