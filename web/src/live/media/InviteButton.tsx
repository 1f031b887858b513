/** Beside a raised hand: ask that person up, or see that they were asked. */

import { Button } from "@mantine/core";
import { useAsk } from "../useAsk";
import { standingOf, type Person } from "../stageState";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";

export function InviteButton({ visitor, state, person }: { visitor: Visitor; state: VisitState; person: Person }) {
  const [ask, busy] = useAsk();
  const standing = standingOf(state, person.userId);
  const { userId, name } = person;
  if (standing === "below")
    return (
      <Button
        size="sm"
        disabled={busy}
        aria-label={`Invite to the stage: ${name}`}
        onClick={() => void ask(() => visitor.command("stage.invite", { userId }))}
      >
        Invite to the stage
      </Button>
    );
  const shown = standing === "on" ? "Take off the stage" : "Invited · take back";
  return (
    <Button
      size="sm"
      variant="default"
      disabled={busy}
      aria-label={`${shown}: ${name}`}
      onClick={() => void ask(() => visitor.command("stage.remove", { userId }))}
    >
      {shown}
    </Button>
  );
}
