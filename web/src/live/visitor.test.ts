import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { snapshotOf } from "../../tests/samples";
import type { LiveSession, LiveSessionStatus } from "../api/types";
import type { RealtimeClient, TopicListener } from "../realtime/client";
import type { Json } from "../realtime/frames";
import type { LineState, Outcome } from "../realtime/line";
import { PersonalFeed } from "./personalFeed";
import { Visitor, type Look } from "./visitor";
import { Visits } from "./visits";

const ADA = "01970c5e-8a40-7000-8000-0000000000a1";
const session = (snapshotOf("live") as unknown as { session: LiveSession }).session;
const LIVE = `live:${session.id}`;
const at = "2026-11-21T09:10:00.000000Z";

/** A line that stands: topics are followed at once, commands are answered as told. */
class Desk {
  state: LineState = { at: "open", connectionId: "c" };
  readonly followed = new Map<string, TopicListener>();
  readonly asked: [name: string, args: Json][] = [];
  readonly said: string[] = [];
  answer: Outcome = { ok: true, result: {} };
  private readonly watchers = new Set<() => void>();

  watch = (listener: () => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  start(): void {
    this.state = { at: "open", connectionId: "c" };
  }

  follow(topic: string, listener: TopicListener): () => void {
    expect(this.followed.has(topic)).toBe(false);
    this.followed.set(topic, listener);
    this.said.push(`follow ${topic}`);
    return () => {
      this.followed.delete(topic);
      this.said.push(`end ${topic}`);
    };
  }

  async command(name: string, args: Json): Promise<Outcome> {
    this.asked.push([name, args]);
    return this.answer;
  }

  refuse(topic: string, errorCode: string): void {
    const listener = this.followed.get(topic);
    this.followed.delete(topic);
    listener?.({ kind: "refused", error: { errorCode, message: "", details: {}, retry: false } });
  }

  tell(topic: string, type: string, data: Json): void {
    this.followed.get(topic)?.({ kind: "events", events: [{ offset: 1, type, at, data }] });
  }
}

let desk: Desk;
let you: LiveSessionStatus["you"];
let looks: number;

beforeEach(() => {
  vi.useFakeTimers();
  desk = new Desk();
  you = { outcome: "none" };
  looks = 0;
});

afterEach(() => {
  vi.useRealTimers();
});

function needs() {
  const client = desk as unknown as RealtimeClient;
  const look = async (): Promise<Look> => {
    looks += 1;
    return { ok: true, status: { ...session, you } };
  };
  return { client, look, feed: new PersonalFeed(client, ADA), me: { id: ADA, role: "student" as const } };
}

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const topics = () => [...desk.followed.keys()].filter((topic) => topic.startsWith("live:"));

test("it follows the queue while waiting and the class once seated, and nothing twice", async () => {
  const visitor = new Visitor(session.id, needs());
  await pass();
  expect(topics()).toEqual([]);
  desk.answer = { ok: true, result: { outcome: "waitlisted", position: 2, ticket: 5, session } };
  await visitor.join();
  expect(desk.asked).toEqual([["session.join", { sessionId: session.id, waitlist: true }]]);
  expect(topics()).toEqual([`${LIVE}:queue`]);
  desk.tell(`user:${ADA}`, "seat.promoted", { sessionId: session.id, seat: { number: 3 } });
  expect(topics()).toEqual([LIVE]);
  expect(visitor.state.standing).toEqual({ at: "seated", seat: 3, promoted: true });
  visitor.close();
  expect(topics()).toEqual([]);
});

test("who is promoted follows the class before the queue is ended, and so is present all the time", async () => {
  you = { outcome: "waitlisted", position: 1, ticket: 5, estimatedWaitSeconds: null };
  const visitor = new Visitor(session.id, needs());
  await pass();
  expect(topics()).toEqual([`${LIVE}:queue`]);
  desk.said.length = 0;
  desk.tell(`user:${ADA}`, "seat.promoted", { sessionId: session.id, seat: { number: 3 } });
  expect(desk.said).toEqual([`follow ${LIVE}`, `end ${LIVE}:queue`]);
  visitor.close();
});

test("outside it looks now and then, inside it does not", async () => {
  const visitor = new Visitor(session.id, needs());
  await pass(16_000);
  expect(looks).toBeGreaterThanOrEqual(3);
  desk.answer = { ok: true, result: { outcome: "seated", seat: { number: 1 }, session } };
  await visitor.join();
  const before = looks;
  await pass(60_000);
  expect(looks).toBe(before);
  visitor.close();
});

test("a seat that was given on is found out by looking again", async () => {
  you = { outcome: "seated", seat: { number: 1, since: at } };
  const visitor = new Visitor(session.id, needs());
  await pass();
  expect(topics()).toEqual([LIVE]);
  you = { outcome: "none" };
  const before = looks;
  desk.refuse(LIVE, "not_seated");
  expect(visitor.state.standing).toMatchObject({ at: "outside", lost: true });
  await pass(2_000);
  expect(looks).toBe(before + 1);
  expect(topics()).toEqual([]);
  visitor.close();
});

test("leaving gives up the topics only when the class has agreed", async () => {
  you = { outcome: "seated", seat: { number: 1, since: at } };
  const visitor = new Visitor(session.id, needs());
  await pass();
  desk.answer = { ok: false, error: { errorCode: "unavailable", message: "", details: {}, retry: true } };
  await visitor.leave();
  expect(topics()).toEqual([LIVE]);
  desk.answer = { ok: true, result: {} };
  await visitor.leave();
  expect(topics()).toEqual([]);
  visitor.close();
});

test("a visit goes on behind other pages only while something is held", async () => {
  const visits = new Visits(needs());
  const visitor = visits.show(session.id);
  await pass();
  visits.release(session.id);
  expect(visits.holding()).toEqual([]);
  const again = visits.show(session.id);
  expect(again).not.toBe(visitor);
  await pass();
  desk.answer = { ok: true, result: { outcome: "seated", seat: { number: 1 }, session } };
  await again.join();
  visits.release(session.id);
  expect(visits.holding()).toEqual([again]);
  expect(visits.show(session.id)).toBe(again);
  visits.close();
  expect(topics()).toEqual([]);
});
