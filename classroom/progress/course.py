"""How much of a course somebody has done, from sets alone: told twice, or in another order, it is the same."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from classroom.ids import CourseId, LessonId, UserId

WHOLE = 1_000
"""Progress is counted in thousandths."""
MILESTONES = (25, 50, 75, 100)
"""Percent."""


@dataclass(frozen=True)
class Part:
    """A lesson as progress sees it. What is not required counts for nothing; `weight` is at least 1; `seconds` is a video's
    length, 0 while nobody knows it."""

    id: LessonId
    weight: int = 1
    required: bool = True
    type: str = "article"
    seconds: int = 0


@dataclass(frozen=True)
class Outline:
    """The parts of a course that a learner is to do."""

    parts: tuple[Part, ...]

    @cached_property
    def by_id(self) -> dict[LessonId, Part]:
        """The parts by their ids."""
        return {part.id: part for part in self.parts}

    @cached_property
    def version(self) -> int:
        """A number, never 0, that is another when progress may be: what is required, and what it weighs."""
        required = sorted(f"{part.id}:{part.weight}" for part in self.parts if part.required)
        return crc32("\n".join(required).encode()) or 1

    def done_of(self, done: AbstractSet[LessonId]) -> int:
        """Thousandths, rounded down; 1,000 only when all that is required is done. A course without anything required is
        done by nobody."""
        whole = sum(part.weight for part in self.parts if part.required)
        if whole == 0:
            return 0
        return sum(part.weight for part in self.parts if part.required and part.id in done) * WHOLE // whole

    def next_of(self, done: AbstractSet[LessonId]) -> LessonId | None:
        """Where to go on: the first part that is not done, required ones first."""
        left = [part for part in self.parts if part.id not in done]
        first = next((part for part in left if part.required), next(iter(left), None))
        return first.id if first is not None else None


@dataclass(frozen=True)
class Course:
    """A course as progress sees it."""

    id: CourseId
    title: str
    instructor_id: UserId
    outline: Outline


def reached(thousandths: int, told: AbstractSet[int]) -> tuple[int, ...]:
    """The milestones that are reached and were not told, in order."""
    return tuple(each for each in MILESTONES if each * WHOLE <= thousandths * 100 and each not in told)
