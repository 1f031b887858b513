/** The keys of the stage, and when they count. */

export type Shortcut = "microphone" | "camera" | "screen" | "fullscreen";

export const KEYS: readonly (readonly [key: string, shortcut: Shortcut, words: string])[] = [
  ["M", "microphone", "Microphone on or off"],
  ["V", "camera", "Camera on or off"],
  ["S", "screen", "Share the screen, or stop sharing"],
  ["F", "fullscreen", "Fullscreen"],
];

export interface Pressed {
  key: string;
  repeat: boolean;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  /** Where the focus is: null for the page itself. */
  place: Place | null;
}

export interface Place {
  tag: string;
  role: string | null;
  editable: boolean;
  inDialog: boolean;
}

const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);
const ROLES = new Set([
  "textbox",
  "combobox",
  "listbox",
  "menu",
  "menuitem",
  "menuitemradio",
  "option",
  "radio",
  "slider",
]);

/** What a key asks for; null while somebody types, in a dialog or a menu, and with Ctrl, Alt or Cmd. */
export function shortcutOf({ key, repeat, altKey, ctrlKey, metaKey, place }: Pressed): Shortcut | null {
  if (repeat || altKey || ctrlKey || metaKey) return null;
  if (place !== null && (TYPING.has(place.tag) || ROLES.has(place.role ?? "") || place.editable || place.inDialog))
    return null;
  return KEYS.find(([one]) => one === key.toUpperCase())?.[1] ?? null;
}
