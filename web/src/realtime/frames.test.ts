import { expect, test } from "vitest";
import { sampleNames, sampleText } from "../../tests/samples";
import { parseFrame } from "./frames";

test.each(sampleNames("server"))("the gateway's sample %s is understood", (name) => {
  const text = sampleText("server", name);
  expect(parseFrame(text)).toEqual(JSON.parse(text));
});
