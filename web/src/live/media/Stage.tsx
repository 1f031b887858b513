/** The stage: who can be seen and heard, and the bar with what one can do there. */

import { Loader } from "@mantine/core";
import { useFullscreenElement } from "@mantine/hooks";
import { IconAlertTriangle, IconVolume, IconX } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState, type CSSProperties } from "react";
import { useAccount } from "../../auth/useAccount";
import type { AttemptState } from "../../media/attempts";
import type { RoomState } from "../../media/roomMedia";
import type { VideoSlot } from "../../media/slots";
import { RisingReactions } from "../parts/Reactions";
import { EMPTY } from "../stageState";
import type { VisitState } from "../visit";
import type { Visitor } from "../visitor";
import { arrange, columnsFor, tilesOf, type Layout, type Tile } from "./arrange";
import { RecordingMark } from "./marks";
import { Sounds } from "./Sounds";
import { StageBar } from "./StageBar";
import { TileView } from "./TileView";
import { useLinger } from "./useLinger";
import type { Room } from "./useRoomMedia";
import classes from "./Stage.module.css";

interface Props {
  room: Room;
  visitor: Visitor;
  state: VisitState;
  /** Opens the choice of camera and microphone; null for those who may not publish. */
  onSetUp: (() => void) | null;
}

const LINGER_MS = 10_000;
const UNSEEN = "Others cannot see or hear you just now. Trying again.";

/** The tiles of a class as this person sees them. */
export function useTiles(room: Room | null, state: VisitState): Tile[] {
  const account = useAccount();
  const name = account.at === "in" ? account.user.name : "";
  const { media } = state.everybody ?? EMPTY;
  const own = { userId: state.me.id, name, camera: room?.now.camera != null, screen: room?.now.screen != null };
  return tilesOf(media, own);
}

/** Whether there is a stage to show: not without video, and not where nothing is published. */
export function useStageShown(room: Room | null, tiles: Tile[]): boolean {
  const lingers = useLinger(tiles.length > 0, LINGER_MS);
  return room !== null && room.now.mode === "embedded" && lingers;
}

export function Stage({ room, visitor, state, onSetUp, tiles }: Props & { tiles: Tile[] }) {
  const { now } = room;
  const { media, recording } = state.everybody ?? EMPTY;
  const [layout, setLayout] = useState<Layout>("screen");
  const [blocked, setBlocked] = useState(false);
  const [asked, setAsked] = useState(0);
  const speaker = useLastSpeaker(media.speakers, state.me.id);
  const { ref, toggle, fullscreen } = useFullscreenElement();
  const { large, strip } = arrange(tiles, layout, speaker);
  const columns = strip.length === 0 ? columnsFor(large.length) : 1;
  const block = useCallback(() => setBlocked(true), []);
  const style = { "--columns": columns, "--strip": Math.max(1, strip.length) } as CSSProperties;
  return (
    <section ref={ref} className={classes.stage} aria-label="Stage" data-fullscreen={fullscreen || undefined}>
      <div className={classes.marks}>
        <span className={classes.recording}>
          <RecordingMark recording={recording} dark />
        </span>
        <WatchMark room={room} empty={tiles.length === 0} />
        {blocked ? (
          <button
            type="button"
            className={classes.sound}
            onClick={() => {
              setBlocked(false);
              setAsked(asked + 1);
            }}
          >
            <IconVolume size={18} aria-hidden="true" />
            Turn on sound
          </button>
        ) : null}
      </div>
      <div className={classes.tiles} data-strip={strip.length > 0 || undefined} style={style}>
        {/* In the order of the class, whatever is large: a video that moves in the page would stop for a moment. */}
        {tiles.map((tile) => (
          <div
            key={tile.id}
            className={classes.place}
            data-large={large.includes(tile) || undefined}
            data-lost={(!tile.mine && isLost(now.watching)) || undefined}
          >
            <TileView
              tile={tile}
              large={large.includes(tile)}
              stream={streamOf(tile, now)}
              flowing={isFlowing(tile, now)}
              speaking={!isLost(now.watching) && tile.kind !== "screen" && media.speakers.includes(tile.person.userId)}
            />
          </div>
        ))}
        <RisingReactions reactions={state.everybody?.reactions ?? []} />
        {tiles.length === 0 ? <p className={classes.nobody}>Nobody can be seen or heard just now.</p> : null}
      </div>
      <Trouble room={room} />
      <StageBar
        room={room}
        visitor={visitor}
        state={state}
        layout={layout}
        onLayout={setLayout}
        onSetUp={onSetUp}
        fullscreen={fullscreen}
        onFullscreen={() => void toggle()}
      />
      <Sounds now={now} media={media} me={state.me.id} asked={asked} onBlocked={block} />
    </section>
  );
}

