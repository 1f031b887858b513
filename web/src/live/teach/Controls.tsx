/** Start, end, lock, and how many seats there are. */

import { Button, Group, Modal, NumberInput, Popover, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArmchair, IconLock, IconLockOpen, IconPlayerPlayFilled, IconPlayerStopFilled } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "../../api/client";
import { sentenceOf } from "../../api/problem";
import { useAsk } from "../useAsk";
import type { Visitor } from "../visitor";
import type { VisitState } from "../visit";

export function Controls({ visitor, state }: { visitor: Visitor; state: VisitState }) {
  const session = state.session!;
  if (session.status === "ended" || session.status === "cancelled") return null;
  const live = session.status === "live";
  return (
    <Group gap="sm">
      <Capacity sessionId={session.id} maxStudents={session.maxStudents} visitor={visitor} />
      <LockButton visitor={visitor} locked={state.locked} />
      {live ? <EndButton visitor={visitor} seated={session.currentStudents} /> : <StartButton visitor={visitor} />}
    </Group>
  );
}

function StartButton({ visitor }: { visitor: Visitor }) {
  const [ask, busy] = useAsk();
  return (
    <Button
      loading={busy}
      leftSection={<IconPlayerPlayFilled size={18} />}
      onClick={() => void ask(() => visitor.command("session.start"))}
    >
      Start class
    </Button>
  );
}

function EndButton({ visitor, seated }: { visitor: Visitor; seated: number }) {
  const [opened, { open, close }] = useDisclosure(false);
  const [ask, busy] = useAsk();
  const end = async () => {
    if (await ask(() => visitor.command("session.end"))) close();
  };
  return (
    <>
      <Button color="ember.6" leftSection={<IconPlayerStopFilled size={18} />} onClick={open}>
        End class
      </Button>
      <Modal opened={opened} onClose={close} title="End the class for everybody?">
        <Text>
          {seated === 0
            ? "Nobody is seated just now."
            : `${seated} ${seated === 1 ? "student is" : "students are"} seated.`}{" "}
          Nobody can come in afterwards, and it cannot be started again. The attendance is kept.
        </Text>
        <Group mt="lg" justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            Go on teaching
          </Button>
          <Button color="ember" loading={busy} onClick={() => void end()}>
            End now
          </Button>
        </Group>
      </Modal>
    </>
  );
}

function LockButton({ visitor, locked }: { visitor: Visitor; locked: boolean }) {
  const [ask, busy] = useAsk();
  return (
    <Button
      variant={locked ? "light" : "default"}
      color={locked ? "saffron" : "gray"}
      aria-pressed={locked}
      loading={busy}
      leftSection={locked ? <IconLock size={18} /> : <IconLockOpen size={18} />}
      onClick={() => void ask(() => visitor.command(locked ? "session.unlock" : "session.lock"))}
    >
      {locked ? "Locked" : "Lock"}
    </Button>
  );
}

const MOST_SEATS = 100_000;

function Capacity({ sessionId, maxStudents, visitor }: { sessionId: string; maxStudents: number; visitor: Visitor }) {
  const [opened, { toggle, close }] = useDisclosure(false);
  const [seats, setSeats] = useState<number | string>(maxStudents);
  const change = useMutation({
    mutationFn: (value: number) =>
      bodyOf(
        api.PATCH("/api/live-sessions/{id}", { params: { path: { id: sessionId } }, body: { maxStudents: value } }),
      ),
    onSuccess: () => {
      close();
      void visitor.look();
    },
    onError: (thrown) => notifications.show({ color: "ember", message: sentenceOf(thrown) }),
  });
  const valid = typeof seats === "number" && seats >= 1;
  return (
    <Popover
      opened={opened}
      onChange={(next) => (next ? undefined : close())}
      trapFocus
      position="bottom-end"
      shadow="md"
    >
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconArmchair size={18} />}
          onClick={() => {
            setSeats(maxStudents);
            toggle();
          }}
        >
          {maxStudents} {maxStudents === 1 ? "seat" : "seats"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown w={280}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (valid) change.mutate(seats);
          }}
        >
          <Stack gap="sm">
            <NumberInput
              label="Seats"
              description="More seats let the queue in at once. Fewer seats send nobody out."
              min={1}
              max={MOST_SEATS}
              allowDecimal={false}
              value={seats}
              onChange={setSeats}
              data-autofocus
            />
            <Button type="submit" loading={change.isPending} disabled={!valid}>
              Change
            </Button>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
