import { describe, expect, test } from "vitest";
import { eventsOf, snapshotOf } from "../../tests/samples";
import type { TopicEvent } from "../realtime/frames";
import { afterEvents, afterVote, fromSnapshot, KNOWN, MAX_CHAT, type ClassState } from "./classState";

const start = (): ClassState => fromSnapshot(snapshotOf("live"));

let offset = 1000;
function event(type: string, data: Record<string, unknown> = {}, at = "2026-11-21T09:30:00.000000Z"): TopicEvent {
  offset += 1;
  return { offset, type, at, data };
}

describe("the samples of the protocol", () => {
  test("the snapshot is taken over whole", () => {
    const state = start();
    expect(state.session.title).toBe("Prime numbers");
    expect(state.chat.map((message) => message.text)).toEqual(["Good morning! ☀️"]);
    expect(state.hands).toEqual([]);
  });

  test("every event of the topic is known", () => {
    const types = new Set(eventsOf("live").map((one) => one.type));
    expect([...types].filter((type) => !KNOWN.includes(type))).toEqual([]);
  });

  test("all of them in order leave an ended class", () => {
    const state = afterEvents(start(), eventsOf("live"));
    expect(state.session).toMatchObject({ title: "Prime numbers II", maxStudents: 40 });
    expect(["ended", "cancelled"]).toContain(state.session.status);
  });
});

test("a revised class starts when it says", () => {
  const [revised] = eventsOf("live").filter((one) => one.type === "session.revised");
  const state = afterEvents(start(), [{ ...revised!, data: { ...revised!.data, startsAt: "2026-11-22T09:00:00Z" } }]);
  expect(state.session.startTime).toBe("2026-11-22T09:00:00Z");
  expect(state.session).not.toHaveProperty("startsAt");
});

test("a message is shown once, and not when it was taken back", () => {
  const data = { messageId: "m", userId: "u", name: "U", text: "hi", to: "all" };
  const once = afterEvents(start(), [event("chat.posted", data), event("chat.posted", data)]);
  expect(once.chat.filter((message) => message.messageId === "m")).toHaveLength(1);
  expect(afterEvents(once, [event("chat.removed", { messageId: "m" })]).chat).toEqual(start().chat);
});

test("the chat keeps the latest messages only", () => {
  const many = Array.from({ length: MAX_CHAT + 5 }, (_, n) =>
    event("chat.posted", { messageId: `m${n}`, userId: "u", name: "U", text: "", to: "all" }),
  );
  const { chat } = afterEvents(start(), many);
  expect(chat).toHaveLength(MAX_CHAT);
  expect(chat.at(-1)?.messageId).toBe(`m${MAX_CHAT + 4}`);
});

test("hands stand in the order in which they went up, and all go down at the end", () => {
  const up = afterEvents(start(), [
    event("hand.raised", { userId: "a", name: "A" }),
    event("hand.raised", { userId: "b", name: "B" }),
    event("hand.raised", { userId: "a", name: "A" }),
  ]);
  expect(up.hands.map((hand) => hand.userId)).toEqual(["b", "a"]);
  expect(afterEvents(up, [event("hand.lowered", { userId: "b" })]).hands.map((hand) => hand.userId)).toEqual(["a"]);
  const late = afterEvents(up, [event("session.ended", { endedAt: "2026-11-21T09:30:00Z" }, "2026-11-21T09:40:00Z")]);
  expect(late.session).toMatchObject({ endsAt: "2026-11-21T09:30:00Z", endedAt: "2026-11-21T09:30:00Z" });
  const over = afterEvents(up, [event("session.ended", { reason: "staff" }, "2026-11-21T09:40:00Z")]);
  expect(over.hands).toEqual([]);
  expect(over.session).toMatchObject({ status: "ended", endsAt: "2026-11-21T09:40:00Z" });
});

test("a poll opens, counts, closes with what was correct; one's own vote stays", () => {
  const poll = { pollId: "p", question: "?", options: ["a", "b"], multiple: false, quiz: true };
  let state = afterEvents(start(), [event("poll.opened", poll)]);
  expect(state.polls.at(-1)).toMatchObject({ open: true, tally: [0, 0], votes: 0 });
  state = afterVote(state, "p", [1]);
  state = afterEvents(state, [event("poll.tallied", { pollId: "p", tally: [0, 1], votes: 1 })]);
  state = afterEvents(state, [event("poll.closed", { pollId: "p", tally: [2, 1], votes: 3, correct: [1] })]);
  expect(state.polls.at(-1)).toMatchObject({ open: false, tally: [2, 1], votes: 3, correct: [1], yourChoices: [1] });
});

test("an event of a later release changes nothing", () => {
  const before = start();
  expect(afterEvents(before, [event("class.sung", { userId: "a" }), event("toString")])).toBe(before);
});
