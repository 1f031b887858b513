/** Which tiles the stage shows, and which of them are large: pure, from what the class says is in which slot. */

import type { AudioSlot, VideoSlot } from "../../media/slots";
import type { Media, Person } from "../stageState";

export type Layout = "screen" | "speaker" | "grid";

export interface Tile {
  /** Stays while the person is there, whatever slot they are in. */
  id: string;
  kind: "screen" | "camera" | "voice";
  /** Null for one's own picture until the class has a slot for it. */
  slot: VideoSlot | AudioSlot | null;
  person: Person;
  mine: boolean;
}

export interface Arrangement {
  large: Tile[];
  strip: Tile[];
}

interface Own {
  userId: string;
  name: string;
  camera: boolean;
  screen: boolean;
}

/** The screen, the cameras in the order of their slots, then those who are only heard; nobody twice. */
export function tilesOf(media: Media, own: Own): Tile[] {
  const seen = new Set<string>();
  const tiles: Tile[] = [];
  const add = (kind: Tile["kind"], slot: Tile["slot"], person: Person) => {
    seen.add(person.userId);
    tiles.push({
      id: `${kind === "screen" ? "screen" : "person"}:${person.userId}`,
      kind,
      slot,
      person,
      mine: person.userId === own.userId,
    });
  };
  const me = { userId: own.userId, name: own.name };
  if (media.screen !== null) add("screen", "screen", media.screen);
  else if (own.screen) add("screen", null, me);
  const presenter = new Set(seen);
  seen.clear();
  media.cameras.forEach((person, at) => {
    if (person !== null && !seen.has(person.userId)) add("camera", `camera-${at}` as VideoSlot, person);
  });
  if (own.camera && !seen.has(own.userId)) add("camera", null, me);
  media.microphones.forEach((person, at) => {
    if (person === null || seen.has(person.userId) || presenter.has(person.userId)) return;
    add("voice", `microphone-${at}` as AudioSlot, person);
  });
  return tiles;
}

/** `speaker` is the user id of who spoke last. One's own picture is large only when it is the only one. */
export function arrange(tiles: Tile[], layout: Layout, speaker: string | null): Arrangement {
  if (layout === "grid" || tiles.length < 2) return { large: tiles, strip: [] };
  const screen = layout === "screen" ? tiles.find((tile) => tile.kind === "screen") : undefined;
  const people = tiles.filter((tile) => tile.kind !== "screen");
  const others = people.filter((tile) => !tile.mine);
  const speaks = others.find((tile) => tile.person.userId === speaker);
  const large = screen ?? speaks ?? others[0] ?? tiles.find((tile) => tile.kind === "screen") ?? people[0]!;
  return { large: [large], strip: tiles.filter((tile) => tile !== large) };
}

/** Columns of a grid of `count` tiles of 16:9 that leaves the fewest holes. */
export function columnsFor(count: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}
