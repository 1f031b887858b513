import { expect, test } from "vitest";
import { snapshotOf } from "../../tests/samples";
import type { TopicEvent } from "../realtime/frames";
import { afterEvents, fromSnapshot } from "./classState";

const ANN = { userId: "ann", name: "Ann" };
const BEN = { userId: "ben", name: "Ben" };
const AT = "2026-11-21T09:30:00.000000Z";

const bare = () => {
  const { stage: _stage, media: _media, recording: _recording, ...rest } = snapshotOf("live");
  return fromSnapshot(rest);
};
const event = (type: string, data: object = {}): TopicEvent => ({ offset: 1, type, at: AT, data: { ...data } });

test("a snapshot of a release without video has an empty stage", () => {
  expect(bare()).toMatchObject({
    stage: { members: [], invited: [] },
    media: { generation: 0, screen: null, cameras: [], microphones: [], speakers: [] },
    recording: null,
  });
});

test("who is invited and comes is on the stage once, and no longer invited", () => {
  const invited = afterEvents(bare(), [event("stage.invited", ANN), event("stage.invited", ANN)]);
  expect(invited.stage).toEqual({ members: [], invited: [ANN] });
  const joined = afterEvents(invited, [event("stage.joined", ANN), event("stage.joined", BEN)]);
  expect(joined.stage).toEqual({ members: [ANN, BEN], invited: [] });
  const left = afterEvents(joined, [event("stage.left", { userId: "ann", reason: "removed" })]);
  expect(left.stage.members).toEqual([BEN]);
});

test("an invitation goes when it is declined, and when the person is sent out", () => {
  const invited = afterEvents(bare(), [event("stage.invited", ANN), event("stage.joined", BEN)]);
  expect(afterEvents(invited, [event("stage.declined", { userId: "ann" })]).stage.invited).toEqual([]);
  const sentOut = afterEvents(invited, [event("member.removed", { userId: "ben", ban: false })]);
  expect(sentOut.stage).toEqual({ members: [], invited: [ANN] });
});

test("a class that is placed anew shows nobody until the new node says who is there", () => {
  const shown = { screen: null, cameras: [ANN, null, null, null], microphones: [ANN, null, null, null, null, null] };
  const playing = afterEvents(bare(), [
    event("media.placed", { node: "a@1", generation: 1 }),
    event("media.changed", shown),
    event("media.speaking", { speakers: ["ann"] }),
  ]);
  expect(playing.media).toEqual({ generation: 1, ...shown, speakers: ["ann"] });
  const moved = afterEvents(playing, [event("media.placed", { node: "b@1", generation: 2 })]);
  expect(moved.media).toEqual({ generation: 2, screen: null, cameras: [], microphones: [], speakers: [] });
});

test("everybody sees that a recording runs, and since when", () => {
  const started = afterEvents(bare(), [event("recording.started", { recordingId: "r" })]);
  expect(started.recording).toEqual({ recordingId: "r", since: AT });
  expect(afterEvents(started, [event("recording.stopped", { recordingId: "r" })]).recording).toBeNull();
});

test("the end of the class empties the stage", () => {
  const full = afterEvents(bare(), [
    event("stage.joined", ANN),
    event("stage.invited", BEN),
    event("media.changed", { screen: ANN, cameras: [], microphones: [] }),
    event("recording.started", { recordingId: "r" }),
  ]);
  const over = afterEvents(full, [event("session.ended", { reason: "staff" })]);
  expect(over).toMatchObject({ stage: { members: [], invited: [] }, media: { screen: null }, recording: null });
});
