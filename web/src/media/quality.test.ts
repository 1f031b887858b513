import { expect, test } from "vitest";
import { ArrivalQuality, qualityOf, worse } from "./quality";

const sample = (packets: number, lost: number, roundTripMs: number | null = 20) => ({
  packets,
  received: packets,
  lost,
  roundTripMs,
  byTrack: new Map<string, number>(),
});

test("loss and a long way make a connection fair, then poor", () => {
  expect(qualityOf(0, null)).toBe("good");
  expect(qualityOf(0.019, 249)).toBe("good");
  expect(qualityOf(0.02, 10)).toBe("fair");
  expect(qualityOf(0, 250)).toBe("fair");
  expect(qualityOf(0.08, 10)).toBe("poor");
  expect(qualityOf(0, 600)).toBe("poor");
});

test("of two the worse is told", () => {
  expect(worse("good", "poor")).toBe("poor");
  expect(worse("fair", "good")).toBe("fair");
  expect(worse("unknown", "good")).toBe("good");
});

test("only the last seconds count", () => {
  const watch = new ArrivalQuality();
  expect(watch.note(sample(0, 0), 0)).toBe("unknown");
  expect(watch.note(sample(90, 10), 1000)).toBe("poor");
  expect(watch.note(sample(190, 10), 2000)).toBe("fair");
  expect(watch.note(sample(490, 10), 6000)).toBe("good");
});

test("too few packets say nothing", () => {
  const watch = new ArrivalQuality();
  watch.note(sample(0, 0), 0);
  expect(watch.note(sample(9, 9), 500)).toBe("unknown");
});
