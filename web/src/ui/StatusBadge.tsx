import { Badge } from "@mantine/core";
import type { LiveSession } from "../api/types";
import classes from "./StatusBadge.module.css";

const WORDS: Record<LiveSession["status"], { label: string; color: string }> = {
  scheduled: { label: "Scheduled", color: "aegean" },
  live: { label: "Live", color: "ember.6" },
  ended: { label: "Ended", color: "gray" },
  cancelled: { label: "Cancelled", color: "gray" },
};

export function StatusBadge({ status }: { status: LiveSession["status"] }) {
  const { label, color } = WORDS[status];
  const live = status === "live";
  return (
    <Badge
      color={color}
      variant={live ? "filled" : "light"}
      size="lg"
      leftSection={live ? <span className={classes.dot} aria-hidden="true" /> : undefined}
    >
      {label}
    </Badge>
  );
}
