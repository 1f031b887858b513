/** Inside: the room, the polls, the chat, and the bar with what one can do. */

import { ActionIcon, Alert, Button, Card, Group, Indicator, Modal, Stack, Tabs, Text, Tooltip } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconClockExclamation, IconDoorExit, IconHandStop } from "@tabler/icons-react";
import { useState } from "react";
import { countdown } from "../../ui/time";
import type { ScreenProps } from "../ClassPage";
import type { ClassState } from "../classState";
import { ChatPanel } from "../parts/ChatPanel";
import { Polls } from "../parts/Polls";
import { ReactionButtons, RisingReactions } from "../parts/Reactions";
import { SeatPanel } from "../parts/SeatPanel";
import { Stage, useStageShown, useTiles } from "../media/Stage";
import { StageAnnouncer } from "../media/StageAnnouncer";
import { StagePrompt, useStageDoor } from "../media/StageDoor";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";
import rooms from "../parts/rooms.module.css";
import classes from "./SeatedScreen.module.css";

const RECIPIENTS = [
  { value: "all", label: "To everybody" },
  { value: "staff", label: "To the instructor only" },
];

export function SeatedScreen({ visitor, state, now, room: video }: ScreenProps) {
  const wide = useMediaQuery("(min-width: 62em)", true, { getInitialValueInEffect: false });
  const tiles = useTiles(video, state);
  const staged = useStageShown(video, tiles);
  const door = useStageDoor(video, visitor, state);
  const stage =
    video !== null && staged ? (
      <Stage room={video} visitor={visitor} state={state} onSetUp={door.setUp} tiles={tiles} />
    ) : (
      <StagePrompt room={video} state={state} setUp={door.setUp} />
    );
  const aside = (
    <>
      {door.dialog}
      <StageAnnouncer state={state} />
    </>
  );
  const room = <Room state={state} now={now} flat={staged} />;
  const polls = <PollsTab visitor={visitor} everybody={state.everybody} />;
  const chat = <Chat visitor={visitor} state={state} />;
  const bar = <Bar visitor={visitor} everybody={state.everybody} />;
  if (!wide)
    return (
      <div className={classes.narrow} data-staged={staged || undefined}>
        <div className={staged ? (classes.top ?? "") : ""}>{stage}</div>
        <Narrow room={room} polls={polls} chat={chat} everybody={state.everybody} />
        {bar}
        {aside}
      </div>
    );
  return (
    <div className={rooms.columns}>
      <div className={rooms.left}>
        <div className={rooms.scroll} role="region" aria-label="Room" tabIndex={0}>
          <Stack gap="lg">
            {stage}
            {room}
            {polls}
          </Stack>
        </div>
        {bar}
      </div>
      <Card className={rooms.side ?? ""}>{chat}</Card>
      {aside}
    </div>
  );
}

interface Parts {
  room: React.ReactNode;
  polls: React.ReactNode;
  chat: React.ReactNode;
}

function Narrow({ room, polls, chat, everybody }: Parts & { everybody: ClassState | null }) {
  const [tab, setTab] = useState<string | null>("room");
  const [seen, setSeen] = useState(0);
  const said = everybody?.chat.length ?? 0;
  const open = everybody?.polls.some((poll) => poll.open && poll.yourChoices === undefined) ?? false;
  const change = (next: string | null) => {
    setSeen(said);
    setTab(next);
  };
  return (
    <Tabs value={tab} onChange={change} keepMounted={false} variant="pills">
      <Tabs.List grow mb="md">
        <Tabs.Tab value="room">Room</Tabs.Tab>
        <Tabs.Tab value="chat">
          <Indicator inline offset={-6} disabled={tab === "chat" || said <= seen} color="saffron.5">
            Chat
          </Indicator>
        </Tabs.Tab>
        <Tabs.Tab value="polls">
          <Indicator inline offset={-6} disabled={!open} color="saffron.5">
            Polls
          </Indicator>
        </Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="room">{room}</Tabs.Panel>
      <Tabs.Panel value="chat">
        <Card className={classes.chatNarrow ?? ""} p="sm">
          {chat}
        </Card>
      </Tabs.Panel>
      <Tabs.Panel value="polls">{polls}</Tabs.Panel>
    </Tabs>
  );
}

