import { describe, expect, test } from "vitest";
import { eventsOf, snapshotOf } from "../../tests/samples";
import { KNOWN as KNOWN_TO_ALL } from "./classState";
import { afterEvents, fromSnapshot, KNOWN, unlisted } from "./staffState";

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

describe("a class that is too large for one snapshot", () => {
  const whole = snapshotOf("staff");
  const session = { ...(whole.session as object), currentStudents: 900, waitlisted: 40 };
  const waitlist = [{ userId: BEN, name: "Ben", ticket: 1, position: 1, since: at, connected: true }];
  const more = { seats: 899, waitlist: 39, hands: 0, muted: 0, removed: 0 };
  const large = fromSnapshot({ ...whole, session, waitlist, more });

  test("says how many are not listed, as people come and go", () => {
    expect(unlisted(large)).toEqual({ seats: 899, waitlist: 39 });
    const after = afterEvents(large, [
      event("seat.released", { userId: "stranger", seat: 7, reason: "left" }),
      event("count.changed", { currentStudents: 899, waitlisted: 40 }),
    ]);
    expect(unlisted(after)).toEqual({ seats: 898, waitlist: 39 });
  });

  test("who joins the queue behind those that are not listed is not given a wrong place", () => {
    const after = afterEvents(large, [
      event("waitlist.joined", { userId: "last", name: "Last", ticket: 41, position: 41 }),
      event("count.changed", { currentStudents: 900, waitlisted: 41 }),
    ]);
    expect([...after.waitlist.keys()]).toEqual([BEN]);
    expect(unlisted(after)).toEqual({ seats: 899, waitlist: 40 });
  });
});

test("a queue that was too long is listed again once it was empty, and after the end nobody is unlisted", () => {
  const whole = snapshotOf("staff");
  const more = { seats: 899, waitlist: 39, hands: 0, muted: 0, removed: 0 };
  const large = fromSnapshot({ ...whole, session: { ...(whole.session as object), currentStudents: 900 }, more });
  const empty = afterEvents(large, [
    event("count.changed", { currentStudents: 900, waitlisted: 0 }),
    event("waitlist.joined", { userId: BEN, name: "Ben", ticket: 50, position: 1 }),
  ]);
  expect([...empty.waitlist.keys()]).toEqual([BEN]);
  expect(unlisted(afterEvents(empty, [event("session.ended", { reason: "staff" })]))).toEqual({
    seats: 0,
    waitlist: 0,
  });
});

test("of a class that is whole nobody is unlisted, though the counts come a moment later", () => {
  const after = afterEvents(start(), [event("seat.released", { userId: ADA, seat: 1, reason: "left" })]);
  expect(unlisted(after)).toEqual({ seats: 0, waitlist: 0 });
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
