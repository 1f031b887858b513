import { beforeEach, describe, expect, test } from "vitest";
import type { ClientFrame } from "./frames";
import { Line, MAX_PENDING, type Effect } from "./line";

const TOPIC = "live:0198c0de-0000-7000-8000-000000000001";
let line: Line;

beforeEach(() => {
  line = new Line(() => 0.5);
});

const sent = (effects: Effect[]): ClientFrame[] => effects.flatMap((e) => (e.do === "send" ? [e.frame] : []));
const delivered = (effects: Effect[]) => effects.flatMap((e) => (e.do === "deliver" ? [e.message] : []));
const answers = (effects: Effect[]) => effects.flatMap((e) => (e.do === "answer" ? [e] : []));
const offsets = (effects: Effect[]) =>
  delivered(effects).flatMap((m) => (m.kind === "events" ? m.events.map((e) => e.offset) : []));

const welcome = JSON.stringify({
  type: "welcome",
  connectionId: "c1",
  user: { id: "u", name: "U", role: "student" },
  heartbeatSeconds: 25,
});

function open(now = 0): Effect[] {
  line.connecting(now);
  return [...line.opened("token", now), ...line.received(welcome, now)];
}

function subscribed(id: string, offset: number, options: { recovered?: boolean; epoch?: number } = {}): string {
  const { recovered = false, epoch = 1 } = options;
  const snapshot = recovered ? null : { at: offset };
  return JSON.stringify({ type: "subscribed", id, topic: TOPIC, epoch, offset, recovered, snapshot });
}

function events(from: number, to: number, epoch = 1): string {
  const list = [];
  for (let offset = from; offset <= to; offset += 1) list.push({ offset, type: "chat.posted", at: "", data: {} });
  return JSON.stringify({ type: "events", topic: TOPIC, epoch, events: list });
}

function follow(offset: number): void {
  line.start(0);
  open();
  const [ask] = sent(line.subscribe(TOPIC));
  if (ask?.type !== "subscribe") throw new Error("no subscribe frame");
  line.received(subscribed(ask.id, offset), 0);
}

describe("opening", () => {
  test("the hello goes first, and nothing else before the welcome", () => {
    line.start(0);
    expect(sent(line.command("c1", "session.join", {}, 1000, 0))).toEqual([]);
    expect(sent(line.subscribe(TOPIC))).toEqual([]);
    line.connecting(0);
    expect(sent(line.opened("secret", 0))).toEqual([{ type: "hello", token: "secret" }]);
    expect(sent(line.received(welcome, 0)).map((f) => f.type)).toEqual(["subscribe", "command"]);
  });

  test("a welcome that never comes is not waited for", () => {
    line.start(0);
    line.connecting(0);
    expect(line.tick(14_000)).toEqual([]);
    expect(line.tick(15_001)).toContainEqual(expect.objectContaining({ do: "drop" }));
  });
});

