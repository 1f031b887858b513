import { beforeAll, expect, test, vi } from "vitest";
import type { Failure } from "./attempts";
import type { MediaServer } from "./signalling";

let failureOf: (status: number, retryAfter: string | null, body: unknown) => Failure;
let serverOf: (status: number, body: unknown) => MediaServer;

beforeAll(async () => {
  // The REST client reads the page's address when it is loaded.
  vi.stubGlobal("location", new URL("http://localhost:8000/"));
  ({ failureOf, serverOf } = await import("./signalling"));
});

test("who may not is told so, and not asked to try again", () => {
  const body = { errorCode: "not_on_stage", message: "You are not on the stage." };
  expect(failureOf(403, null, body)).toEqual({ kind: "refused", sentence: "You are not on the stage." });
  expect(failureOf(400, "3", null).kind).toBe("refused");
});

test("a server that is busy says when to come back", () => {
  expect(failureOf(503, "2", { message: "Full." })).toEqual({ kind: "busy", afterMs: 2000, sentence: "Full." });
  expect(failureOf(429, "9999", null)).toMatchObject({ kind: "busy", afterMs: 60_000 });
});

test("a server that does not say when is tried with backoff", () => {
  for (const header of [null, "", "soon", "-1"]) expect(failureOf(503, header, null).kind).toBe("failed");
});

test("without a word about a mode there is no video", () => {
  expect(serverOf(404, { errorCode: "not_found" }).mode).toBe("off");
  expect(serverOf(200, null).mode).toBe("off");
  expect(serverOf(200, { mode: "off" }).mode).toBe("off");
  expect(serverOf(200, { mode: "livekit" }).mode).toBe("livekit");
  const iceServers = [{ urls: ["stun:stun.example.org"] }];
  expect(serverOf(200, { mode: "embedded", iceServers })).toEqual({ mode: "embedded", iceServers });
});
