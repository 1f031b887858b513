/** What is heard: one hidden audio element a microphone slot. One's own voice is never played. */

import { useEffect, useRef } from "react";
import { AUDIO_SLOTS, type AudioSlot } from "../../media/slots";
import type { RoomState } from "../../media/roomMedia";
import type { Media, Person } from "../stageState";

interface Props {
  now: RoomState;
  media: Media;
  me: string;
  /** Grows when the person has asked for sound. */
  asked: number;
  onBlocked: () => void;
}

export function Sounds({ now, media, me, asked, onBlocked }: Props) {
  return (
    <div hidden>
      {AUDIO_SLOTS.map((slot, at) => {
        const person = media.microphones[at] ?? null;
        const stream = now.streams.get(slot) ?? null;
        const heard = person !== null && person.userId !== me;
        return (
          <Sound
            key={slot}
            slot={slot}
            person={person}
            stream={heard ? stream : null}
            asked={asked}
            onBlocked={onBlocked}
          />
        );
      })}
    </div>
  );
}

interface SoundProps {
  slot: AudioSlot;
  person: Person | null;
  stream: MediaStream | null;
  asked: number;
  onBlocked: () => void;
}

function Sound({ slot, person, stream, asked, onBlocked }: SoundProps) {
  const element = useRef<HTMLAudioElement>(null);
  const blocked = useRef(onBlocked);
  blocked.current = onBlocked;
  useEffect(() => {
    const audio = element.current!;
    if (audio.srcObject !== stream) audio.srcObject = stream;
    if (stream === null) return;
    audio.play().catch((thrown: unknown) => {
      // Anything else means that the stream was exchanged meanwhile; the next one is played by its own turn.
      if (thrown instanceof DOMException && thrown.name === "NotAllowedError") blocked.current();
    });
  }, [stream, asked]);
  return <audio ref={element} data-slot={slot} data-user={person?.userId} />;
}
