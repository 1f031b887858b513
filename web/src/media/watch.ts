/** Watching a class: one connection with a line for every slot, and what arrives on each. */

import type { AttemptState } from "./attempts";
import { MediaSession, type Purpose, type Surroundings } from "./mediaSession";
import { ArrivalQuality, type Quality } from "./quality";
import { AUDIO_SLOTS, VIDEO_SLOTS, type Slot } from "./slots";
import { Stall } from "./stalls";
import { arrived, type Stat } from "./statistics";

/** Nothing at all arrives for so long: begin anew. While nobody sends, the server itself does, twice a second. */
export const SILENCE_MS = 1_500;
export const FIRST_PACKET_MS = 3_000;
/** A slot in which nothing came for so long shows the name instead of a picture that stands still. */
const STILL_MS = 2_000;

export class Watching implements Purpose {
  readonly path = "watch";
  streams: ReadonlyMap<Slot, MediaStream> = new Map();
  /** The slots in which something arrives. */
  flowing: ReadonlySet<Slot> = new Set();
  quality: Quality = "unknown";
  private readonly session: MediaSession;
  private readonly stall = new Stall(SILENCE_MS, FIRST_PACKET_MS);
  private readonly arrivals = new ArrivalQuality();
  private slots = new Map<string, Slot>();
  private coming = new Map<Slot, MediaStream>();
  private stills = new Map<Slot, { packets: number; since: number }>();
  private soundOnly = false;

  constructor(private readonly around: Surroundings) {
    this.session = new MediaSession(this, around);
  }

  get state(): AttemptState {
    return this.session.state;
  }

  /** See `MediaSession`. */
  makeReady(): void {
    this.session.makeReady();
  }

  start(): void {
    this.session.start();
  }

  close(): void {
    this.stop();
    this.session.unready();
  }

  stop(): void {
    this.session.stop();
    this.streams = new Map();
    this.flowing = new Set();
    this.quality = "unknown";
  }

  placed(generation: number): void {
    this.session.placed(generation);
  }

  /** No pictures from now on, or pictures again. */
  onlySound(soundOnly: boolean): void {
    if (soundOnly === this.soundOnly) return;
    this.soundOnly = soundOnly;
    this.session.renew();
  }

  prepare(connection: RTCPeerConnection): void {
    this.slots = new Map();
    this.coming = new Map();
    this.stills = new Map();
    this.stall.reset();
    this.arrivals.reset();
    const pictures = this.soundOnly ? [] : VIDEO_SLOTS;
    for (const slot of pictures) this.addLine(connection, "video", slot);
    for (const slot of AUDIO_SLOTS) this.addLine(connection, "audio", slot);
  }

  connected(): void {
    this.streams = this.coming;
  }

  stalled(stats: Iterable<Stat>, now: number): boolean {
    const counted = arrived(stats);
    const quality = this.arrivals.note(counted, now);
    const flowing = this.flowingBy(counted.byTrack, now);
    const same = flowing.size === this.flowing.size && [...flowing].every((slot) => this.flowing.has(slot));
    if (!same || quality !== this.quality) {
      this.flowing = flowing;
      this.quality = quality;
      this.around.changed();
    }
    return this.stall.note(counted.received, true, now);
  }

  private addLine(connection: RTCPeerConnection, kind: "audio" | "video", slot: Slot): void {
    const { track } = connection.addTransceiver(kind, { direction: "recvonly" }).receiver;
    track.onunmute = () => this.begins(track.id);
    this.slots.set(track.id, slot);
    this.coming.set(slot, new MediaStream([track]));
  }

  /** Its first packet is there: nobody waits for the next look. */
  private begins(trackId: string): void {
    const slot = this.slots.get(trackId);
    if (slot === undefined || this.flowing.has(slot)) return;
    this.flowing = new Set([...this.flowing, slot]);
    this.around.changed();
  }

  private flowingBy(byTrack: ReadonlyMap<string, number>, now: number): Set<Slot> {
    const flowing = new Set<Slot>();
    for (const [track, packets] of byTrack) {
      const slot = this.slots.get(track);
      if (slot === undefined || packets === 0) continue;
      const before = this.stills.get(slot);
      if (before === undefined || before.packets !== packets) this.stills.set(slot, { packets, since: now });
      if (now - this.stills.get(slot)!.since < STILL_MS) flowing.add(slot);
    }
    return flowing;
  }
}
