/** What one can do on the stage: one's own devices to the left, the recording, how it is looked at to the right. */

import { Kbd, Menu, Popover, Switch, Tooltip } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import {
  IconHelp,
  IconLayoutGrid,
  IconMaximize,
  IconMicrophone,
  IconMicrophoneOff,
  IconMinimize,
  IconPlayerRecordFilled,
  IconPlayerStopFilled,
  IconScreenShare,
  IconScreenShareOff,
  IconStairsDown,
  IconVideo,
  IconVideoOff,
} from "@tabler/icons-react";
import { forwardRef, type ComponentPropsWithoutRef, type ReactNode } from "react";
import { useAsk } from "../useAsk";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";
import type { Layout } from "./arrange";
import { QualityMark } from "./marks";
import { KEYS } from "./shortcuts";
import type { Room } from "./useRoomMedia";
import { useShortcuts } from "./useShortcuts";
import classes from "./StageBar.module.css";

interface Props {
  room: Room;
  visitor: Visitor;
  state: VisitState;
  layout: Layout;
  onLayout: (layout: Layout) => void;
  onSetUp: (() => void) | null;
  fullscreen: boolean;
  onFullscreen: () => void;
}

export function StageBar(props: Props) {
  const { room, visitor, state, layout, onLayout, onSetUp, fullscreen, onFullscreen } = props;
  const [keys, setKeys] = useLocalStorage({ key: "lyceum.shortcuts", defaultValue: true });
  const { media, now } = room;
  const teaching = state.standing.at === "teaching";
  const share = () => (now.screen === null ? void media.shareScreen() : media.stopScreen());
  useShortcuts(keys, {
    ...(onSetUp === null
      ? {}
      : {
          microphone: now.camera === null ? onSetUp : () => void media.toggleMicrophone(),
          camera: now.camera === null ? onSetUp : () => void media.toggleCamera(),
          screen: share,
        }),
    ...(document.fullscreenEnabled ? { fullscreen: onFullscreen } : {}),
  });
  return (
    <div className={classes.bar} role="group" aria-label="Stage controls">
      {onSetUp === null ? null : (
        <div className={classes.group}>
          <OwnDevices room={room} onSetUp={onSetUp} />
          <ScreenButton on={now.screen !== null} onClick={share} />
          <LeaveButton room={room} visitor={visitor} teaching={teaching} />
        </div>
      )}
      {teaching && state.session?.status === "live" ? (
        <RecordButton visitor={visitor} running={state.everybody?.recording != null} />
      ) : null}
      <div className={classes.group} data-end>
        <QualityMark quality={now.quality} />
        <ViewMenu layout={layout} onLayout={onLayout} room={room} />
        {document.fullscreenEnabled ? (
          <Control label={fullscreen ? "Leave fullscreen" : "Fullscreen"} onClick={onFullscreen}>
            {fullscreen ? <IconMinimize size={21} /> : <IconMaximize size={21} />}
          </Control>
        ) : null}
        <Help keys={keys} onKeys={setKeys} publishes={onSetUp !== null} />
      </div>
    </div>
  );
}

interface ControlProps extends ComponentPropsWithoutRef<"button"> {
  label: string;
  look?: "off" | "on" | "leave";
  children: ReactNode;
}

/** A button of the dark bar, with its name as a tooltip. */
const Control = forwardRef<HTMLButtonElement, ControlProps>(
  ({ label, look, children, className = "", ...rest }, ref) => (
    <Tooltip label={label} withinPortal={false}>
      <button
        ref={ref}
        type="button"
        className={`${classes.control} ${className}`}
        data-look={look}
        aria-label={label}
        {...rest}
      >
        {children}
      </button>
    </Tooltip>
  ),
);
Control.displayName = "Control";

function OwnDevices({ room, onSetUp }: { room: Room; onSetUp: () => void }) {
  const { media, now } = room;
  if (now.camera === null)
    return (
      <button type="button" className={classes.wide} onClick={onSetUp}>
        <IconVideo size={20} aria-hidden="true" />
        <span>
          Turn on camera<span className={classes.rest}> and microphone</span>
        </span>
      </button>
    );
  const { microphone, picture } = now.camera;
  return (
    <>
      <Control
        label={microphone ? "Turn microphone off" : "Turn microphone on"}
        look={microphone ? "on" : "off"}
        onClick={() => void media.toggleMicrophone()}
      >
        {microphone ? <IconMicrophone size={21} /> : <IconMicrophoneOff size={21} />}
      </Control>
      <Control
        label={picture === null ? "Turn camera on" : "Turn camera off"}
        look={picture === null ? "off" : "on"}
        onClick={() => void media.toggleCamera()}
      >
        {picture === null ? <IconVideoOff size={21} /> : <IconVideo size={21} />}
      </Control>
    </>
  );
}

