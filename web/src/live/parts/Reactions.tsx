/** Emojis that rise over the room for a moment, and the buttons that send them. */

import { ActionIcon, Group, Popover, Tooltip } from "@mantine/core";
import { IconMoodSmile } from "@tabler/icons-react";
import type { Reaction } from "../classState";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";
import classes from "./Reactions.module.css";

const EMOJIS: [emoji: string, name: string][] = [
  ["👍", "Thumbs up"],
  ["👏", "Applause"],
  ["❤️", "Heart"],
  ["😂", "Laughing"],
  ["🎉", "Party"],
  ["🤔", "Thinking"],
];

export function RisingReactions({ reactions }: { reactions: Reaction[] }) {
  return (
    <div className={classes.air} aria-hidden="true">
      {reactions.map(({ key, emoji }) => (
        <span key={key} className={classes.rising} style={{ insetInlineStart: `${12 + ((key * 37) % 76)}%` }}>
          {emoji}
        </span>
      ))}
    </div>
  );
}

export function ReactionButtons({ visitor, disabled }: { visitor: Visitor; disabled: boolean }) {
  const [ask] = useAsk();
  return (
    <Popover position="top" withArrow trapFocus shadow="md">
      <Popover.Target>
        <Tooltip label="React">
          <ActionIcon variant="default" size={42} aria-label="React" disabled={disabled}>
            <IconMoodSmile size={22} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p={6}>
        <Group gap={2} wrap="nowrap">
          {EMOJIS.map(([emoji, name]) => (
            <ActionIcon
              key={emoji}
              variant="subtle"
              size={42}
              aria-label={name}
              className={classes.button ?? ""}
              onClick={() => void ask(() => visitor.command("reaction.send", { emoji }))}
            >
              {emoji}
            </ActionIcon>
          ))}
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}
