/** Tells screen readers who came on stage and who left, and that a recording began or ended. */

import { VisuallyHidden } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { EMPTY, type StageState } from "../stageState";
import type { VisitState } from "../visit";
import { changesOf } from "./changes";

export function StageAnnouncer({ state }: { state: VisitState }) {
  const now: StageState | null = state.everybody;
  const before = useRef<StageState | null>(null);
  const [words, setWords] = useState("");
  const { stage, recording } = now ?? EMPTY;
  const screen = now?.media.screen ?? null;
  useEffect(() => {
    if (now === null) return;
    // What was so already when one came in is no news.
    const said = before.current === null ? [] : changesOf(before.current, now, state.me.id);
    before.current = now;
    if (said.length > 0) setWords(said.join(" "));
    // Only these parts are told; a message in the chat is no reason to look.
  }, [stage, recording, screen, now === null]);
  return (
    <VisuallyHidden>
      <div role="status" aria-live="polite">
        {words}
      </div>
    </VisuallyHidden>
  );
}
