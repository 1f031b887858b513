import { expect, test } from "vitest";
import { Stall } from "./stalls";

test("what stood still for longer than the patience has stalled", () => {
  const stall = new Stall(1500, 3000);
  expect(stall.note(0, true, 0)).toBe(false);
  expect(stall.note(10, true, 500)).toBe(false);
  expect(stall.note(10, true, 2000)).toBe(false);
  expect(stall.note(10, true, 2001)).toBe(true);
  expect(stall.note(11, true, 2500)).toBe(false);
});

test("the first packet may take longer than the next one", () => {
  const stall = new Stall(1500, 3000);
  stall.note(0, true, 0);
  expect(stall.note(0, true, 3000)).toBe(false);
  expect(stall.note(0, true, 3001)).toBe(true);
});

test("nothing stalls while nothing is expected, and the patience begins when it is", () => {
  const stall = new Stall(1500, 3000);
  stall.note(5, true, 0);
  stall.note(6, true, 100);
  expect(stall.note(6, false, 60_000)).toBe(false);
  expect(stall.note(6, true, 62_000)).toBe(false);
  expect(stall.note(6, true, 63_001)).toBe(true);
});

test("a new connection begins to count anew", () => {
  const stall = new Stall(1500, 3000);
  stall.note(0, true, 0);
  stall.note(9, true, 1);
  stall.reset();
  expect(stall.note(0, true, 10_000)).toBe(false);
  expect(stall.note(0, true, 12_000)).toBe(false);
});