function ScreenButton({ on, onClick }: { on: boolean; onClick: () => void }) {
  if (!on && !canShare()) return null;
  return (
    <Control
      label={on ? "Stop sharing the screen" : "Share the screen"}
      {...(on ? { look: "on" } : {})}
      onClick={onClick}
    >
      {on ? <IconScreenShareOff size={21} /> : <IconScreenShare size={21} />}
    </Control>
  );
}

/** Phones have no screen to share. */
export function canShare(): boolean {
  return "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices;
}

function LeaveButton({ room, visitor, teaching }: { room: Room; visitor: Visitor; teaching: boolean }) {
  const [ask, busy] = useAsk();
  const { media, now } = room;
  if (teaching && now.camera === null && now.screen === null) return null;
  const leave = () => {
    media.stopCamera();
    media.stopScreen();
    if (!teaching) void ask(() => visitor.command("stage.leave"));
  };
  return (
    <Control
      label={teaching ? "Stop camera and screen" : "Leave the stage"}
      look="leave"
      disabled={busy}
      onClick={leave}
    >
      <IconStairsDown size={21} />
    </Control>
  );
}

export function RecordButton({ visitor, running }: { visitor: Visitor; running: boolean }) {
  const [ask, busy] = useAsk();
  const words = running ? "Stop recording" : "Start recording";
  return (
    <button
      type="button"
      className={classes.wide}
      data-record
      disabled={busy}
      aria-label={words}
      onClick={() => void ask(() => visitor.command(running ? "recording.stop" : "recording.start"))}
    >
      {running ? (
        <IconPlayerStopFilled size={18} aria-hidden="true" />
      ) : (
        <IconPlayerRecordFilled size={18} aria-hidden="true" />
      )}
      <span>
        {running ? "Stop" : "Record"}
        {running ? <span className={classes.rest}> recording</span> : null}
      </span>
    </button>
  );
}

const LAYOUTS: [layout: Layout, words: string][] = [
  ["screen", "Screen first"],
  ["speaker", "Speaker"],
  ["grid", "Grid"],
];

function ViewMenu({ layout, onLayout, room }: { layout: Layout; onLayout: (layout: Layout) => void; room: Room }) {
  const { soundOnly } = room.now;
  return (
    <Menu position="top-end" shadow="md" width={220} withinPortal={false}>
      <Menu.Target>
        <Control label="View">
          <IconLayoutGrid size={21} />
        </Control>
      </Menu.Target>
      <Menu.Dropdown className={classes.dropdown ?? ""}>
        <Menu.Label>Layout</Menu.Label>
        <Menu.RadioGroup value={layout} onChange={(value) => onLayout(value as Layout)}>
          {LAYOUTS.map(([value, words]) => (
            <Menu.RadioItem key={value} value={value}>
              {words}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.CheckboxItem checked={soundOnly} onChange={(checked) => room.media.listenOnly(checked)}>
          Sound only
        </Menu.CheckboxItem>
      </Menu.Dropdown>
    </Menu>
  );
}

interface HelpProps {
  keys: boolean;
  onKeys: (on: boolean) => void;
  publishes: boolean;
}

function Help({ keys, onKeys, publishes }: HelpProps) {
  const shown = KEYS.filter(([, shortcut]) => publishes || shortcut === "fullscreen");
  return (
    <Popover position="top-end" shadow="md" width={300} withinPortal={false} trapFocus>
      <Popover.Target>
        <Control label="Keyboard shortcuts">
          <IconHelp size={21} />
        </Control>
      </Popover.Target>
      <Popover.Dropdown aria-label="Keyboard shortcuts" className={classes.dropdown ?? ""}>
        <dl className={classes.keys}>
          {shown.map(([key, , words]) => (
            <div key={key}>
              <dt>
                <Kbd>{key}</Kbd>
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
        <Switch
          mt="md"
          label="Use these keys"
          checked={keys}
          onChange={(event) => onKeys(event.currentTarget.checked)}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
