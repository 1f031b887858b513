import { expect, test } from "vitest";
import { countdown, exactDuration, fromLocalField, roughly, toLocalField, whenOf } from "./time";

test("countdowns", () => {
  expect(countdown(-5)).toBe("0:00");
  expect(countdown(1)).toBe("0:01");
  expect(countdown(247_000)).toBe("4:07");
  expect(countdown(3_727_000)).toBe("1:02:07");
  expect(countdown(3 * 86_400_000)).toBe("3 days");
});

test("durations", () => {
  expect(exactDuration(725)).toBe("0:12:05");
  expect([roughly(10), roughly(60), roughly(250), roughly(5000)]).toEqual([
    "less than a minute",
    "about 1 minute",
    "about 4 minutes",
    "more than an hour",
  ]);
});

test("days are named from where the reader is", () => {
  const now = new Date(2026, 10, 21, 23, 30).getTime();
  expect(whenOf(new Date(2026, 10, 21, 8, 0).toISOString(), now)).toMatch(/^Today, /);
  expect(whenOf(new Date(2026, 10, 22, 0, 15).toISOString(), now)).toMatch(/^Tomorrow, /);
});

test("a local field is the same moment both ways", () => {
  const moment = new Date(2026, 10, 21, 9, 30);
  expect(fromLocalField(toLocalField(moment))).toBe(moment.toISOString());
  expect(fromLocalField("")).toBeNull();
});
