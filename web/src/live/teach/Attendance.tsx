/** The record of the class: who was there, from when to when, to the second. */

import { Alert, Badge, Button, Card, Group, ScrollArea, Skeleton, Stack, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../../api/client";
import { download } from "../../api/download";
import { sentenceOf } from "../../api/problem";
import type { AttendanceRow, LiveSession } from "../../api/types";
import { clockWithSeconds, exactDuration } from "../../ui/time";

const STATUS: Record<AttendanceRow["status"], { label: string; color: string }> = {
  present: { label: "Present", color: "leaf" },
  left: { label: "Left", color: "saffron" },
  absent: { label: "Absent", color: "gray" },
};

const LIVE_MS = 10_000;

export function Attendance({ session }: { session: LiveSession }) {
  const sessionId = session.id;
  const live = session.status === "live" || session.currentStudents > 0;
  const record = useQuery({
    queryKey: ["attendance", sessionId, session.status],
    queryFn: () => bodyOf(api.GET("/api/live-sessions/{id}/attendance", { params: { path: { id: sessionId } } })),
    refetchInterval: live ? LIVE_MS : false,
  });
  // The same route answers CSV as text to who asks for it.
  const rows = typeof record.data === "object" ? record.data.items : undefined;
  return (
    <Card component="section" aria-label="Attendance" p="md">
      <Stack gap="md">
        <Group justify="space-between">
          <Text c="dimmed">{rows === undefined ? " " : summary(rows)}</Text>
          <Group gap="xs">
            <Button
              variant="default"
              size="sm"
              leftSection={<IconRefresh size={18} />}
              loading={record.isFetching && rows !== undefined}
              onClick={() => void record.refetch()}
            >
              Refresh
            </Button>
            <CsvButton session={session} />
          </Group>
        </Group>
        {record.isError ? <Alert color="ember">{sentenceOf(record.error)}</Alert> : null}
        {record.isPending ? <Skeleton h={180} /> : null}
        {rows === undefined ? null : <Rows rows={rows} />}
      </Stack>
    </Card>
  );
}

function summary(rows: AttendanceRow[]): string {
  const came = rows.filter((row) => row.status !== "absent").length;
  return `${came} of ${rows.length} students came.`;
}

function CsvButton({ session }: { session: LiveSession }) {
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const name = session.title.replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-|-$/g, "");
      await download(`/api/live-sessions/${session.id}/attendance?format=csv`, `${name}-attendance.csv`, "text/csv");
    } catch (thrown) {
      notifications.show({ color: "ember", message: sentenceOf(thrown) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="sm" leftSection={<IconDownload size={18} />} loading={busy} onClick={() => void save()}>
      Download CSV
    </Button>
  );
}

function Rows({ rows }: { rows: AttendanceRow[] }) {
  return (
    <ScrollArea>
      <Table verticalSpacing="sm" miw={640} className="numbers">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Student</Table.Th>
            <Table.Th>Status</Table.Th>
            <Table.Th>First in</Table.Th>
            <Table.Th>Last out</Table.Th>
            <Table.Th ta="right">Time present</Table.Th>
            <Table.Th ta="right">Stays</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.userId} data-user={row.userId}>
              <Table.Td>
                <Text fw={550}>{row.name}</Text>
                <Text size="sm" c="dimmed" className="break">
                  {row.email}
                </Text>
              </Table.Td>
              <Table.Td>
                <Badge color={STATUS[row.status].color}>{STATUS[row.status].label}</Badge>
              </Table.Td>
              <Table.Td>{row.firstJoinedAt === null ? "–" : clockWithSeconds(row.firstJoinedAt)}</Table.Td>
              <Table.Td>{row.lastLeftAt === null ? "–" : clockWithSeconds(row.lastLeftAt)}</Table.Td>
              <Table.Td ta="right">{exactDuration(row.secondsPresent)}</Table.Td>
              <Table.Td ta="right">{row.intervals.length}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
