/** Small signs: that a recording runs, and how good the connection is. In words, not only in colours. */

import { Badge } from "@mantine/core";
import { IconAntennaBars2, IconAntennaBars3, IconAntennaBars5 } from "@tabler/icons-react";
import type { Quality } from "../../media/quality";
import { clockOf } from "../../ui/time";
import type { Recording } from "../stageState";
import classes from "./marks.module.css";

/** Everybody sees it, for as long as it runs. */
export function RecordingMark({ recording, dark = false }: { recording: Recording | null; dark?: boolean }) {
  if (recording === null) return null;
  const words = `Recording since ${clockOf(recording.since)}`;
  if (!dark)
    return (
      <Badge color="ember" size="lg" leftSection={<span className={classes.dot} aria-hidden="true" />}>
        {words}
      </Badge>
    );
  return (
    <span className={classes.chip}>
      <span className={classes.dot} aria-hidden="true" />
      {words}
    </span>
  );
}

const QUALITIES = {
  good: { words: "Good", Icon: IconAntennaBars5 },
  fair: { words: "Fair", Icon: IconAntennaBars3 },
  poor: { words: "Poor", Icon: IconAntennaBars2 },
};

export function QualityMark({ quality }: { quality: Quality }) {
  if (quality === "unknown") return null;
  const { words, Icon } = QUALITIES[quality];
  return (
    <span className={`${classes.chip} ${classes.quality}`} data-quality={quality}>
      <Icon size={17} aria-hidden="true" />
      <span>
        {words}
        <span className={classes.rest}> connection</span>
      </span>
    </span>
  );
}
