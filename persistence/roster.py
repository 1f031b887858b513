"""Who may come into a class: the students of its course."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from classroom.ids import CourseId, UserId


@dataclass(frozen=True)
class Student:
    """What a class may show of a student."""

    name: str


class Roster(Protocol):
    """Looks students up. Raises StoreAway when Postgres is away."""

    async def find_students(self, course_id: CourseId, user_ids: Sequence[UserId]) -> dict[UserId, Student]:
        """Those of `user_ids` who are enrolled in the course now and whose account is active."""
        ...
