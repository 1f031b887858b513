import { expect, test } from "vitest";
import { backoffMs, BASE_MS, CAP_MS } from "./backoff";

test("the wait is spread over the whole window, which doubles up to the cap", () => {
  expect(backoffMs(0, 0)).toBe(0);
  expect(backoffMs(0, 0.999)).toBeLessThan(BASE_MS);
  expect(backoffMs(3, 0.5)).toBe(BASE_MS * 4);
  for (let attempt = 0; attempt < 2000; attempt += 7) expect(backoffMs(attempt, 0.999)).toBeLessThan(CAP_MS);
});
