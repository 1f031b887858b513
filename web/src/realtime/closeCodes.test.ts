import { expect, test } from "vitest";
import { endingOf } from "./closeCodes";

test.each([1000, 1001, 1006, 1009, 1011, 1012, 4000, 4001, 4002, 4499])("%i means come back", (code) => {
  expect(endingOf(code, false)).toEqual({ next: "return" });
});

test.each([
  [4501, "forbidden"],
  [4502, "removed"],
  [4503, "ended"],
  [4504, "replaced"],
  [4505, "malformed"],
  [4999, "forbidden"],
])("%i means stay away: %s", (code, reason) => {
  expect(endingOf(code, false)).toEqual({ next: "stay", reason });
});

test("a refused token is renewed once, then it is final", () => {
  expect(endingOf(4500, false)).toEqual({ next: "renew" });
  expect(endingOf(4500, true)).toEqual({ next: "stay", reason: "unauthenticated" });
});
