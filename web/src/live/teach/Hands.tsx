/** Raised hands, the longest raised first. */

import { Button, Card, Group, Stack, Text } from "@mantine/core";
import { clockOf } from "../../ui/time";
import type { Hand } from "../classState";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";

export function Hands({ visitor, hands }: { visitor: Visitor; hands: Hand[] }) {
  const [ask, busy] = useAsk();
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
        </Card>
      ))}
    </Stack>
  );
}
