/** Where the seats of an amphitheatre stand: rows of a half circle, filled from the front. */

export interface Place {
  x: number;
  y: number;
}

const MOST_DOTS = 160;

export interface Arrangement {
  places: Place[];
  /** How many seats a dot stands for: large classes are drawn coarser. */
  perDot: number;
  radius: number;
}

export function arrange(seats: number, width: number, height: number): Arrangement {
  const perDot = Math.max(1, Math.ceil(seats / MOST_DOTS));
  const dots = Math.max(1, Math.ceil(seats / perDot));
  const inner = 62;
  const outer = height - 22;
  const rows = dots <= 8 ? 1 : dots <= 24 ? 2 : dots <= 50 ? 3 : dots <= 90 ? 4 : dots <= 125 ? 5 : 6;
  const step = rows === 1 ? 0 : (outer - inner) / (rows - 1);
  const radii = Array.from({ length: rows }, (_, row) => (rows === 1 ? (inner + outer) / 2 : inner + row * step));
  const total = radii.reduce((sum, r) => sum + r, 0);
  const counts = radii.map((r) => Math.floor((dots * r) / total));
  for (let rest = dots - counts.reduce((a, b) => a + b, 0), row = rows - 1; rest > 0; rest -= 1, row -= 1)
    counts[((row % rows) + rows) % rows]! += 1;
  const places = radii.flatMap((r, row) => arc(counts[row] ?? 0, r, width / 2, height - 10));
  const gap = rows === 1 ? 40 : step;
  const along = Math.min(...radii.map((r, row) => (Math.PI * r * 0.94) / Math.max(2, counts[row] ?? 1)));
  return { places, perDot, radius: Math.max(2.4, Math.min(11, gap * 0.34, along * 0.36)) };
}

function arc(count: number, r: number, cx: number, cy: number): Place[] {
  const from = Math.PI * 0.97;
  const to = Math.PI * 0.03;
  return Array.from({ length: count }, (_, n) => {
    const angle = count === 1 ? Math.PI / 2 : from + ((to - from) * n) / (count - 1);
    return { x: round(cx + Math.cos(angle) * r), y: round(cy - Math.sin(angle) * r) };
  });
}

const round = (n: number): number => Math.round(n * 10) / 10;
