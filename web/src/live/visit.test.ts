import { describe, expect, test } from "vitest";
import { eventsOf, serverSample, snapshotOf } from "../../tests/samples";
import type { LiveSession, LiveSessionStatus } from "../api/types";
import type { Reply, WireError } from "../realtime/frames";
import type { Outcome } from "../realtime/line";
import { screenOf } from "./screen";
import { afterAction, arriving, viewsOf, type VisitAction, type VisitState } from "./visit";

const ADA = "01970c5e-8a40-7000-8000-0000000000a1";
const EMMY = "01970c5e-8a40-7000-8000-0000000000a9";
const DURING = Date.parse("2026-11-21T09:10:00Z");

const session = (snapshotOf("live") as unknown as { session: LiveSession }).session;
const at = "2026-11-21T09:10:00.000000Z";

function outcomeOf(name: string): Outcome {
  const reply = serverSample<Reply>(name);
  return reply.ok ? { ok: true, result: reply.result } : { ok: false, error: reply.error };
}

function refusal(errorCode: string): WireError {
  return { errorCode, message: "", details: {}, retry: false };
}

function looked(you: LiveSessionStatus["you"] & object, change: Partial<LiveSession> = {}): VisitAction {
  return { type: "looked", status: { ...session, ...change, you } };
}

const nobody = { outcome: "none" as const };

function student(...actions: VisitAction[]): VisitState {
  return actions.reduce(afterAction, arriving({ id: ADA, role: "student" }));
}

const event = (type: string, data: object) => ({ offset: 1, type, at, data: { ...data } });
const personal = (type: string, data: object): VisitAction => ({
  type: "personal",
  event: event(type, { sessionId: session.id, ...data }),
});
const joined = (name: string): VisitAction[] => [
  looked(nobody),
  { type: "joining" },
  { type: "joinAnswered", outcome: outcomeOf(name) },
];

describe("coming in", () => {
  test("from the door to a seat", () => {
    expect(screenOf(student(looked(nobody)), DURING)).toBe("door");
    expect(screenOf(student(looked(nobody), { type: "joining" }), DURING)).toBe("joining");
    const state = student(...joined("reply.seated"));
    expect(state.standing).toEqual({ at: "seated", seat: 1, promoted: false });
    expect(viewsOf(state)).toEqual([""]);
  });

  test("to a place, when all seats are taken", () => {
    const state = student(...joined("reply.waitlisted"));
    expect(state.standing).toEqual({ at: "waiting", place: 1, ticket: 1, estimateSeconds: null });
    expect(viewsOf(state)).toEqual(["queue"]);
  });

  test("not at all, when the class is full and nobody may wait", () => {
    const full = { maxStudents: 1, currentStudents: 1, waitlisted: 0 };
    const state = student(
      looked(nobody, full),
      { type: "joining" },
      { type: "joinAnswered", outcome: outcomeOf("reply.refused") },
    );
    expect(screenOf(state, DURING)).toBe("full");
    expect(screenOf(afterAction(state, looked(nobody, { ...full, currentStudents: 0 })), DURING)).toBe("door");
  });

  test.each([
    ["class_ended", "ended"],
    ["class_cancelled", "cancelled"],
    ["removed_from_class", "removed"],
  ])("refused with %s the page says so", (code, screen) => {
    const state = student(
      looked(nobody),
      { type: "joining" },
      { type: "joinAnswered", outcome: { ok: false, error: refusal(code) } },
    );
    expect(screenOf(state, DURING)).toBe(screen);
    expect(viewsOf(state)).toEqual([]);
  });

  test("a reload finds the seat, or the place, where it was", () => {
    expect(student(looked({ outcome: "seated", seat: { number: 7, since: at } })).standing).toMatchObject({
      at: "seated",
      seat: 7,
    });
    expect(student(looked({ outcome: "waitlisted", position: 3 })).standing).toMatchObject({ at: "waiting", place: 3 });
  });

  test("an answer that was asked for before joining does not undo it", () => {
    const state = student(looked(nobody), { type: "joining" }, looked(nobody));
    expect(state.standing.at).toBe("joining");
  });

  test("whoever may not see the class is told why", () => {
    const state = student({ type: "lookRefused", error: refusal("not_enrolled") });
    expect(screenOf(state, DURING)).toBe("stranger");
    expect(
      afterAction(student(looked(nobody)), { type: "lookRefused", error: refusal("unreachable") }).standing.at,
    ).toBe("outside");
  });
});

