import { describe, expect, test } from "vitest";
import { Attempts, CONNECT_MS, NO_PATH, PLACED_MS, STABLE_MS, UNREACHABLE, type Failure } from "./attempts";

const FAILED: Failure = { kind: "failed", sentence: "It broke." };
const opened = (random = 0.5, now = 0): Attempts => {
  const attempts = new Attempts(() => random);
  expect(attempts.start(now)).toEqual(["open"]);
  attempts.answered(1, now);
  attempts.connected(now);
  return attempts;
};

test("the first failure begins anew at once, the next ones later and later", () => {
  const attempts = opened();
  expect(attempts.failed(FAILED, 100)).toEqual(["close", "open"]);
  expect(attempts.state).toEqual({ at: "opening", why: "It broke." });
  const waits: number[] = [];
  let now = 100;
  for (let round = 0; round < 8; round += 1) {
    expect(attempts.failed(FAILED, now)).toEqual(["close"]);
    if (attempts.state.at !== "waiting") throw new Error("it should wait");
    waits.push(attempts.state.retryAt - now);
    expect(attempts.tick(attempts.state.retryAt - 1)).toEqual([]);
    now = attempts.state.retryAt;
    expect(attempts.tick(now)).toEqual(["open"]);
  }
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test("after a while in which things flowed a failure counts as the first again", () => {
  const attempts = opened();
  attempts.failed(FAILED, 0);
  attempts.connected(0);
  attempts.tick(STABLE_MS + 1);
  expect(attempts.failed(FAILED, STABLE_MS + 2)).toEqual(["close", "open"]);
});

test("a crowd that failed together comes back spread out", () => {
  const waits = [0.1, 0.5, 0.9].map((random) => {
    const attempts = opened(random);
    attempts.failed(FAILED, 0);
    attempts.failed(FAILED, 0);
    return attempts.state.at === "waiting" ? attempts.state.retryAt : 0;
  });
  expect(new Set(waits).size).toBe(3);
});

test("the server's word on when to come back is kept", () => {
  const attempts = new Attempts(() => 0);
  attempts.start(0);
  expect(attempts.failed({ kind: "busy", afterMs: 3000, sentence: "Full." }, 10)).toEqual(["close"]);
  expect(attempts.state).toEqual({ at: "waiting", retryAt: 3010, why: "Full." });
  expect(attempts.tick(3009)).toEqual([]);
  expect(attempts.tick(3010)).toEqual(["open"]);
});

test("a refusal ends it with its sentence, until somebody asks again", () => {
  const attempts = new Attempts(() => 0);
  attempts.start(0);
  expect(attempts.failed({ kind: "refused", sentence: "Not on the stage." }, 1)).toEqual(["close"]);
  expect(attempts.state).toEqual({ at: "refused", why: "Not on the stage." });
  expect(attempts.tick(60_000)).toEqual([]);
  expect(attempts.placed(9, 60_000)).toEqual([]);
  expect(attempts.start(60_000)).toEqual(["open"]);
});

test("a network that lets nothing through is told in words, and tried again", () => {
  const attempts = new Attempts(() => 0.5);
  attempts.start(0);
  attempts.answered(1, 100);
  expect(attempts.tick(100 + CONNECT_MS)).toEqual([]);
  expect(attempts.tick(101 + CONNECT_MS)).toEqual(["close", "open"]);
  expect(attempts.state).toEqual({ at: "opening", why: NO_PATH });
});

test("a server that does not answer is not taken for a firewall, whatever it answered before", () => {
  const attempts = opened();
  attempts.failed(FAILED, 0);
  expect(attempts.tick(CONNECT_MS)).toEqual([]);
  expect(attempts.tick(CONNECT_MS + 1)).toEqual(["close"]);
  expect(attempts.state).toMatchObject({ at: "waiting", why: UNREACHABLE });
});

describe("a class that is placed anew", () => {
  const later = PLACED_MS + 1;

  test("is watched anew at once", () => {
    const attempts = opened();
    expect(attempts.placed(2, later)).toEqual(["close", "open"]);
  });

  test("is not when the same is told again, or was asked for by ourselves just now", () => {
    const attempts = opened();
    expect(attempts.placed(1, later)).toEqual([]);
    const first = new Attempts(() => 0);
    first.start(0);
    first.answered(0, 50);
    first.connected(90);
    expect(first.placed(1, 100)).toEqual([]);
    expect(first.placed(1, later + 100)).toEqual([]);
    expect(first.placed(2, later + 100)).toEqual(["close", "open"]);
  });

  test("ends the waiting", () => {
    const attempts = new Attempts(() => 0);
    attempts.start(0);
    attempts.failed({ kind: "busy", afterMs: 60_000, sentence: "Away." }, 0);
    expect(attempts.placed(2, 10)).toEqual(["open"]);
  });
});

test("who stops is not called back by what comes late", () => {
  const attempts = opened();
  expect(attempts.stop()).toEqual(["close"]);
  expect(attempts.failed(FAILED, 1)).toEqual([]);
  expect(attempts.placed(7, 1)).toEqual([]);
  expect(attempts.renew(1)).toEqual([]);
  expect(attempts.tick(99_999)).toEqual([]);
  expect(attempts.stop()).toEqual([]);
});
