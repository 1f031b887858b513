/** Raised hands, the longest raised first. */

import { Button, Card, Group, Stack, Text } from "@mantine/core";
import { clockOf } from "../../ui/time";
import { InviteButton } from "../media/InviteButton";
import { useAsk } from "../useAsk";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";

export function Hands({ visitor, state }: { visitor: Visitor; state: VisitState }) {
  const [ask, busy] = useAsk();
  const hands = state.everybody?.hands ?? [];
  if (hands.length === 0) return <Text c="dimmed">No hands are raised.</Text>;
  return (
    <Stack gap="xs">
      {hands.map((hand, index) => (
        <Card key={hand.userId} p="sm">
          <Group justify="space-between" wrap="nowrap">
            <Text truncate className="numbers">
              {index + 1}. <b>{hand.name}</b>{" "}
              <Text component="span" c="dimmed" size="sm">
                since {clockOf(hand.raisedAt)}
              </Text>
            </Text>
            <Group gap="xs" wrap="nowrap">
              <InviteButton visitor={visitor} state={state} person={hand} />
              <Button
                size="sm"
                variant="light"
                disabled={busy}
                aria-label={`Lower the hand of ${hand.name}`}
                onClick={() => void ask(() => visitor.command("hand.lower", { userId: hand.userId }))}
              >
                Lower
              </Button>
            </Group>
          </Group>
        </Card>
      ))}
    </Stack>
  );
}
