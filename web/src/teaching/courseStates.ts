/** The life of a course, in words. */

import type { Course } from "../api/types";

export const STATES: Record<Course["status"], { label: string; color: string; meaning: string }> = {
  draft: { label: "Draft", color: "gray", meaning: "Only you can see it. Submit it to have it published." },
  pending: { label: "In review", color: "saffron", meaning: "An admin looks at it before students can find it." },
  published: { label: "Published", color: "leaf", meaning: "Students can find it and enrol." },
  rejected: { label: "Sent back", color: "ember", meaning: "Change what was asked for and submit it again." },
  unpublished: { label: "Taken down", color: "gray", meaning: "Its students still have it; nobody else can find it." },
};
