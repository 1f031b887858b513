/** The ways onto the stage: the invitation, the choice of devices, and a word for who may publish and does not. */

import { Alert, Button, Card, Group, Text } from "@mantine/core";
import { IconInfoCircle, IconScreenShare, IconVideo } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useAsk } from "../useAsk";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";
import { DevicePreview } from "./DevicePreview";
import { canShare } from "./StageBar";
import type { Room } from "./useRoomMedia";

interface Props {
  room: Room;
  visitor: Visitor;
  state: VisitState;
}

export interface StageDoor {
  /** Opens the choice of devices; null for those who may not publish now. */
  setUp: (() => void) | null;
  dialog: ReactNode;
}

/** Who may publish: staff of the class, and who is on its stage. */
export function mayPublish(state: VisitState): boolean {
  if (state.standing.at === "teaching") return true;
  return state.everybody?.stage.members.some((person) => person.userId === state.me.id) ?? false;
}

export function useStageDoor(room: Room | null, visitor: Visitor, state: VisitState): StageDoor {
  const [choosing, setChoosing] = useState(false);
  const may = mayPublish(state);
  // Who comes up again later is not asked by a dialog that was open when they went.
  if (choosing && !may) setChoosing(false);
  if (room === null || room.now.mode !== "embedded") return { setUp: null, dialog: null };
  const invited = state.everybody?.stage.invited.some((person) => person.userId === state.me.id) ?? false;
  const close = () => setChoosing(false);
  return {
    setUp: may ? () => setChoosing(true) : null,
    dialog: invited ? (
      <Invitation room={room} visitor={visitor} state={state} />
    ) : may && choosing ? (
      <DevicePreview
        title="Camera and microphone"
        confirm="Go on stage"
        cancel="Not now"
        onCancel={close}
        onConfirm={(tracks) => {
          room.media.startCamera(tracks);
          close();
        }}
      />
    ) : null,
  };
}

function Invitation({ room, visitor, state }: Props) {
  const [ask, busy] = useAsk();
  const [refused, setRefused] = useState(0);
  return (
    <DevicePreview
      key={refused}
      title="You are invited to the stage"
      confirm="Join the stage"
      cancel="No, thank you"
      busy={busy}
      onCancel={() => void ask(() => visitor.command("stage.leave"))}
      onConfirm={(tracks) =>
        void ask(() => visitor.command("stage.accept")).then((accepted) => {
          if (accepted) return room.media.startCamera(tracks);
          for (const track of [tracks.video, tracks.audio]) track?.stop();
          // The stage may have a place later: camera and microphone are opened anew for another try.
          setRefused((times) => times + 1);
        })
      }
    >
      <Text>
        {state.session!.instructor.name} asks you up. Everybody in the class will see and hear you, until you leave the
        stage.
      </Text>
    </DevicePreview>
  );
}

/** Shown where there is no stage yet. */
export function StagePrompt({
  room,
  state,
  setUp,
}: {
  room: Room | null;
  state: VisitState;
  setUp: StageDoor["setUp"];
}) {
  if (room === null) return null;
  if (room.now.mode === "livekit") return <LiveKitNote />;
  if (setUp === null) return null;
  const teaching = state.standing.at === "teaching";
  const { trouble } = room.now;
  return (
    <Card p="md">
      <Group justify="space-between" gap="sm">
        <Text>
          {teaching ? "Nobody sees or hears you yet." : "You are on the stage. Nobody sees or hears you yet."}
        </Text>
        <Group gap="sm">
          <Button size="sm" leftSection={<IconVideo size={18} />} onClick={setUp}>
            Turn on camera and microphone
          </Button>
          {canShare() ? (
            <Button
              size="sm"
              variant="default"
              leftSection={<IconScreenShare size={18} />}
              onClick={() => void room.media.shareScreen()}
            >
              Share the screen
            </Button>
          ) : null}
        </Group>
      </Group>
      <Text role="alert" c="ember" mt={trouble === null ? 0 : "sm"}>
        {trouble}
      </Text>
    </Card>
  );
}

function LiveKitNote() {
  return (
    <Alert color="aegean" icon={<IconInfoCircle aria-hidden="true" />}>
      The live video of this installation runs on LiveKit, which this page cannot show yet. Chat, hands and polls work
      as always.
    </Alert>
  );
}