describe("before the doors open", () => {
  const scheduled = { status: "scheduled" as const };
  const before = Date.parse(session.startTime) - (session.doorsOpenMinutes * 60 + 1) * 1000;

  test("there is a lobby, and then the door", () => {
    expect(screenOf(student(looked(nobody, scheduled)), before)).toBe("lobby");
    expect(screenOf(student(looked(nobody, scheduled)), before + 1000)).toBe("door");
  });

  test("a class that was started early has open doors", () => {
    expect(screenOf(student(looked(nobody)), before)).toBe("door");
  });

  test("a locked class says so", () => {
    expect(screenOf(student(looked(nobody, { locked: true })), DURING)).toBe("locked");
  });
});

describe("waiting", () => {
  const far = looked({ outcome: "waitlisted", position: 3, ticket: 9, estimatedWaitSeconds: 90 } as never);

  test("one moves up when somebody before one leaves, and only then", () => {
    const moved = afterAction(student(far), {
      type: "events",
      view: "queue",
      events: [event("waitlist.advanced", { ticket: 12 }), event("waitlist.advanced", { ticket: 4 })],
    });
    expect(moved.standing).toEqual({ at: "waiting", place: 2, ticket: 9, estimateSeconds: 60 });
  });

  test("the class tells the place itself, too", () => {
    const moved = afterAction(student(far), personal("waitlist.moved", { position: 1, estimatedWaitSeconds: 20 }));
    expect(moved.standing).toMatchObject({ place: 1, estimateSeconds: 20 });
  });

  test("a promotion brings one in, without asking", () => {
    const [promoted] = eventsOf("user").filter((one) => one.type === "seat.promoted");
    const state = afterAction(student(...joined("reply.waitlisted")), { type: "personal", event: promoted! });
    expect(state.standing).toEqual({ at: "seated", seat: 1, promoted: true });
    expect(viewsOf(state)).toEqual([""]);
  });

  test("a promotion that was missed is found in the queue's snapshot", () => {
    const whole = { ...snapshotOf("queue"), you: { outcome: "seated", seat: { number: 2 } } };
    const state = afterAction(student(...joined("reply.waitlisted")), {
      type: "snapshot",
      view: "queue",
      snapshot: whole,
    });
    expect(state.standing).toEqual({ at: "seated", seat: 2, promoted: true });
  });

  test("somebody else's class is not one's own", () => {
    const waiting = student(...joined("reply.waitlisted"));
    expect(afterAction(waiting, personal("seat.promoted", { sessionId: "another" }))).toBe(waiting);
  });

  test("an old promotion does not bring back who has left", () => {
    const left = afterAction(student(...joined("reply.waitlisted")), { type: "left" });
    expect(afterAction(left, personal("seat.promoted", { seat: { number: 1 } })).standing.at).toBe("outside");
  });

  test("the end of the class ends the wait", () => {
    const events = [event("session.ended", { reason: "staff" })];
    const state = afterAction(student(...joined("reply.waitlisted")), { type: "events", view: "queue", events });
    expect(screenOf(state, DURING)).toBe("ended");
    expect(viewsOf(state)).toEqual([]);
  });
});

