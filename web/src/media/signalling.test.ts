import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { UNREACHABLE, type Failure } from "./attempts";
import type { MediaServer, Signalling } from "./signalling";

let failureOf: (status: number, retryAfter: string | null, body: unknown) => Failure;
let serverOf: (body: unknown) => MediaServer;
let signallingOf: (sessionId: string) => Signalling;

beforeAll(async () => {
  // The REST client reads the page's address when it is loaded.
  vi.stubGlobal("location", new URL("http://localhost:8000/"));
  vi.stubGlobal("localStorage", { getItem: () => null });
  ({ failureOf, serverOf, signallingOf } = await import("./signalling"));
}, 60_000);

const answering = (answer: () => Promise<Response>) => vi.spyOn(globalThis, "fetch").mockImplementation(answer);

afterEach(() => vi.restoreAllMocks());

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
  expect(serverOf(null).mode).toBe("off");
  expect(serverOf({}).mode).toBe("off");
  expect(serverOf({ mode: "off", iceServers: [] }).mode).toBe("off");
  expect(serverOf({ mode: "livekit", iceServers: [] }).mode).toBe("livekit");
});

test("servers are taken as told, but a missing password is not the word null", () => {
  const stun = { urls: ["stun:stun.example.org"], username: null, credential: null };
  const turn = { urls: ["turn:turn.example.org"], username: "u", credential: "c" };
  const { iceServers } = serverOf({ mode: "embedded", iceServers: [stun, turn] });
  expect(iceServers).toEqual([{ urls: stun.urls }, turn]);
});

test("what the server says of its video is taken, and without the route there is none", async () => {
  answering(async () => Response.json({ mode: "embedded", iceServers: [] }));
  expect(await signallingOf("1").server()).toEqual({ ok: true, server: { mode: "embedded", iceServers: [] } });
  answering(async () => new Response(null, { status: 404 }));
  expect(await signallingOf("1").server()).toEqual({ ok: true, server: { mode: "off", iceServers: [] } });
});

test("a server that does not say how pictures travel yet says when to ask again", async () => {
  answering(async () => Response.json({ message: "Full." }, { status: 503, headers: { "Retry-After": "30" } }));
  const failure = { kind: "busy", afterMs: 30_000, sentence: "Full." };
  expect(await signallingOf("1").server()).toEqual({ ok: false, failure });
});

test("a server that cannot be reached is a failure, and nothing is thrown", async () => {
  answering(() => Promise.reject(new TypeError("Failed to fetch")));
  const away = { ok: false, failure: { kind: "failed", sentence: UNREACHABLE } };
  expect(await signallingOf("1").server()).toEqual(away);
  expect(await signallingOf("1").offer("watch", "offer")).toEqual(away);
});