describe("commands", () => {
  test("an unanswered command is sent again with the same id after a reconnect, an answered one is not", () => {
    line.start(0);
    open();
    line.command("a", "hand.raise", {}, 60_000, 0);
    line.command("b", "chat.post", { text: "hi" }, 60_000, 0);
    const [answer] = answers(line.received('{"type":"reply","id":"a","ok":true,"result":{}}', 0));
    expect(answer).toMatchObject({ id: "a", outcome: { ok: true } });
    line.closed(1006, 10);
    expect(sent(open(20))).toEqual([
      { type: "hello", token: "token" },
      { type: "command", id: "b", name: "chat.post", args: { text: "hi" } },
    ]);
  });

  test("a repeated reply is answered once", () => {
    line.start(0);
    open();
    line.command("a", "hand.raise", {}, 60_000, 0);
    const reply = '{"type":"reply","id":"a","ok":true,"result":{}}';
    expect(answers(line.received(reply, 0))).toHaveLength(1);
    expect(answers(line.received(reply, 0))).toHaveLength(0);
  });

  test("a refusal that may be retried is sent again after the time it names, with the same id", () => {
    line.start(0);
    open();
    line.command("a", "session.join", {}, 60_000, 0);
    const refusal = JSON.stringify({
      type: "reply",
      id: "a",
      ok: false,
      error: { errorCode: "rate_limited", message: "", details: { retryAfterSeconds: 3 }, retry: true },
    });
    expect(line.received(refusal, 0)).toEqual([]);
    expect(line.tick(2_000)).toEqual([]);
    expect(sent(line.tick(3_000))).toMatchObject([{ type: "command", id: "a" }]);
    expect(sent(line.tick(3_001))).toEqual([]);
  });

  test("a final refusal is an answer", () => {
    line.start(0);
    open();
    line.command("a", "session.join", {}, 60_000, 0);
    const error = { errorCode: "class_full", message: "Full.", details: {}, retry: false };
    const effects = line.received(JSON.stringify({ type: "reply", id: "a", ok: false, error }), 0);
    expect(answers(effects)).toEqual([{ do: "answer", id: "a", outcome: { ok: false, error } }]);
  });

  test("nothing waits for ever", () => {
    line.start(0);
    line.command("a", "session.join", {}, 5_000, 0);
    expect(answers(line.tick(4_999))).toEqual([]);
    expect(answers(line.tick(5_000))).toMatchObject([{ id: "a", outcome: { error: { errorCode: "no_answer" } } }]);
  });

  test("what waits is bounded", () => {
    line.start(0);
    for (let n = 0; n < MAX_PENDING; n += 1) expect(line.command(`c${n}`, "x", {}, 5_000, 0)).toEqual([]);
    expect(answers(line.command("more", "x", {}, 5_000, 0))).toMatchObject([
      { id: "more", outcome: { error: { errorCode: "too_many" } } },
    ]);
  });
});

describe("topics", () => {
  test("a snapshot sets the position, events after it are delivered in order", () => {
    follow(10);
    expect(offsets(line.received(events(11, 13), 0))).toEqual([11, 12, 13]);
    expect(offsets(line.received(events(14, 14), 0))).toEqual([14]);
  });

  test("a repeat is dropped, a part of a repeat too", () => {
    follow(10);
    line.received(events(11, 13), 0);
    expect(offsets(line.received(events(11, 12), 0))).toEqual([]);
    expect(offsets(line.received(events(12, 15), 0))).toEqual([14, 15]);
  });

  test("a hole is asked for from the position before it and nothing is shown until it is filled", () => {
    follow(10);
    const effects = line.received(events(13, 14), 0);
    expect(offsets(effects)).toEqual([]);
    const [ask] = sent(effects);
    expect(ask).toMatchObject({ type: "subscribe", topic: TOPIC, since: { epoch: 1, offset: 10 } });
    expect(line.received(events(15, 15), 0)).toEqual([]);
    const id = ask?.type === "subscribe" ? ask.id : "";
    line.received(subscribed(id, 15, { recovered: true }), 0);
    expect(offsets(line.received(events(11, 15), 0))).toEqual([11, 12, 13, 14, 15]);
  });

  test("a reconnect resumes from the last event, over a change of ownership as well", () => {
    follow(10);
    line.received(events(11, 12), 0);
    line.closed(4002, 100);
    const ask = sent(open(200)).find((f) => f.type === "subscribe");
    expect(ask).toMatchObject({ since: { epoch: 1, offset: 12 } });
    line.received(subscribed(ask?.type === "subscribe" ? ask.id : "", 14, { recovered: true, epoch: 2 }), 200);
    expect(offsets(line.received(events(13, 14, 2), 200))).toEqual([13, 14]);
    expect(offsets(line.received(events(15, 15, 1), 200))).toEqual([]);
    expect(offsets(line.received(events(15, 15, 2), 200))).toEqual([15]);
  });

  test("when too much was missed the snapshot replaces everything", () => {
    follow(10);
    line.closed(4000, 100);
    const ask = sent(open(200)).find((f) => f.type === "subscribe");
    const effects = line.received(subscribed(ask?.type === "subscribe" ? ask.id : "", 900, { epoch: 7 }), 200);
    expect(delivered(effects)).toEqual([{ kind: "snapshot", snapshot: { at: 900 } }]);
    expect(offsets(line.received(events(901, 901, 7), 200))).toEqual([901]);
  });

  test("a refused subscription is told once and not asked for again", () => {
    line.start(0);
    open();
    const [ask] = sent(line.subscribe(TOPIC));
    const error = { errorCode: "not_seated", message: "", details: {}, retry: false };
    const id = ask?.type === "subscribe" ? ask.id : "";
    const effects = line.received(JSON.stringify({ type: "reply", id, ok: false, error }), 0);
    expect(delivered(effects)).toEqual([{ kind: "refused", error }]);
    line.closed(1006, 100);
    expect(sent(open(200)).map((f) => f.type)).toEqual(["hello"]);
  });

  test("an answer to an older question is not taken for the newer one", () => {
    follow(10);
    line.closed(1006, 100);
    open(200);
    expect(line.received(subscribed("s1", 3), 200)).toEqual([]);
  });

  test("events after unsubscribing are nobody's", () => {
    follow(10);
    expect(sent(line.unsubscribe(TOPIC))).toMatchObject([{ type: "unsubscribe", topic: TOPIC }]);
    expect(line.received(events(11, 11), 0)).toEqual([]);
  });
});