/** Who spoke last, so that a pause does not change the picture. Oneself does not count. */
function useLastSpeaker(speakers: string[], me: string): string | null {
  const last = useRef<string | null>(null);
  const loudest = speakers.find((userId) => userId !== me) ?? null;
  useEffect(() => {
    if (loudest !== null) last.current = loudest;
  }, [loudest]);
  return loudest ?? last.current;
}

function streamOf(tile: Tile, now: RoomState): MediaStream | null {
  if (tile.mine) {
    const own = tile.kind === "screen" ? now.screen : now.camera;
    if (own !== null) return own.picture;
  }
  if (tile.kind === "voice" || tile.slot === null) return null;
  return now.streams.get(tile.slot) ?? null;
}

function isFlowing(tile: Tile, now: RoomState): boolean {
  const own = tile.kind === "screen" ? now.screen : now.camera;
  if (tile.mine && own !== null) return own.picture !== null;
  return tile.slot !== null && now.flowing.has(tile.slot as VideoSlot);
}

/** The way of picture and sound is lost: what is seen stands still, or nobody sees what is sent. */
function isLost(state: AttemptState): boolean {
  return state.at === "waiting" || state.at === "refused" || (state.at === "opening" && state.why !== null);
}

/** What stands in the way of watching, in words. */
function WatchMark({ room, empty }: { room: Room; empty: boolean }) {
  const { watching } = room.now;
  const why =
    watching.at === "waiting" || watching.at === "refused"
      ? watching.why
      : watching.at === "opening"
        ? (watching.why ?? (empty ? null : "Connecting to picture and sound…"))
        : null;
  return (
    <div role="status" className={classes.watch} data-shown={why !== null || undefined}>
      {why === null ? null : (
        <>
          {watching.at === "refused" ? (
            <IconAlertTriangle size={16} aria-hidden="true" />
          ) : (
            <Loader size={14} color="currentColor" aria-hidden="true" />
          )}
          <span>{why}</span>
          {watching.at === "refused" ? (
            <button type="button" onClick={() => room.media.tryAgain()}>
              Try again
            </button>
          ) : null}
        </>
      )}
    </div>
  );
}

/** What went wrong with one's own camera, microphone or screen, or with sending them. */
function Trouble({ room }: { room: Room }) {
  const { trouble, camera, screen } = room.now;
  const lost = [camera, screen].flatMap((own) => (own !== null && isLost(own.state) ? [own.state] : []));
  const refused = lost.find((state) => state.at === "refused");
  const words = trouble ?? refused?.why ?? (lost.length > 0 ? UNSEEN : null);
  return (
    <div role="alert" className={classes.trouble} data-shown={words !== null || undefined}>
      {words === null ? null : (
        <>
          <IconAlertTriangle size={18} aria-hidden="true" />
          <span>{words}</span>
          {refused !== undefined && trouble === null ? (
            <button type="button" onClick={() => room.media.tryAgain()}>
              Try again
            </button>
          ) : null}
          {trouble === null ? null : (
            <button type="button" aria-label="Close this message" onClick={() => room.media.forgetTrouble()}>
              <IconX size={16} aria-hidden="true" />
            </button>
          )}
        </>
      )}
    </div>
  );
}
