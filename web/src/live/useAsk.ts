import { notifications } from "@mantine/notifications";
import { useCallback, useState } from "react";
import type { Outcome } from "../realtime/line";

/** Runs one request at a time; a refusal is told as its own sentence. Answers whether it was done. */
export function useAsk(): [ask: (work: () => Promise<Outcome>) => Promise<boolean>, busy: boolean] {
  const [busy, setBusy] = useState(false);
  const ask = useCallback(async (work: () => Promise<Outcome>) => {
    setBusy(true);
    try {
      const outcome = await work();
      if (!outcome.ok) notifications.show({ color: "ember", message: outcome.error.message, autoClose: 6000 });
      return outcome.ok;
    } finally {
      setBusy(false);
    }
  }, []);
  return [ask, busy];
}
