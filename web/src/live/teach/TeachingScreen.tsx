/** The class as its instructor runs it: start and end, seats and queue, hands, polls, chat, the record. */

import { Badge, Card, Group, Stack, Tabs, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconChartBar, IconClipboardList, IconHandStop, IconMessages, IconUsers } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import type { ScreenProps } from "../ClassPage";
import { ChatPanel } from "../parts/ChatPanel";
import { ClassHeader } from "../parts/ClassHeader";
import type { Recipient } from "../parts/conversation";
import { RisingReactions } from "../parts/Reactions";
import { SeatPanel } from "../parts/SeatPanel";
import { Stage, useStageShown, useTiles } from "../media/Stage";
import { StageAnnouncer } from "../media/StageAnnouncer";
import { StagePrompt, useStageDoor } from "../media/StageDoor";
import { Attendance } from "./Attendance";
import { Controls } from "./Controls";
import { Hands } from "./Hands";
import { People } from "./People";
import { TeachingPolls } from "./TeachingPolls";
import rooms from "../parts/rooms.module.css";
import classes from "./TeachingScreen.module.css";

export function TeachingScreen({ visitor, state, now, room: video }: ScreenProps) {
  const wide = useMediaQuery("(min-width: 62em)", true, { getInitialValueInEffect: false });
  const [tab, setTab] = useState<string | null>(null);
  const [to, setTo] = useState("all");
  const session = state.session!;
  const over = session.status === "ended" || session.status === "cancelled";
  const writeTo = (userId: string) => {
    setTo(userId);
    if (!wide) setTab("chat");
  };
  const chat = (
    <ChatPanel
      visitor={visitor}
      messages={state.everybody?.chat ?? []}
      aside={state.aside}
      recipients={recipientsOf(state, to)}
      to={to}
      onTo={setTo}
      muted={false}
      staff
    />
  );
  const tiles = useTiles(video, state);
  const staged = useStageShown(video, tiles);
  const door = useStageDoor(video, visitor, state);
  const shown = tab ?? (over ? "attendance" : "people");
  return (
    <>
      <ClassHeader
        session={session}
        now={now}
        recording={state.everybody?.recording ?? null}
        actions={<Controls visitor={visitor} state={state} />}
      />
      <div className={wide && !over ? rooms.columns : undefined}>
        <Stack gap="lg" miw={0} className={wide && !over ? (rooms.scroll ?? "") : ""}>
          {video !== null && staged && !over ? (
            <Stage room={video} visitor={visitor} state={state} onSetUp={door.setUp} tiles={tiles} />
          ) : over ? null : (
            <StagePrompt room={video} state={state} setUp={door.setUp} />
          )}
          {over || staged ? null : <Overview state={state} />}
          <Tabs value={shown} onChange={setTab} keepMounted={false}>
            <Tabs.List mb="md" className={classes.tabs ?? ""}>
              {over ? null : (
                <Tab value="people" icon={<IconUsers size={18} />} label="People" count={session.currentStudents} />
              )}
              {over ? null : (
                <Tab
                  value="hands"
                  icon={<IconHandStop size={18} />}
                  label="Hands"
                  count={state.everybody?.hands.length ?? 0}
                  urgent
                />
              )}
              {over ? null : <Tab value="polls" icon={<IconChartBar size={18} />} label="Polls" />}
              {over || wide ? null : <Tab value="chat" icon={<IconMessages size={18} />} label="Chat" />}
              <Tab value="attendance" icon={<IconClipboardList size={18} />} label="Attendance" />
            </Tabs.List>
            <Tabs.Panel value="people">
              <People visitor={visitor} state={state} onWriteTo={writeTo} />
            </Tabs.Panel>
            <Tabs.Panel value="hands">
              <Hands visitor={visitor} state={state} />
            </Tabs.Panel>
            <Tabs.Panel value="polls">
              <TeachingPolls visitor={visitor} polls={state.everybody?.polls ?? []} />
            </Tabs.Panel>
            <Tabs.Panel value="chat">
              <Card h="calc(100dvh - 240px)" mih={380} p="sm">
                {chat}
              </Card>
            </Tabs.Panel>
            <Tabs.Panel value="attendance">
              <Attendance session={session} />
            </Tabs.Panel>
          </Tabs>
        </Stack>
        {wide && !over ? <Card className={rooms.side ?? ""}>{chat}</Card> : null}
      </div>
      {over ? null : door.dialog}
      <StageAnnouncer state={state} />
    </>
  );
}

function Overview({ state }: { state: ScreenProps["state"] }) {
  return (
    <Card pos="relative" py="md">
      <RisingReactions reactions={state.everybody?.reactions ?? []} />
      <SeatPanel session={state.session!} flat />
    </Card>
  );
}

interface TabProps {
  value: string;
  icon: ReactNode;
  label: string;
  count?: number;
  urgent?: boolean;
}

function Tab({ value, icon, label, count = 0, urgent = false }: TabProps) {
  return (
    <Tabs.Tab value={value} leftSection={icon}>
      <Group gap={6} wrap="nowrap">
        <Text component="span" size="sm" fw={600}>
          {label}
        </Text>
        {count > 0 ? (
          <Badge
            size="sm"
            color={urgent ? "saffron.4" : "gray"}
            variant={urgent ? "filled" : "light"}
            className="numbers"
          >
            {count}
          </Badge>
        ) : null}
      </Group>
    </Tabs.Tab>
  );
}

function recipientsOf(state: ScreenProps["state"], to: string): Recipient[] {
  const fixed = [
    { value: "all", label: "To everybody" },
    { value: "staff", label: "To staff only" },
  ];
  if (fixed.some((one) => one.value === to)) return fixed;
  const name = state.staff?.seats.get(to)?.name ?? state.aside.find((message) => message.userId === to)?.name;
  return [...fixed, { value: to, label: `To ${name ?? "one person"} only` }];
}
