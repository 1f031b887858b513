/** The class as a room: rows of seats around the stage. Drawn for the eye only; the words stand beside it. */

import classes from "./Amphitheatre.module.css";
import { arrange, type Place } from "./seatRows";

interface Props {
  maxStudents: number;
  currentStudents: number;
  /** One's own seat number, from 1. */
  yours?: number | null;
  live?: boolean;
  className?: string;
}

export function Amphitheatre({ maxStudents, currentStudents, yours = null, live = false, className }: Props) {
  const { places, perDot, radius, width, height } = arrange(maxStudents);
  const taken = Math.min(places.length, Math.round(currentStudents / perDot + (currentStudents > 0 ? 0.49 : 0)));
  const mine = yours === null ? -1 : Math.min(places.length - 1, Math.floor((yours - 1) / perDot));
  return (
    <svg
      className={`${classes.root} ${className ?? ""}`}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
      focusable="false"
    >
      <path className={classes.stage} d={`M${width / 2 - 34} ${height - 6} a34 28 0 0 1 68 0 z`} />
      <circle className={live ? classes.live : classes.quiet} cx={width / 2} cy={height - 17} r={5} />
      {places.map((place, index) => (
        <Dot key={index} place={place} radius={radius} kind={kindOf(index, taken, mine)} />
      ))}
    </svg>
  );
}

type Kind = "yours" | "taken" | "free";

/** Others' seat numbers are not told to students, so the taken ones are drawn from the front, around one's own. */
function kindOf(index: number, taken: number, mine: number): Kind {
  if (index === mine) return "yours";
  const others = mine === -1 ? taken : taken - 1;
  const rank = mine !== -1 && index > mine ? index - 1 : index;
  return rank < others ? "taken" : "free";
}

function Dot({ place, radius, kind }: { place: Place; radius: number; kind: Kind }) {
  const size = kind === "yours" ? radius * 1.35 : radius;
  return <circle className={classes[kind]} cx={place.x} cy={place.y} r={size} />;
}
