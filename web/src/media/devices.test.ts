import { afterEach, expect, test, vi } from "vitest";
import { chosenBefore, remember } from "./devices";

afterEach(() => vi.unstubAllGlobals());

test("a choice is kept for the next time", () => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  expect(chosenBefore()).toEqual({ cameraId: null, microphoneId: null });
  remember({ cameraId: "a", microphoneId: null });
  expect(chosenBefore()).toEqual({ cameraId: "a", microphoneId: null });
});

test("where storage is closed a choice is for this time only", () => {
  const closed = () => {
    throw new DOMException("denied", "SecurityError");
  };
  vi.stubGlobal("localStorage", { getItem: closed, setItem: closed });
  expect(() => remember({ cameraId: "a", microphoneId: null })).not.toThrow();
  expect(chosenBefore()).toEqual({ cameraId: null, microphoneId: null });
});
