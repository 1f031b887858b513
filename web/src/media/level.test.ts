import { expect, test } from "vitest";
import { levelOf } from "./level";

test("silence is nothing, the loudest tone is all, and louder is more", () => {
  const tone = (height: number) =>
    Uint8Array.from({ length: 64 }, (_, n) => (n % 2 === 0 ? 128 + height : 128 - height));
  expect(levelOf(tone(0))).toBe(0);
  expect(levelOf(tone(127))).toBeGreaterThan(0.99);
  expect(levelOf(tone(10))).toBeLessThan(levelOf(tone(40)));
  expect(levelOf(new Uint8Array())).toBe(0);
});
