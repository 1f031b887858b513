import { expect, test } from "vitest";
import { shortcutOf, type Place, type Pressed } from "./shortcuts";

const place = (change: Partial<Place> = {}): Place => ({
  tag: "DIV",
  role: null,
  editable: false,
  inDialog: false,
  ...change,
});
const press = (key: string, change: Partial<Pressed> = {}) =>
  shortcutOf({ key, repeat: false, altKey: false, ctrlKey: false, metaKey: false, place: null, ...change });

test("the four keys, in either case", () => {
  expect(["m", "V", "s", "F", "x"].map((key) => press(key))).toEqual([
    "microphone",
    "camera",
    "screen",
    "fullscreen",
    null,
  ]);
});

test("nothing while somebody types, or is in a menu or a dialog", () => {
  for (const tag of ["INPUT", "TEXTAREA", "SELECT"]) expect(press("m", { place: place({ tag }) })).toBeNull();
  expect(press("m", { place: place({ editable: true }) })).toBeNull();
  expect(press("m", { place: place({ role: "menuitem" }) })).toBeNull();
  expect(press("m", { place: place({ inDialog: true }) })).toBeNull();
  expect(press("m", { place: place({ tag: "BUTTON" }) })).toBe("microphone");
});

test("the browser's own keys stay its own, and a key that is held counts once", () => {
  expect(press("f", { ctrlKey: true })).toBeNull();
  expect(press("s", { metaKey: true })).toBeNull();
  expect(press("v", { altKey: true })).toBeNull();
  expect(press("m", { repeat: true })).toBeNull();
});
