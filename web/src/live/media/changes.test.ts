import { expect, test } from "vitest";
import { EMPTY, type StageState } from "../stageState";
import { changesOf } from "./changes";

const ANN = { userId: "ann", name: "Ann" };
const ME = { userId: "me", name: "Mei" };
const state = (change: Partial<StageState>): StageState => ({ ...EMPTY, ...change });
const onStage = (...members: { userId: string; name: string }[]) => state({ stage: { members, invited: [] } });

test("who comes and who goes is named, oneself as you", () => {
  expect(changesOf(EMPTY, onStage(ANN, ME), "me")).toEqual(["Ann is on the stage.", "You are on the stage."]);
  expect(changesOf(onStage(ANN, ME), onStage(ME), "me")).toEqual(["Ann left the stage."]);
});

test("a screen and a recording are told at both ends", () => {
  const shared = state({ media: { ...EMPTY.media, screen: ANN }, recording: { recordingId: "r", since: "" } });
  expect(changesOf(EMPTY, shared, "me")).toEqual(["Ann shares the screen.", "The class is being recorded."]);
  expect(changesOf(shared, EMPTY, "me")).toEqual(["The screen is not shared any more.", "The recording has ended."]);
});

test("nothing new is nothing to say", () => {
  expect(changesOf(onStage(ANN), onStage(ANN), "me")).toEqual([]);
});
