/** Tells that the connection is lost, and that it is back. It floats, so that nothing below it moves. */

import { Button, Loader, Paper, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { RealtimeClient } from "../../realtime/client";
import { useLineState } from "../../app/RealtimeProvider";
import classes from "./ConnectionBanner.module.css";

const PATIENCE_MS = 1_200;
const BACK_MS = 3_000;

type Shown = "nothing" | "lost" | "back" | "signedOut" | "closed";

export function ConnectionBanner({ client }: { client: RealtimeClient }) {
  const state = useLineState(client);
  const [shown, setShown] = useState<Shown>("nothing");
  const wasOpen = useRef(false);
  const connected = state.at === "open";
  const signedOut = state.at === "away" && state.reason === "unauthenticated";
  // What concerns one class (removed, ended, replaced) is told by that class's own page.
  const closed = state.at === "away" && (state.reason === "forbidden" || state.reason === "malformed");
  const away = state.at === "away";

  useEffect(() => {
    if (signedOut) {
      setShown("signedOut");
      return undefined;
    }
    if (away) {
      setShown(closed ? "closed" : "nothing");
      return undefined;
    }
    if (connected) {
      wasOpen.current = true;
      setShown((before) => (before === "lost" ? "back" : "nothing"));
      const timer = setTimeout(() => setShown("nothing"), BACK_MS);
      return () => clearTimeout(timer);
    }
    // The first connection, and a blink of the network, are not worth a word.
    const timer = setTimeout(() => setShown("lost"), wasOpen.current ? PATIENCE_MS : PATIENCE_MS * 4);
    return () => clearTimeout(timer);
  }, [connected, away, closed, signedOut]);

  return (
    <div className={classes.root} role="status" aria-live="polite">
      {shown === "nothing" ? null : (
        <Paper className={classes.pill} data-shown={shown} shadow="md" radius="xl">
          {shown === "lost" ? <Loader size={16} color="currentColor" aria-hidden="true" /> : null}
          <Text size="sm" fw={600}>
            {WORDS[shown]}
          </Text>
          {shown === "lost" ? (
            <Button size="compact-sm" variant="white" color="dark" onClick={() => client.hurry()}>
              Try now
            </Button>
          ) : null}
          {shown === "closed" ? (
            <Button size="compact-sm" variant="white" color="dark" onClick={() => client.start()}>
              Connect again
            </Button>
          ) : null}
        </Paper>
      )}
    </div>
  );
}

const WORDS: Record<Exclude<Shown, "nothing">, string> = {
  lost: "Connection lost. Your seat or place is kept for a minute; reconnecting…",
  back: "Connected again. You missed nothing.",
  closed: "The live connection was closed by the server.",
  signedOut: "You are signed out. Sign in again to go on.",
};
