import { describe, expect, test } from "vitest";
import { eventsOf, snapshotOf } from "../../tests/samples";
import { KNOWN as KNOWN_TO_ALL } from "./classState";
import { afterEvents, fromSnapshot, KNOWN } from "./staffState";

const ADA = "01970c5e-8a40-7000-8000-0000000000a1";
const BEN = "01970c5e-8a40-7000-8000-0000000000a2";
const start = () => fromSnapshot(snapshotOf("staff"));
const at = "2026-11-21T09:30:00.000000Z";
const event = (type: string, data: object) => ({ offset: 1, type, at, data: { ...data } });

describe("the samples of the protocol", () => {
  test("the snapshot names who sits", () => {
    expect([...start().seats.values()]).toMatchObject([{ userId: ADA, name: "Ada", seat: 1, connected: true }]);
  });

  test("every event of the topic is known here or to everybody", () => {
    const known = new Set([...KNOWN, ...KNOWN_TO_ALL]);
    expect(eventsOf("staff").filter(({ type }) => !known.has(type))).toEqual([]);
  });
});

test("who is promoted leaves the queue and has the seat", () => {
  const waiting = afterEvents(start(), [
    event("waitlist.joined", { userId: BEN, name: "Ben", ticket: 1, position: 1 }),
  ]);
  expect([...waiting.waitlist.keys()]).toEqual([BEN]);
  const after = afterEvents(waiting, [
    event("seat.released", { userId: ADA, seat: 1, reason: "left" }),
    event("seat.promoted", { userId: BEN, name: "Ben", seat: 1, ticket: 1 }),
  ]);
  expect([...after.waitlist.keys()]).toEqual([]);
  expect([...after.seats.values()]).toMatchObject([{ userId: BEN, seat: 1, since: at }]);
});

test("the queue keeps its order when somebody in the middle gives up", () => {
  const joined = ["x", "y", "z"].map((userId, n) =>
    event("waitlist.joined", { userId, name: userId, position: n + 1 }),
  );
  const after = afterEvents(start(), [...joined, event("waitlist.left", { userId: "y", reason: "left" })]);
  expect([...after.waitlist.keys()]).toEqual(["x", "z"]);
});

test("presence comes and goes without touching the seat", () => {
  const lost = afterEvents(start(), [event("presence.lost", { userId: ADA })]);
  expect(lost.seats.get(ADA)).toMatchObject({ seat: 1, connected: false });
  expect(afterEvents(lost, [event("presence.connected", { userId: ADA })]).seats.get(ADA)?.connected).toBe(true);
  expect(afterEvents(lost, [event("presence.connected", { userId: "stranger" })]).seats.size).toBe(1);
});

test("who is removed for good is remembered, who is sent out is not", () => {
  const out = afterEvents(start(), [event("member.removed", { userId: ADA, ban: false })]);
  expect(out.seats.size).toBe(0);
  expect(out.removed).toEqual([]);
  expect(afterEvents(out, [event("member.removed", { userId: BEN, ban: true })]).removed).toEqual([BEN]);
});

test("old states are left as they were", () => {
  const before = start();
  afterEvents(before, [event("seat.released", { userId: ADA })]);
  expect(before.seats.size).toBe(1);
});
