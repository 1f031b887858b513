/** What is said in the class, and where to say something. */

import { ActionIcon, Group, Select, Stack, Text, Textarea, Tooltip } from "@mantine/core";
import { IconSend2, IconTrash } from "@tabler/icons-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { clockOf } from "../../ui/time";
import type { ChatMessage } from "../classState";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";
import { conversation, type Recipient } from "./conversation";
import classes from "./ChatPanel.module.css";

interface Props {
  visitor: Visitor;
  messages: ChatMessage[];
  aside: ChatMessage[];
  recipients: Recipient[];
  to: string;
  onTo: (to: string) => void;
  muted: boolean;
  staff: boolean;
}

const LONGEST = 2000;

export function ChatPanel({ visitor, messages, aside, recipients, to, onTo, muted, staff }: Props) {
  const me = visitor.state.me.id;
  const said = conversation(messages, aside);
  const [ask] = useAsk();
  const remove = (messageId: string) => ask(() => visitor.command("chat.remove", { messageId }));
  return (
    <Stack gap="sm" className={classes.root}>
      <Log
        said={said}
        me={me}
        recipients={recipients}
        mayRemove={(message) => staff || message.userId === me}
        onRemove={(messageId) => void remove(messageId)}
      />
      <Composer visitor={visitor} recipients={recipients} to={to} onTo={onTo} muted={muted && to !== "staff"} />
    </Stack>
  );
}

interface LogProps {
  said: ChatMessage[];
  me: string;
  recipients: Recipient[];
  mayRemove: (message: ChatMessage) => boolean;
  onRemove: (messageId: string) => void;
}

const NEAR_PX = 80;

function Log({ said, me, recipients, mayRemove, onRemove }: LogProps) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const last = said.at(-1)?.messageId;
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [last]);
  const noteScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  };
  return (
    <div ref={box} className={classes.log} role="log" aria-label="Chat" tabIndex={0} onScroll={noteScroll}>
      {said.length === 0 ? (
        <Text c="dimmed" ta="center" my="auto">
          Nothing said yet. Say hello.
        </Text>
      ) : null}
      {said.map((message) => (
        <article key={message.messageId} className={classes.message} data-mine={message.userId === me || undefined}>
          <Group gap={8} wrap="nowrap" align="baseline">
            <Text component="span" fw={650} size="sm" truncate>
              {message.userId === me ? "You" : message.name}
            </Text>
            <Text component="time" dateTime={message.at} size="xs" c="dimmed" className="numbers">
              {clockOf(message.at)}
            </Text>
            {message.to === "all" ? null : (
              <Text component="span" size="xs" fw={600} className={classes.aside ?? ""} truncate>
                {message.to === "staff" ? "to staff" : `to ${nameOf(message.to, me, recipients)}`}
              </Text>
            )}
            {mayRemove(message) ? (
              <ActionIcon
                className={classes.remove ?? ""}
                variant="subtle"
                color="gray"
                size="sm"
                aria-label={`Remove this message by ${message.name}`}
                onClick={() => onRemove(message.messageId)}
              >
                <IconTrash size={15} />
              </ActionIcon>
            ) : null}
          </Group>
          <Text className={`break ${classes.text}`}>{message.text}</Text>
        </article>
      ))}
    </div>
  );
}

function nameOf(userId: string, me: string, recipients: Recipient[]): string {
  return userId === me ? "you" : (recipients.find((one) => one.value === userId)?.label ?? "one person");
}

interface ComposerProps {
  visitor: Visitor;
  recipients: Recipient[];
  to: string;
  onTo: (to: string) => void;
  muted: boolean;
}

function Composer({ visitor, recipients, to, onTo, muted }: ComposerProps) {
  const [text, setText] = useState("");
  const [ask, busy] = useAsk();
  const ready = text.trim() !== "" && !muted && !busy;
  const post = async () => {
    if (!ready) return;
    const words = text;
    setText("");
    if (!(await ask(() => visitor.command("chat.post", { text: words, to }))))
      setText((now) => (now === "" ? words : now));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void post();
  };
  return (
    <form
      className={classes.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void post();
      }}
    >
      {recipients.length > 1 ? (
        <Select
          size="xs"
          aria-label="Who reads it"
          data={recipients}
          value={to}
          onChange={(value) => onTo(value ?? "all")}
          allowDeselect={false}
          comboboxProps={{ withinPortal: true }}
        />
      ) : null}
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <Textarea
          flex={1}
          autosize
          minRows={1}
          maxRows={5}
          maxLength={LONGEST}
          aria-label="Message"
          placeholder={muted ? "You are muted; you can still write to staff" : "Write a message"}
          disabled={muted}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKey}
        />
        <Tooltip label="Send (Enter)">
          <ActionIcon type="submit" size={42} aria-label="Send" disabled={!ready}>
            <IconSend2 size={20} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </form>
  );
}
