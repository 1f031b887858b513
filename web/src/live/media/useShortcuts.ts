import { useEffect, useRef } from "react";
import { shortcutOf, type Place, type Shortcut } from "./shortcuts";

/** Calls the action of a key that is pressed anywhere on the page, except where one types. */
export function useShortcuts(active: boolean, actions: Partial<Record<Shortcut, () => void>>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (!active) return undefined;
    const onKey = (event: KeyboardEvent) => {
      const { key, repeat, altKey, ctrlKey, metaKey } = event;
      const shortcut = shortcutOf({ key, repeat, altKey, ctrlKey, metaKey, place: placeOf(event.target) });
      const action = shortcut === null ? undefined : latest.current[shortcut];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [active]);
}

function placeOf(target: EventTarget | null): Place | null {
  if (!(target instanceof HTMLElement) || target === document.body) return null;
  return {
    tag: target.tagName,
    role: target.getAttribute("role"),
    editable: target.isContentEditable,
    inDialog: target.closest("[role=dialog]") !== null,
  };
}
