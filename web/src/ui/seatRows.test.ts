import { expect, test } from "vitest";
import { arrange } from "./seatRows";

test.each([1, 2, 7, 20, 30, 84, 150, 160])("%i seats are all drawn, inside the picture, none on another", (seats) => {
  const { places, perDot, radius, width, height } = arrange(seats);
  expect(perDot).toBe(1);
  expect(places).toHaveLength(seats);
  for (const { x, y } of places) {
    expect(x).toBeGreaterThanOrEqual(radius);
    expect(x).toBeLessThanOrEqual(width - radius);
    expect(y).toBeGreaterThanOrEqual(radius);
    expect(y).toBeLessThanOrEqual(height);
  }
  const nearest = (a: number) =>
    Math.min(
      Infinity,
      ...places.flatMap((p, b) => (a === b ? [] : [Math.hypot(p.x - places[a]!.x, p.y - places[a]!.y)])),
    );
  expect(Math.min(...places.map((_, index) => nearest(index)))).toBeGreaterThan(radius * 1.9);
});

test("a large class is drawn coarser", () => {
  const { places, perDot } = arrange(1500);
  expect(places.length).toBeLessThanOrEqual(160);
  expect(places.length * perDot).toBeGreaterThanOrEqual(1500);
});
