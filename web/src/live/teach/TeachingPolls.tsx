/** Ask the class something, and see the answers come in. */

import { ActionIcon, Button, Card, Checkbox, Group, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Poll } from "../classState";
import { Polls } from "../parts/Polls";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";

const MOST_OPTIONS = 12;

export function TeachingPolls({ visitor, polls }: { visitor: Visitor; polls: Poll[] }) {
  return (
    <Stack gap="lg">
      <NewPoll visitor={visitor} />
      <Polls visitor={visitor} polls={polls} staff empty={<Text c="dimmed">No polls in this class yet.</Text>} />
    </Stack>
  );
}

interface Draft {
  question: string;
  options: string[];
  multiple: boolean;
  quiz: boolean;
  correct: boolean[];
}

const EMPTY: Draft = { question: "", options: ["", ""], multiple: false, quiz: false, correct: [false, false] };

function NewPoll({ visitor }: { visitor: Visitor }) {
  const [ask, busy] = useAsk();
  const form = useForm<Draft>({
    initialValues: EMPTY,
    validate: {
      question: (value) => (value.trim() === "" ? "Write a question." : null),
      options: (values) => {
        const said = values.map((value) => value.trim());
        if (said.some((value) => value === "")) return "Fill in or remove the empty choices.";
        return new Set(said).size < said.length ? "Two choices are the same." : null;
      },
      correct: (values, { quiz, multiple }) => {
        const count = values.filter(Boolean).length;
        if (!quiz) return null;
        if (count === 0) return "Mark what is correct.";
        return count > 1 && !multiple ? "Only one choice can be correct, unless several may be chosen." : null;
      },
    },
  });
  const { options, correct, quiz } = form.values;
  const open = async ({ question, multiple, ...draft }: Draft) => {
    const right = draft.correct.flatMap((yes, index) => (yes && draft.quiz ? [index] : []));
    const args = {
      question: question.trim(),
      options: draft.options.map((option) => option.trim()),
      multiple,
      quiz: draft.quiz,
      correct: right,
    };
    if (await ask(() => visitor.command("poll.open", args))) form.reset();
  };
  const remove = (index: number) => {
    form.setFieldValue(
      "options",
      options.filter((_, at) => at !== index),
    );
    form.setFieldValue(
      "correct",
      correct.filter((_, at) => at !== index),
    );
  };
  return (
    <Card component="section" aria-label="New poll">
      <form onSubmit={form.onSubmit((draft) => void open(draft))}>
        <Stack gap="sm">
          <TextInput label="Question" maxLength={500} {...form.getInputProps("question")} />
          {options.map((option, index) => (
            <Group key={index} gap="xs" wrap="nowrap">
              {quiz ? (
                <Checkbox
                  aria-label={`Choice ${index + 1} is correct`}
                  checked={correct[index] ?? false}
                  onChange={(event) => form.setFieldValue(`correct.${index}`, event.currentTarget.checked)}
                />
              ) : null}
              <TextInput
                flex={1}
                aria-label={`Choice ${index + 1}`}
                placeholder={`Choice ${index + 1}`}
                maxLength={200}
                value={option}
                onChange={(event) => form.setFieldValue(`options.${index}`, event.currentTarget.value)}
              />
              {options.length > 2 ? (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="lg"
                  aria-label={`Remove choice ${index + 1}`}
                  onClick={() => remove(index)}
                >
                  <IconTrash size={18} />
                </ActionIcon>
              ) : null}
            </Group>
          ))}
          {[form.errors.options, form.errors.correct].map((error, index) =>
            error ? (
              <Text key={index} c="ember" size="sm" role="alert">
                {error}
              </Text>
            ) : null,
          )}
          <Group gap="lg">
            <Button
              variant="subtle"
              size="compact-md"
              leftSection={<IconPlus size={18} />}
              disabled={options.length >= MOST_OPTIONS}
              onClick={() => {
                form.setFieldValue("options", [...options, ""]);
                form.setFieldValue("correct", [...correct, false]);
              }}
            >
              Another choice
            </Button>
            <Switch label="Several may be chosen" {...form.getInputProps("multiple", { type: "checkbox" })} />
            <Switch label="It is a quiz" {...form.getInputProps("quiz", { type: "checkbox" })} />
          </Group>
          <Button type="submit" loading={busy} style={{ alignSelf: "flex-start" }}>
            Ask the class
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
