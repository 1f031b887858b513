/** When one is not, or no longer, inside: ended, cancelled, removed, somewhere else, not allowed. */

import { Button, Group, Text } from "@mantine/core";
import {
  IconCalendarOff,
  IconCircleCheck,
  IconDeviceLaptop,
  IconDoorExit,
  IconLockAccess,
  IconMoodConfuzed,
} from "@tabler/icons-react";
import { Notice } from "../../ui/Notice";
import { ButtonLink } from "../../ui/links";
import { clockOf } from "../../ui/time";
import type { ScreenProps } from "../ClassPage";

const home = (
  <ButtonLink to="/classes" variant="light">
    My classes
  </ButtonLink>
);

export function EndedScreen({ state }: ScreenProps) {
  return (
    <Notice level={2} icon={<IconCircleCheck size={28} />} title="This class has ended" actions={home}>
      <Text>
        It ended at {clockOf(state.session!.endsAt)}. Your attendance is recorded to the second; there is nothing left
        to do.
      </Text>
    </Notice>
  );
}

export function CancelledScreen({ state }: ScreenProps) {
  return (
    <Notice level={2} icon={<IconCalendarOff size={28} />} color="gray" title="This class was cancelled" actions={home}>
      <Text>{state.session!.instructor.name} called it off before it started.</Text>
    </Notice>
  );
}

export function RemovedScreen({ visitor, state }: ScreenProps) {
  const banned = state.standing.at === "removed" && state.standing.banned;
  return (
    <Notice
      level={2}
      icon={<IconDoorExit size={28} />}
      color="ember"
      title="You were removed from this class"
      actions={
        <Group>
          {banned ? null : <Button onClick={() => void visitor.join()}>Ask for a seat again</Button>}
          {home}
        </Group>
      }
    >
      <Text>
        {banned
          ? "The instructor removed you for the rest of this class, so you cannot come back in."
          : "The instructor sent you out. You may ask for a seat again; it will be given in the usual order."}
      </Text>
    </Notice>
  );
}

export function ElsewhereScreen({ visitor }: ScreenProps) {
  return (
    <Notice
      level={2}
      icon={<IconDeviceLaptop size={28} />}
      title="This class is open somewhere else"
      actions={<Button onClick={() => visitor.takeBack()}>Use this window</Button>}
    >
      <Text>You opened it in another window or on another device, and only one at a time can be followed.</Text>
    </Notice>
  );
}

export function StrangerScreen({ visitor, state }: ScreenProps) {
  const why = state.standing.at === "stranger" ? state.standing.why : null;
  const courseId = typeof why?.details.courseId === "string" ? why.details.courseId : null;
  if (why?.errorCode === "not_enrolled")
    return (
      <Notice
        icon={<IconLockAccess size={28} />}
        title="This class is for students of the course"
        actions={
          <Group>
            {courseId === null ? null : (
              <ButtonLink to="/courses/$courseId" params={{ courseId }}>
                See the course
              </ButtonLink>
            )}
            {home}
          </Group>
        }
      >
        <Text>Enrol in the course first; then its classes are open to you.</Text>
      </Notice>
    );
  return (
    <Notice
      icon={<IconMoodConfuzed size={28} />}
      color="gray"
      title={why?.errorCode === "not_found" ? "There is no such class" : "This class cannot be shown"}
      actions={
        <Group>
          {why?.retry ? <Button onClick={() => visitor.takeBack()}>Try again</Button> : null}
          {home}
        </Group>
      }
    >
      <Text>{why?.message}</Text>
    </Notice>
  );
}
