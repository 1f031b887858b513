import { expect, test } from "vitest";
import { NOT_SECURE, reasonOf } from "./reasons";

const named = (name: string) => new DOMException("", name);

test("each refusal says what to do about it", () => {
  expect(reasonOf(named("NotAllowedError"), "devices")).toContain("Allow it with the sign beside the address");
  expect(reasonOf(named("NotFoundError"), "camera")).toContain("No camera was found");
  expect(reasonOf(named("NotReadableError"), "microphone")).toContain("Another program may be using it");
  expect(reasonOf(named("OverconstrainedError"), "camera")).toContain("Choose another one");
  expect(reasonOf(named("SecurityError"), "devices")).toBe(NOT_SECURE);
});

test("a screen that was not chosen is not a camera that was refused", () => {
  expect(reasonOf(named("NotAllowedError"), "screen")).toContain("nothing was chosen");
  expect(reasonOf(named("NotSupportedError"), "screen")).toContain("cannot share the screen");
});

test("what nobody knows is told as such", () => {
  expect(reasonOf(named("Odd"), "camera")).toBe("Your camera could not be started. Try again.");
  expect(reasonOf("odd", "camera")).toBe("Your camera could not be started. Try again.");
});
