/** What a course says about itself; makes a new one or changes an old one. */

import { Alert, Button, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../api/client";
import { fieldErrors, sentenceOf } from "../api/problem";
import type { Course } from "../api/types";

const LEVELS: { value: Course["difficulty"]; label: string }[] = [
  { value: "beginner", label: "Beginner" },
  { value: "intermediate", label: "Intermediate" },
  { value: "advanced", label: "Advanced" },
];

export function CourseForm({ course, onSaved }: { course?: Course; onSaved: (course: Course) => void }) {
  const queries = useQueryClient();
  const [trouble, setTrouble] = useState<string | null>(null);
  const categories = useQuery({ queryKey: ["categories"], queryFn: () => bodyOf(api.GET("/api/categories")) });
  const form = useForm({
    initialValues: {
      title: course?.title ?? "",
      summary: course?.summary ?? "",
      description: course?.description ?? "",
      categoryId: course?.category?.id ?? null,
      difficulty: course?.difficulty ?? ("beginner" as Course["difficulty"]),
    },
    validate: { title: (value) => (value.trim() === "" ? "A course needs a title." : null) },
  });
  const submit = async (body: typeof form.values) => {
    setTrouble(null);
    const usual = {
      language: "en",
      priceMinor: 0,
      currency: "EUR",
      givesCertificate: true,
      certificateAttendancePercent: 0,
    };
    try {
      const saved = await bodyOf<Course>(
        course === undefined
          ? api.POST("/api/instructor/courses", { body: { ...body, ...usual } })
          : api.PATCH("/api/instructor/courses/{courseId}", { params: { path: { courseId: course.id } }, body }),
      );
      await queries.invalidateQueries();
      onSaved(saved);
    } catch (thrown) {
      const fields = fieldErrors(thrown);
      form.setErrors(fields);
      if (Object.keys(fields).length === 0) setTrouble(sentenceOf(thrown));
    }
  };
  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        {trouble === null ? null : <Alert color="ember">{trouble}</Alert>}
        <TextInput label="Title" maxLength={200} data-autofocus {...form.getInputProps("title")} />
        <Textarea
          label="Summary"
          description="One or two sentences for the catalogue"
          maxLength={500}
          autosize
          minRows={2}
          {...form.getInputProps("summary")}
        />
        <Textarea label="Description" autosize minRows={4} maxRows={14} {...form.getInputProps("description")} />
        <Select
          label="Category"
          clearable
          data={(categories.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          {...form.getInputProps("categoryId")}
        />
        <Select label="Level" data={LEVELS} allowDeselect={false} {...form.getInputProps("difficulty")} />
        <Button type="submit" loading={form.submitting}>
          {course === undefined ? "Make the course" : "Save"}
        </Button>
      </Stack>
    </form>
  );
}