describe("closing", () => {
  test("an accident is followed by a jittered return whose window doubles", () => {
    line.start(0);
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      line.connecting(0);
      for (const effect of line.closed(1006, 0)) if (effect.do === "connect") waits.push(effect.afterMs);
    }
    expect(waits).toEqual([250, 500, 1000, 2000]);
  });

  test("a connection that held starts the count again", () => {
    line.start(0);
    line.connecting(0);
    line.closed(1006, 0);
    line.connecting(0);
    line.closed(1006, 0);
    open(1_000);
    const effects = line.closed(1012, 20_000);
    expect(effects).toContainEqual({ do: "connect", afterMs: 250, renew: false });
  });

  test("the network's return shortens the wait", () => {
    line.start(0);
    line.connecting(0);
    line.closed(1006, 0);
    expect(line.hurry(10)).toContainEqual({ do: "connect", afterMs: 0, renew: false });
    open(20);
    expect(line.hurry(30)).toEqual([]);
  });

  test("told to stay away it stays, answers what waits, and can be started again by hand", () => {
    line.start(0);
    open();
    line.command("a", "chat.post", {}, 60_000, 0);
    const effects = line.closed(4502, 100);
    expect(line.state).toEqual({ at: "away", reason: "removed" });
    expect(answers(effects)).toMatchObject([{ id: "a", outcome: { error: { errorCode: "removed" } } }]);
    expect(effects.some((e) => e.do === "connect")).toBe(false);
    expect(line.start(200)).toContainEqual({ do: "connect", afterMs: 0, renew: false });
  });

  test("an expired sign-in is renewed once", () => {
    line.start(0);
    line.connecting(0);
    expect(line.closed(4500, 0)).toContainEqual({ do: "connect", afterMs: 0, renew: true });
    line.connecting(0);
    line.closed(4500, 0);
    expect(line.state).toEqual({ at: "away", reason: "unauthenticated" });
  });

  test("a silent server is pinged and then given up", () => {
    line.start(0);
    open(0);
    expect(line.tick(24_999)).toEqual([]);
    expect(sent(line.tick(25_000))).toEqual([{ type: "ping" }]);
    expect(line.tick(35_000)).toEqual([]);
    expect(line.tick(35_001)).toContainEqual(expect.objectContaining({ do: "drop" }));
  });

  test("a pong is a sign of life", () => {
    line.start(0);
    open(0);
    line.tick(25_000);
    line.received('{"type":"pong"}', 26_000);
    expect(line.tick(36_000)).toEqual([]);
  });
});

test.each(["", "nonsense", "[]", "null", '{"type":"later"}', '{"type":"toString"}', '{"type":"events","topic":1}'])(
  "a frame this release does not know changes nothing: %s",
  (text) => {
    follow(10);
    expect(line.received(text, 0)).toEqual([]);
    expect(offsets(line.received(events(11, 11), 0))).toEqual([11]);
  },
);
