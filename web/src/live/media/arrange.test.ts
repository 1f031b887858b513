import { expect, test } from "vitest";
import { EMPTY, type Media } from "../stageState";
import { arrange, columnsFor, tilesOf } from "./arrange";

const person = (userId: string) => ({ userId, name: userId.toUpperCase() });
const media = (change: Partial<Media>): Media => ({ ...EMPTY.media, ...change });
const nobody = { userId: "me", name: "Me", camera: false, screen: false };
const ids = (tiles: { id: string }[]) => tiles.map((tile) => tile.id);

const full = media({
  screen: person("ines"),
  cameras: [person("ines"), null, person("ann"), null],
  microphones: [person("ines"), person("ann"), person("ben"), null, null, null],
});

test("the screen, then the cameras, then who is only heard, nobody twice", () => {
  const tiles = tilesOf(full, nobody);
  expect(tiles.map(({ kind, slot, person }) => [kind, slot, person.userId])).toEqual([
    ["screen", "screen", "ines"],
    ["camera", "camera-0", "ines"],
    ["camera", "camera-2", "ann"],
    ["voice", "microphone-2", "ben"],
  ]);
});

test("who shares only the screen is not shown as a voice beside it", () => {
  const sharing = media({ screen: person("ines"), microphones: [person("ines")] });
  expect(ids(tilesOf(sharing, nobody))).toEqual(["screen:ines"]);
});

test("one's own picture stands at once, and stays the same tile when it has its slot", () => {
  const before = tilesOf(media({}), { ...nobody, camera: true });
  expect(before).toMatchObject([{ id: "person:me", slot: null, mine: true }]);
  const after = tilesOf(media({ cameras: [null, person("me")] }), { ...nobody, camera: true });
  expect(after).toMatchObject([{ id: "person:me", slot: "camera-1", mine: true }]);
});

test("nothing published is no tile", () => {
  expect(tilesOf(EMPTY.media, nobody)).toEqual([]);
});

test("screen first shows the screen large, and without one who speaks", () => {
  const tiles = tilesOf(full, nobody);
  expect(ids(arrange(tiles, "screen", "ann").large)).toEqual(["screen:ines"]);
  const withoutScreen = tilesOf({ ...full, screen: null }, nobody);
  expect(ids(arrange(withoutScreen, "screen", "ann").large)).toEqual(["person:ann"]);
});

test("the speaker is large, the instructor while nobody speaks, oneself only when alone", () => {
  const tiles = tilesOf({ ...full, cameras: [person("me"), person("ann")] }, nobody);
  expect(ids(arrange(tiles, "speaker", "me").large)).toEqual(["person:ann"]);
  expect(ids(arrange(tilesOf(full, nobody), "speaker", null).large)).toEqual(["person:ines"]);
  const alone = tilesOf(media({ cameras: [person("me")] }), nobody);
  expect(ids(arrange(alone, "speaker", null).large)).toEqual(["person:me"]);
});

test("every tile is somewhere, once, in every layout", () => {
  const tiles = tilesOf(full, { ...nobody, camera: true });
  for (const layout of ["screen", "speaker", "grid"] as const) {
    const { large, strip } = arrange(tiles, layout, "ben");
    expect(ids([...large, ...strip]).sort()).toEqual(ids(tiles).sort());
  }
});

test("a grid is about as wide as it is high", () => {
  expect([1, 2, 3, 4, 5, 9, 10].map(columnsFor)).toEqual([1, 2, 2, 2, 3, 3, 4]);
});
