import { expect, test } from "vitest";
import { initialsOf } from "./initials";

test("first and last, whole letters, and nothing for no name", () => {
  expect(initialsOf("Inês Duarte")).toBe("ID");
  expect(initialsOf("  ana  maria de souza ")).toBe("AS");
  expect(initialsOf("Zoë")).toBe("Z");
  expect(initialsOf("𝒜da Moreau")).toBe("𝒜M");
  expect(initialsOf("")).toBe("");
});
