/** When a class is, for how many, and how its door behaves. */

import { Alert, Button, Group, NumberInput, Stack, Switch, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../api/client";
import { serverNow } from "../api/clock";
import { fieldErrors, sentenceOf } from "../api/problem";
import type { LiveSession } from "../api/types";
import { fromLocalField, timezone, toLocalField } from "../ui/time";

const QUARTER_MS = 15 * 60_000;

interface Props {
  courseId: string;
  session?: LiveSession;
  onSaved: (session: LiveSession) => void;
}

export function ScheduleForm({ courseId, session, onSaved }: Props) {
  const queries = useQueryClient();
  const [trouble, setTrouble] = useState<string | null>(null);
  const form = useForm({
    initialValues: {
      title: session?.title ?? "",
      start: toLocalField(session === undefined ? nextQuarter() : new Date(session.startTime)),
      durationMinutes: (session?.durationMinutes ?? 60) as number | string,
      maxStudents: (session?.maxStudents ?? 30) as number | string,
      doorsOpenMinutes: (session?.doorsOpenMinutes ?? 10) as number | string,
      waitlistEnabled: session?.waitlistEnabled ?? true,
    },
    validate: {
      title: (value) => (value.trim() === "" ? "A class needs a title." : null),
      start: (value) => (fromLocalField(value) === null ? "Choose a date and a time." : null),
      durationMinutes: atLeast(1),
      maxStudents: atLeast(1),
      doorsOpenMinutes: atLeast(0),
    },
  });
  const submit = async ({ start, ...values }: typeof form.values) => {
    setTrouble(null);
    const body = {
      title: values.title.trim(),
      startTime: fromLocalField(start) ?? "",
      durationMinutes: Number(values.durationMinutes),
      maxStudents: Number(values.maxStudents),
      doorsOpenMinutes: Number(values.doorsOpenMinutes),
      waitlistEnabled: values.waitlistEnabled,
    };
    try {
      const { startTime: _unchanged, ...rest } = body;
      const sameStart = session !== undefined && start === toLocalField(new Date(session.startTime));
      const saved = await bodyOf<LiveSession>(
        session === undefined
          ? api.POST("/api/live-sessions", { body: { courseId, ...body } })
          : api.PATCH("/api/live-sessions/{id}", {
              params: { path: { id: session.id } },
              body: sameStart ? rest : body,
            }),
      );
      await queries.invalidateQueries({ queryKey: ["classes"] });
      onSaved(saved);
    } catch (thrown) {
      const { startTime, ...fields } = fieldErrors(thrown);
      form.setErrors({ ...fields, ...(startTime === undefined ? {} : { start: `The start ${startTime}.` }) });
      if (startTime === undefined && Object.keys(fields).length === 0) setTrouble(sentenceOf(thrown));
    }
  };
  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        {trouble === null ? null : <Alert color="ember">{trouble}</Alert>}
        <TextInput label="Title" maxLength={200} data-autofocus {...form.getInputProps("title")} />
        <TextInput
          label="Start"
          description={`In your timezone, ${timezone()}`}
          type="datetime-local"
          {...form.getInputProps("start")}
        />
        <Group grow preventGrowOverflow={false} align="flex-start">
          <NumberInput
            label="Minutes"
            min={1}
            max={1440}
            allowDecimal={false}
            {...form.getInputProps("durationMinutes")}
          />
          <NumberInput
            label="Seats"
            min={1}
            max={100_000}
            allowDecimal={false}
            {...form.getInputProps("maxStudents")}
          />
        </Group>
        <NumberInput
          label="Doors open"
          description="Minutes before the start"
          min={0}
          max={1440}
          allowDecimal={false}
          {...form.getInputProps("doorsOpenMinutes")}
        />
        <Switch
          label="Let students wait when all seats are taken"
          {...form.getInputProps("waitlistEnabled", { type: "checkbox" })}
        />
        <Button type="submit" loading={form.submitting}>
          {session === undefined ? "Schedule" : "Save"}
        </Button>
      </Stack>
    </form>
  );
}

function nextQuarter(): Date {
  return new Date(Math.ceil((serverNow() + 60_000) / QUARTER_MS) * QUARTER_MS);
}

function atLeast(least: number): (value: number | string) => string | null {
  return (value) => (typeof value === "number" && value >= least ? null : `Enter a number from ${least}.`);
}
