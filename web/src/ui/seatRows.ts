/** Where the seats of an amphitheatre stand: rows of a half circle around the stage, filled from the front. */

export interface Place {
  x: number;
  y: number;
}

export interface Arrangement {
  places: Place[];
  /** How many seats a dot stands for: large classes are drawn coarser. */
  perDot: number;
  radius: number;
  width: number;
  height: number;
}

const MOST_DOTS = 160;
const FIRST_ROW = 72;
const FLOOR = 12;
const EDGE = 18;
const NARROWEST = 320;
/** Distances between neighbours, from roomy to tight; the first that needs few enough rows is taken. */
const SPACINGS = [30, 27, 24, 21, 18, 16];
const MOST_ROWS = 6;
const SWEEP = Math.PI * 0.94;

export function arrange(seats: number): Arrangement {
  const perDot = Math.max(1, Math.ceil(seats / MOST_DOTS));
  const dots = Math.max(1, Math.ceil(seats / perDot));
  const { spacing, radii } = rowsFor(dots);
  const counts = share(dots, radii);
  const outer = radii.at(-1) ?? FIRST_ROW;
  const width = Math.max(NARROWEST, 2 * (outer + EDGE));
  const height = outer + EDGE + FLOOR;
  const places = radii.flatMap((r, row) => arc(counts[row] ?? 0, r, spacing, width / 2, height - FLOOR));
  return { places, perDot, radius: round(spacing * 0.34), width, height };
}

function rowsFor(dots: number): { spacing: number; radii: number[] } {
  for (const spacing of SPACINGS) {
    const radii: number[] = [];
    let room = 0;
    while (room < dots && radii.length < MOST_ROWS) {
      const r = FIRST_ROW + radii.length * spacing * 1.08;
      radii.push(r);
      room += Math.floor((SWEEP * r) / spacing) + 1;
    }
    if (room >= dots || spacing === SPACINGS.at(-1)) return { spacing, radii };
  }
  throw new Error("SPACINGS is empty");
}

/** The rows get seats in proportion to their length; what is left over goes to the back. */
function share(dots: number, radii: number[]): number[] {
  const total = radii.reduce((sum, r) => sum + r, 0);
  const counts = radii.map((r) => Math.floor((dots * r) / total));
  let rest = dots - counts.reduce((a, b) => a + b, 0);
  for (let row = counts.length - 1; rest > 0; row = row === 0 ? counts.length - 1 : row - 1, rest -= 1)
    counts[row] = (counts[row] ?? 0) + 1;
  return counts;
}

/** `count` places on a half circle, in the middle of it if they do not fill it. */
function arc(count: number, r: number, spacing: number, cx: number, cy: number): Place[] {
  const step = count === 1 ? 0 : Math.min(SWEEP / (count - 1), (spacing * 1.3) / r);
  const first = Math.PI / 2 + (step * (count - 1)) / 2;
  return Array.from({ length: count }, (_, n) => {
    const angle = first - n * step;
    return { x: round(cx + Math.cos(angle) * r), y: round(cy - Math.sin(angle) * r) };
  });
}

const round = (n: number): number => Math.round(n * 10) / 10;
