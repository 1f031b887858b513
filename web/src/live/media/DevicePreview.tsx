/** A look at oneself before anybody else does: picture, loudness, which devices; then on stage, or not. */

import { Alert, Button, Group, Loader, Modal, Select, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconVideoOff } from "@tabler/icons-react";
import { useEffect, useRef, type ReactNode } from "react";
import { meter } from "../../media/level";
import type { Tracks } from "../../media/publish";
import { usePreview, type Preview } from "./usePreview";
import classes from "./DevicePreview.module.css";

interface Props {
  title: string;
  children?: ReactNode;
  confirm: string;
  cancel: string;
  busy?: boolean;
  /** The tracks belong to the caller afterwards. */
  onConfirm: (tracks: Tracks) => void;
  onCancel: () => void;
}

export function DevicePreview({ title, onCancel, ...rest }: Props) {
  return (
    <Modal opened onClose={onCancel} title={title} size="lg" closeOnClickOutside={false}>
      <Body onCancel={onCancel} {...rest} />
    </Modal>
  );
}

function Body({ children, confirm, cancel, busy = false, onConfirm, onCancel }: Omit<Props, "title">) {
  const preview = usePreview();
  const { tracks, trouble, choice, devices } = preview;
  const nothing = tracks.video === null && tracks.audio === null;
  return (
    <Stack gap="md">
      {children}
      <Picture track={tracks.video} starting={preview.busy} />
      <Level track={tracks.audio} />
      <Troubles preview={preview} />
      <Group grow align="flex-start">
        <DeviceSelect
          label="Camera"
          devices={devices.cameras}
          value={choice.cameraId}
          current={tracks.video}
          onChange={(cameraId) => preview.choose({ cameraId })}
        />
        <DeviceSelect
          label="Microphone"
          devices={devices.microphones}
          value={choice.microphoneId}
          current={tracks.audio}
          onChange={(microphoneId) => preview.choose({ microphoneId })}
        />
      </Group>
      <Group justify="flex-end" gap="sm" mt="xs">
        <Button variant="subtle" color="gray" onClick={onCancel} disabled={busy}>
          {cancel}
        </Button>
        <Button
          variant="default"
          disabled={tracks.audio === null || busy}
          onClick={() => onConfirm(preview.take(false))}
        >
          Join without camera
        </Button>
        <Button
          data-autofocus
          loading={busy}
          disabled={nothing || (preview.busy && trouble.camera === null)}
          onClick={() => onConfirm(preview.take(true))}
        >
          {confirm}
        </Button>
      </Group>
    </Stack>
  );
}

function Picture({ track, starting }: { track: MediaStreamTrack | null; starting: boolean }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = track === null ? null : new MediaStream([track]);
  }, [track]);
  return (
    <div className={classes.screen}>
      {track === null ? (
        <Text className={classes.empty ?? ""} component="div">
          {starting ? (
            <Loader size="sm" color="white" aria-label="Starting the camera" />
          ) : (
            <>
              <IconVideoOff size={30} aria-hidden="true" />
              No camera
            </>
          )}
        </Text>
      ) : (
        <video ref={element} autoPlay muted playsInline aria-label="Your camera" data-preview />
      )}
    </div>
  );
}

const WORTH_TELLING = 0.1;

/** Drawn without React: it moves twelve times a second. */
function Level({ track }: { track: MediaStreamTrack | null }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (track === null) return undefined;
    let told = 0;
    return meter(track, (level) => {
      const element = bar.current;
      if (element === null) return;
      element.style.setProperty("--level", String(level));
      if (Math.abs(level - told) < WORTH_TELLING) return;
      told = level;
      element.setAttribute("aria-valuenow", String(Math.round(level * 100)));
    });
  }, [track]);
  return (
    <div
      ref={bar}
      className={classes.level}
      role="meter"
      aria-label="Microphone level"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}

function Troubles({ preview }: { preview: Preview }) {
  const { camera, microphone } = preview.trouble;
  const reasons = [...new Set([camera, microphone])].filter((one): one is string => one !== null);
  if (reasons.length === 0) return null;
  return (
    <Alert color="saffron" icon={<IconAlertTriangle aria-hidden="true" />} role="alert">
      <Stack gap="xs" align="flex-start">
        {reasons.map((reason) => (
          <Text key={reason}>{reason}</Text>
        ))}
        <Button size="compact-md" variant="white" color="dark" onClick={preview.tryAgain}>
          Try again
        </Button>
      </Stack>
    </Alert>
  );
}

interface DeviceSelectProps {
  label: string;
  devices: MediaDeviceInfo[];
  value: string | null;
  current: MediaStreamTrack | null;
  onChange: (deviceId: string | null) => void;
}

function DeviceSelect({ label, devices, value, current, onChange }: DeviceSelectProps) {
  const data = devices.map(({ deviceId, label: name }, at) => ({
    value: deviceId,
    label: name === "" ? `${label} ${at + 1}` : name,
  }));
  const used = current?.getSettings().deviceId ?? null;
  const known = [used, value].find((one) => data.some((device) => device.value === one)) ?? null;
  return (
    <Select
      label={label}
      data={data}
      value={known}
      disabled={data.length === 0}
      placeholder={data.length === 0 ? "None found" : "Choose one"}
      allowDeselect={false}
      onChange={onChange}
    />
  );
}
