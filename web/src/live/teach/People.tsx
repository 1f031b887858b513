/** Who sits, who is really there, and who waits. */

import { ActionIcon, Button, Card, Group, Menu, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import {
  IconBan,
  IconDots,
  IconDoorExit,
  IconMessage,
  IconMicrophone,
  IconMicrophoneOff,
  IconSearch,
  IconStairsDown,
  IconStairsUp,
} from "@tabler/icons-react";
import { useDeferredValue, useState } from "react";
import { clockOf } from "../../ui/time";
import type { ScreenProps } from "../ClassPage";
import { standingOf, type StageStanding } from "../stageState";
import { unlisted, type Seat, type Waiter } from "../staffState";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";
import classes from "./People.module.css";

const PAGE = 60;
const FEW = 8;

interface Props {
  visitor: Visitor;
  state: ScreenProps["state"];
  onWriteTo: (userId: string) => void;
}

export function People({ visitor, state, onWriteTo }: Props) {
  const [words, setWords] = useState("");
  const wanted = useDeferredValue(words.trim().toLocaleLowerCase());
  const { staff, everybody } = state;
  if (staff === null) return <Skeleton h={240} radius="lg" />;
  const matches = (person: { name: string }) => wanted === "" || person.name.toLocaleLowerCase().includes(wanted);
  const seats = [...staff.seats.values()].filter(matches).sort((a, b) => a.seat - b.seat);
  const waiting = [...staff.waitlist.values()]
    .map((waiter, index) => ({ ...waiter, place: index + 1 }))
    .filter(matches);
  const muted = new Set(everybody?.muted ?? []);
  const others = unlisted(staff);
  return (
    <Stack gap="md">
      {staff.seats.size + staff.waitlist.size > FEW ? (
        <TextInput
          aria-label="Find a person"
          placeholder="Find a person"
          leftSection={<IconSearch size={18} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      ) : null}
      <div className={classes.lists}>
        <PersonList
          title={`Seated (${staff.seats.size + others.seats})`}
          others={others.seats}
          empty={wanted === "" ? "Nobody has a seat yet." : "Nobody by this name."}
          people={seats}
          row={(seat) => (
            <SeatRow
              key={seat.userId}
              seat={seat}
              muted={muted.has(seat.userId)}
              standing={standingOf(state, seat.userId)}
              visitor={visitor}
              onWriteTo={onWriteTo}
            />
          )}
        />
        <PersonList
          title={`Waiting (${staff.waitlist.size + others.waitlist})`}
          others={others.waitlist}
          empty={wanted === "" ? "Nobody waits." : "Nobody by this name."}
          people={waiting}
          row={(waiter) => <WaiterRow key={waiter.userId} waiter={waiter} visitor={visitor} />}
        />
      </div>
    </Stack>
  );
}

interface ListProps<T> {
  title: string;
  /** How many more there are than can be listed. */
  others: number;
  empty: string;
  people: T[];
  row: (person: T) => React.ReactNode;
}

function PersonList<T>({ title, others, empty, people, row }: ListProps<T>) {
  const [shown, setShown] = useState(PAGE);
  return (
    <Card component="section" aria-label={title} p="md">
      <Title order={2} fz="h3" mb="sm" className="numbers">
        {title}
      </Title>
      {people.length === 0 ? <Text c="dimmed">{empty}</Text> : null}
      <ul className={classes.list}>{people.slice(0, shown).map(row)}</ul>
      {people.length > shown ? (
        <Button variant="subtle" fullWidth mt="sm" onClick={() => setShown(shown + PAGE)}>
          Show more ({people.length - shown})
        </Button>
      ) : null}
      {others > 0 ? (
        <Text c="dimmed" size="sm" mt="sm">
          And {others} more who are not listed here. The attendance names everybody.
        </Text>
      ) : null}
    </Card>
  );
}

interface SeatRowProps {
  seat: Seat;
  muted: boolean;
  standing: StageStanding;
  visitor: Visitor;
  onWriteTo: (userId: string) => void;
}

const ON_STAGE: Record<StageStanding, string> = {
  below: "",
  invited: " · invited to the stage",
  on: " · on the stage",
};

function SeatRow({ seat, muted, standing, visitor, onWriteTo }: SeatRowProps) {
  const [ask] = useAsk();
  const { userId, name } = seat;
  const command = (what: string, args = {}) => void ask(() => visitor.command(what, { userId, ...args }));
  return (
    <li className={classes.row} data-user={userId}>
      <span className={classes.number}>{seat.seat}</span>
      <Stack gap={0} miw={0} flex={1}>
        <Text truncate fw={550}>
          {name}
        </Text>
        <Group gap={6} wrap="nowrap">
          <span className={classes.dot} data-on={seat.connected || undefined} aria-hidden="true" />
          <Text size="sm" c="dimmed" truncate>
            {seat.connected ? "here" : "connection lost"} · since {clockOf(seat.since)}
            {muted ? " · muted" : ""}
            {ON_STAGE[standing]}
          </Text>
        </Group>
      </Stack>
      <Menu position="bottom-end" withinPortal shadow="md">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`What to do with ${name}`}>
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconMessage size={18} />} onClick={() => onWriteTo(userId)}>
            Write to {name} only
          </Menu.Item>
          {standing === "below" ? (
            <Menu.Item leftSection={<IconStairsUp size={18} />} onClick={() => command("stage.invite")}>
              Invite to the stage
            </Menu.Item>
          ) : (
            <Menu.Item leftSection={<IconStairsDown size={18} />} onClick={() => command("stage.remove")}>
              {standing === "on" ? "Take off the stage" : "Take the invitation back"}
            </Menu.Item>
          )}
          {muted ? (
            <Menu.Item leftSection={<IconMicrophone size={18} />} onClick={() => command("member.unmute")}>
              Unmute
            </Menu.Item>
          ) : (
            <Menu.Item leftSection={<IconMicrophoneOff size={18} />} onClick={() => command("member.mute")}>
              Mute
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<IconDoorExit size={18} />} onClick={() => command("member.remove")}>
            Send out (may come back)
          </Menu.Item>
          <Menu.Item
            color="ember"
            leftSection={<IconBan size={18} />}
            onClick={() => command("member.remove", { ban: true })}
          >
            Remove for good
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}

function WaiterRow({ waiter, visitor }: { waiter: Waiter & { place: number }; visitor: Visitor }) {
  const [ask] = useAsk();
  return (
    <li className={classes.row} data-user={waiter.userId}>
      <span className={classes.number} data-waiting>
        {waiter.place}
      </span>
      <Stack gap={0} miw={0} flex={1}>
        <Text truncate fw={550}>
          {waiter.name}
        </Text>
        <Text size="sm" c="dimmed">
          since {clockOf(waiter.since)}
        </Text>
      </Stack>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={`Take ${waiter.name} out of the queue`}
        onClick={() => void ask(() => visitor.command("member.remove", { userId: waiter.userId }))}
      >
        <IconDoorExit size={20} />
      </ActionIcon>
    </li>
  );
}
