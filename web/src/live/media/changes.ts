/** What changed on the stage, in sentences. */

import type { Person, StageState } from "../stageState";

export function changesOf(before: StageState, now: StageState, me: string): string[] {
  const name = (person: Person) => (person.userId === me ? "You" : person.name);
  const verb = (person: Person, mine: string, theirs: string) => (person.userId === me ? mine : theirs);
  const came = missing(now.stage.members, before.stage.members);
  const went = missing(before.stage.members, now.stage.members);
  const said = [
    ...came.map((person) => `${name(person)} ${verb(person, "are", "is")} on the stage.`),
    ...went.map((person) => `${name(person)} left the stage.`),
  ];
  const { screen } = now.media;
  if (screen !== null && screen.userId !== before.media.screen?.userId)
    said.push(`${name(screen)} ${verb(screen, "share", "shares")} the screen.`);
  if (before.media.screen !== null && screen === null) said.push("The screen is not shared any more.");
  if (before.recording === null && now.recording !== null) said.push("The class is being recorded.");
  if (before.recording !== null && now.recording === null) said.push("The recording has ended.");
  return said;
}

function missing(some: Person[], others: Person[]): Person[] {
  return some.filter((one) => !others.some((other) => other.userId === one.userId));
}
