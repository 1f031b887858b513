/** One person, or one screen, on the stage: the picture, or the name while there is none. */

import { VisuallyHidden } from "@mantine/core";
import { IconHeadphones, IconMicrophone, IconScreenShare } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import type { Tile } from "./arrange";
import { initialsOf } from "./initials";
import classes from "./TileView.module.css";

interface Props {
  tile: Tile;
  large: boolean;
  stream: MediaStream | null;
  /** Whether something arrives: a picture that stands still is not shown. */
  flowing: boolean;
  speaking: boolean;
}

export function TileView({ tile, large, stream, flowing, speaking }: Props) {
  const { kind, person, mine, slot } = tile;
  const name = mine ? "You" : person.name;
  const words = kind === "screen" ? (mine ? "Your screen" : `${name}’s screen`) : name;
  const [drawn, setDrawn] = useState<MediaStream | null>(null);
  const shown = stream !== null && flowing && drawn === stream;
  return (
    <figure
      className={classes.tile}
      data-kind={kind}
      data-large={large || undefined}
      data-speaking={speaking || undefined}
    >
      {shown ? null : <Card kind={kind} name={person.name} />}
      {stream === null ? null : (
        <Picture
          stream={stream}
          slot={slot}
          userId={person.userId}
          mirrored={mine && kind === "camera"}
          hidden={!shown}
          words={words}
          onDrawn={setDrawn}
        />
      )}
      <figcaption className={classes.name}>
        {kind === "screen" ? <IconScreenShare size={15} aria-hidden="true" /> : null}
        {speaking ? <IconMicrophone size={15} aria-hidden="true" /> : null}
        <span>{words}</span>
        {speaking ? <VisuallyHidden>is speaking</VisuallyHidden> : null}
      </figcaption>
    </figure>
  );
}

function Card({ kind, name }: { kind: Tile["kind"]; name: string }) {
  return (
    <div className={classes.card} aria-hidden="true">
      <span className={classes.initials}>
        {kind === "screen" ? (
          <IconScreenShare size="0.9em" />
        ) : kind === "voice" ? (
          <IconHeadphones size="0.9em" />
        ) : (
          initialsOf(name)
        )}
      </span>
    </div>
  );
}

interface PictureProps {
  stream: MediaStream;
  slot: Tile["slot"];
  userId: string;
  mirrored: boolean;
  hidden: boolean;
  words: string;
  /** The first picture of this stream is there. */
  onDrawn: (stream: MediaStream) => void;
}

function Picture({ stream, slot, userId, mirrored, hidden, words, onDrawn }: PictureProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current!;
    if (video.srcObject !== stream) video.srcObject = stream;
  }, [stream]);
  return (
    <video
      ref={element}
      className={classes.picture}
      autoPlay
      muted
      playsInline
      onLoadedData={() => onDrawn(stream)}
      disablePictureInPicture={hidden}
      aria-label={words}
      data-slot={slot ?? undefined}
      data-user={userId}
      data-mirrored={mirrored || undefined}
      data-hidden={hidden || undefined}
    />
  );
}