function Room({ state, now, flat }: { state: ScreenProps["state"]; now: number; flat: boolean }) {
  const session = state.session!;
  const seat = state.standing.at === "seated" ? state.standing.seat : null;
  const promoted = state.standing.at === "seated" && state.standing.promoted;
  const endingAt = state.everybody?.endingAt ?? null;
  return (
    <Card pos="relative">
      {flat ? null : <RisingReactions reactions={state.everybody?.reactions ?? []} />}
      <Stack gap="md">
        {endingAt !== null && session.status === "live" ? (
          <Alert color="saffron" icon={<IconClockExclamation aria-hidden="true" />} className="numbers">
            The class ends in {countdown(Date.parse(endingAt) - now)}.
          </Alert>
        ) : null}
        <SeatPanel session={session} seat={seat} flat={flat}>
          <Text ta="center" mih={26}>
            {words(session.status === "live", promoted, seat)}
          </Text>
        </SeatPanel>
        <Hands everybody={state.everybody} me={state.me.id} />
      </Stack>
    </Card>
  );
}

function words(live: boolean, promoted: boolean, seat: number | null): string {
  const where = seat === null ? "You have a seat" : `You have seat ${seat}`;
  if (!live) return `${where}. The class has not started yet; it begins here by itself.`;
  return promoted ? `${where}: one became free, and you were next.` : `${where}. The class is live.`;
}

function Hands({ everybody, me }: { everybody: ClassState | null; me: string }) {
  const hands = everybody?.hands ?? [];
  const mine = hands.findIndex((hand) => hand.userId === me);
  const line =
    hands.length === 0
      ? "No hands are raised."
      : mine >= 0
        ? `Your hand is up, number ${mine + 1} of ${hands.length}.`
        : `${hands.length} ${hands.length === 1 ? "hand is" : "hands are"} raised.`;
  return (
    <Text size="sm" c="dimmed" ta="center" role="status">
      {line}
    </Text>
  );
}

function PollsTab({ visitor, everybody }: { visitor: Visitor; everybody: ClassState | null }) {
  return (
    <Polls
      visitor={visitor}
      polls={everybody?.polls ?? []}
      staff={false}
      empty={
        <Text c="dimmed" ta="center" py="md">
          Polls and quiz questions appear here when the instructor opens one.
        </Text>
      }
    />
  );
}

function Chat({ visitor, state }: { visitor: Visitor; state: ScreenProps["state"] }) {
  const [to, setTo] = useState("all");
  return (
    <ChatPanel
      visitor={visitor}
      messages={state.everybody?.chat ?? []}
      aside={state.aside}
      recipients={RECIPIENTS}
      to={to}
      onTo={setTo}
      muted={state.everybody?.muted.includes(state.me.id) ?? false}
      staff={false}
    />
  );
}

function Bar({ visitor, everybody }: { visitor: Visitor; everybody: ClassState | null }) {
  const [ask, busy] = useAsk();
  const [leaving, { open, close }] = useDisclosure(false);
  const me = visitor.state.me.id;
  const raised = everybody?.hands.some((hand) => hand.userId === me) ?? false;
  const muted = everybody?.muted.includes(me) ?? false;
  const hand = raised ? "Lower my hand" : "Raise my hand";
  return (
    <Group className={classes.bar ?? ""} justify="center" gap="sm" wrap="nowrap">
      <Tooltip label={hand}>
        <ActionIcon
          size={42}
          variant={raised ? "filled" : "default"}
          color={raised ? "saffron.4" : "gray"}
          aria-label={hand}
          aria-pressed={raised}
          disabled={everybody === null}
          onClick={() => void ask(() => visitor.command(raised ? "hand.lower" : "hand.raise"))}
        >
          <IconHandStop size={22} />
        </ActionIcon>
      </Tooltip>
      <ReactionButtons visitor={visitor} disabled={everybody === null || muted} />
      <Button variant="default" leftSection={<IconDoorExit size={20} />} onClick={open}>
        Leave class
      </Button>
      <Modal opened={leaving} onClose={close} title="Leave the class?">
        <Text>Your seat goes to the next in the queue at once. You can come back if a seat is free.</Text>
        <Group mt="lg" justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            Stay
          </Button>
          <Button color="ember" loading={busy} onClick={() => void ask(() => visitor.leave())}>
            Leave
          </Button>
        </Group>
      </Modal>
    </Group>
  );
}
