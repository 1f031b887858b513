/** Polls: choosing, the tally as it grows, the result. */

import { Badge, Button, Card, Checkbox, Group, Progress, Radio, Stack, Text, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import type { Poll } from "../classState";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";

interface Props {
  visitor: Visitor;
  polls: Poll[];
  staff: boolean;
  empty: ReactNode;
}

/** The newest first; an open one is what people look for. */
export function Polls({ visitor, polls, staff, empty }: Props) {
  if (polls.length === 0) return <>{empty}</>;
  return (
    <Stack gap="md">
      {[...polls].reverse().map((poll) => (
        <PollCard key={poll.pollId} visitor={visitor} poll={poll} staff={staff} />
      ))}
    </Stack>
  );
}

function PollCard({ visitor, poll, staff }: { visitor: Visitor; poll: Poll; staff: boolean }) {
  const [changing, setChanging] = useState(false);
  const [ask, busy] = useAsk();
  const votes = !staff && poll.open && (poll.yourChoices === undefined || changing);
  return (
    <Card component="section" aria-label={`Poll: ${poll.question}`}>
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Badge color={poll.open ? "saffron" : "gray"}>
            {poll.quiz ? "Quiz" : "Poll"} · {poll.open ? "open" : "closed"}
          </Badge>
          <Text size="sm" c="dimmed" className="numbers">
            {poll.votes} {poll.votes === 1 ? "vote" : "votes"}
          </Text>
        </Group>
        <Title order={2} fz="h3" className="break">
          {poll.question}
        </Title>
        {votes ? <Ballot visitor={visitor} poll={poll} onDone={() => setChanging(false)} /> : <Tally poll={poll} />}
        {!staff && poll.open && !votes ? (
          <Button variant="subtle" size="compact-sm" onClick={() => setChanging(true)}>
            Change my vote
          </Button>
        ) : null}
        {staff && poll.open ? (
          <Button
            variant="light"
            loading={busy}
            onClick={() => void ask(() => visitor.command("poll.close", { pollId: poll.pollId }))}
          >
            Close the poll and show the result
          </Button>
        ) : null}
      </Stack>
    </Card>
  );
}

function Ballot({ visitor, poll, onDone }: { visitor: Visitor; poll: Poll; onDone: () => void }) {
  const [chosen, setChosen] = useState<string[]>((poll.yourChoices ?? []).map(String));
  const [ask, busy] = useAsk();
  const vote = async () => {
    if (await ask(() => visitor.vote(poll.pollId, chosen.map(Number)))) onDone();
  };
  const options = poll.options.map((label, index) =>
    poll.multiple ? (
      <Checkbox key={index} value={String(index)} label={label} />
    ) : (
      <Radio key={index} value={String(index)} label={label} />
    ),
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void vote();
      }}
    >
      {poll.multiple ? (
        <Checkbox.Group value={chosen} onChange={setChosen} description="Choose any number">
          <Stack gap="xs" mt="xs">
            {options}
          </Stack>
        </Checkbox.Group>
      ) : (
        <Radio.Group value={chosen[0] ?? ""} onChange={(value) => setChosen([value])} aria-label={poll.question}>
          <Stack gap="xs">{options}</Stack>
        </Radio.Group>
      )}
      <Button type="submit" mt="md" loading={busy} disabled={chosen.length === 0}>
        Vote
      </Button>
    </form>
  );
}

function Tally({ poll }: { poll: Poll }) {
  const voters = Math.max(1, poll.votes);
  return (
    <Stack gap="xs" role="list">
      {poll.options.map((label, index) => {
        const count = poll.tally[index] ?? 0;
        const share = Math.min(100, Math.round((count / voters) * 100));
        const right = poll.correct?.includes(index) === true && poll.quiz;
        return (
          <div key={index} role="listitem">
            <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
              <Text size="sm" fw={poll.yourChoices?.includes(index) ? 650 : 400} className="break">
                {label}
                {poll.yourChoices?.includes(index) ? " (your vote)" : ""}
                {right ? (
                  <Text component="span" size="sm" c="leaf" fw={650}>
                    {" "}
                    <IconCheck size={14} aria-hidden="true" /> correct
                  </Text>
                ) : null}
              </Text>
              <Text size="sm" c="dimmed" className="numbers" style={{ whiteSpace: "nowrap" }}>
                {count} · {share} %
              </Text>
            </Group>
            <Progress value={share} size="md" color={right ? "leaf" : "aegean"} aria-hidden="true" />
          </div>
        );
      })}
    </Stack>
  );
}