describe("inside", () => {
  const inside = () => student(...joined("reply.seated"), { type: "snapshot", view: "", snapshot: snapshotOf("live") });

  test("the snapshot and the events make the room", () => {
    const state = afterAction(inside(), {
      type: "events",
      view: "",
      events: [event("count.changed", { currentStudents: 12, waitlisted: 4 }), event("session.locked", {})],
    });
    expect(state.session).toMatchObject({ currentStudents: 12, waitlisted: 4 });
    expect(state.locked).toBe(true);
    expect(screenOf(state, DURING)).toBe("seated");
  });

  test("a seat that was given on while one was away is said to be lost", () => {
    const state = afterAction(inside(), { type: "refused", view: "", error: refusal("not_seated") });
    expect(state.standing).toMatchObject({ at: "outside", lost: true });
    expect(screenOf(state, DURING)).toBe("door");
  });

  test("being sent out is told by the class, by the own topic, and by the close code", () => {
    const byClass = afterAction(inside(), {
      type: "events",
      view: "",
      events: [event("member.removed", { userId: ADA, ban: true })],
    });
    expect(screenOf(byClass, DURING)).toBe("removed");
    expect(byClass.standing).toEqual({ at: "removed", banned: true });
    const byTopic = afterAction(inside(), personal("member.removed", { ban: true }));
    expect(byTopic.standing).toEqual({ at: "removed", banned: true });
    const byCode = afterAction(byTopic, { type: "sentAway", reason: "removed" });
    expect(byCode.standing).toEqual({ at: "removed", banned: true });
  });

  test("a removal is not forgotten when the page looks again", () => {
    const out = afterAction(inside(), personal("member.removed", { ban: false }));
    expect(afterAction(out, looked(nobody)).standing.at).toBe("removed");
    expect(afterAction(out, { type: "joining" }).standing.at).toBe("joining");
  });

  test("another window takes over", () => {
    const state = afterAction(inside(), { type: "sentAway", reason: "replaced" });
    expect(screenOf(state, DURING)).toBe("elsewhere");
    expect(viewsOf(state)).toEqual([]);
  });

  test("what was said to few stands beside what was said to all", () => {
    const said = eventsOf("user").filter((one) => one.type === "chat.posted");
    const state = said.reduce((before, one) => afterAction(before, { type: "personal", event: one }), inside());
    expect(state.aside.length).toBeGreaterThan(inside().aside.length);
    expect(state.everybody?.chat.map((message) => message.to)).toEqual(["all"]);
  });

  test("what was said to few is there again after a reload, once", () => {
    const again = afterAction(inside(), { type: "snapshot", view: "", snapshot: snapshotOf("live") });
    expect(again.aside.map((message) => [message.text, message.to])).toEqual([
      ["May I leave ten minutes early?", "staff"],
    ]);
  });

  test("leaving is leaving", () => {
    const state = afterAction(inside(), { type: "left" });
    expect(state.standing).toEqual({ at: "outside", why: null, lost: false });
    expect(state.everybody).toBeNull();
  });
});

describe("teaching", () => {
  const teacher = (...actions: VisitAction[]) =>
    actions.reduce(afterAction, arriving({ id: EMMY, role: "instructor" }));

  test("the instructor of the class follows it as staff", () => {
    const state = teacher(looked(nobody));
    expect(viewsOf(state)).toEqual(["", "staff"]);
    expect(screenOf(state, DURING)).toBe("teaching");
  });

  test("admins do, too; other instructors do not", () => {
    expect(viewsOf(afterAction(arriving({ id: "x", role: "admin" }), looked(nobody)))).toEqual(["", "staff"]);
    expect(viewsOf(afterAction(arriving({ id: "x", role: "instructor" }), looked(nobody)))).toEqual([]);
  });

  test("what is said to staff is taken from the staff topic, and can be taken back", () => {
    const message = { messageId: "m", userId: ADA, name: "Ada", text: "psst", to: "staff" };
    const state = teacher(
      looked(nobody),
      { type: "snapshot", view: "staff", snapshot: snapshotOf("staff") },
      { type: "events", view: "staff", events: [event("chat.posted", message)] },
    );
    expect(state.aside).toMatchObject([{ text: "psst", at }]);
    const gone = afterAction(state, {
      type: "events",
      view: "staff",
      events: [event("chat.removed", { messageId: "m" })],
    });
    expect(gone.aside).toEqual([]);
  });

  test("a refused topic is not asked for again and again", () => {
    const state = afterAction(teacher(looked(nobody)), { type: "refused", view: "staff", error: refusal("forbidden") });
    expect(viewsOf(state)).toEqual([]);
    expect(screenOf(state, DURING)).toBe("stranger");
  });

  test("after the end only the record is left", () => {
    const state = teacher(looked(nobody, { status: "ended" }));
    expect(viewsOf(state)).toEqual([]);
    expect(screenOf(state, DURING)).toBe("teaching");
  });
});
