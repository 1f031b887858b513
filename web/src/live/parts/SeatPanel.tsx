/** The room as a picture, with the same in words. */

import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { LiveSession } from "../../api/types";
import { Amphitheatre } from "../../ui/Amphitheatre";
import classes from "./SeatPanel.module.css";

interface Props {
  session: LiveSession;
  seat?: number | null;
  /** The picture beside the words instead of above them. */
  flat?: boolean;
  children?: ReactNode;
}

export function SeatPanel({ session, seat = null, flat = false, children }: Props) {
  const { currentStudents, maxStudents, waitlisted } = session;
  return (
    <div className={classes.root} data-flat={flat || undefined}>
      <Amphitheatre
        className={classes.room ?? ""}
        maxStudents={maxStudents}
        currentStudents={currentStudents}
        yours={seat}
        live={session.status === "live"}
      />
      <Group justify="center" gap="lg" className="numbers">
        <Count value={`${currentStudents} of ${maxStudents}`} label="seats taken" />
        <Count value={String(waitlisted)} label="waiting" />
        {seat === null ? null : <Count value={String(seat)} label="your seat" mine />}
      </Group>
      {children}
    </div>
  );
}

function Count({ value, label, mine = false }: { value: string; label: string; mine?: boolean }) {
  return (
    <Text component="p" ta="center" m={0} lh={1.2} miw={72}>
      <Text component="span" display="block" fw={650} fz="lg" className={mine ? (classes.mine ?? "") : ""}>
        {value}
      </Text>
      <Text component="span" size="sm" c="dimmed">
        {label}
      </Text>
    </Text>
  );
}
