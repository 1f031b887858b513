"""Who may come into a class: the students of its course."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from classroom.ids import CourseId, UserId
from persistence.live_pool import borrow


@dataclass(frozen=True)
class Student:
    """What a class may show of a student."""

    name: str


class Roster(Protocol):
    """Looks students up. Raises StoreAway when Postgres is away."""

    async def find_students(self, course_id: CourseId, user_ids: Sequence[UserId]) -> dict[UserId, Student]:
        """Those of `user_ids` who are enrolled in the course now and whose account is active."""
        ...


_FIND = """
    SELECT u.id::text AS user_id, u.name
    FROM enrollments e JOIN users u ON u.id = e.user_id
    WHERE e.course_id = $1 AND e.user_id = ANY ($2::uuid[]) AND e.left_at IS NULL
      AND u.status = 'active' AND u.deleted_at IS NULL
"""


class PostgresRoster:
    """A `Roster` on the tables of accounts and enrolment."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def find_students(self, course_id: CourseId, user_ids: Sequence[UserId]) -> dict[UserId, Student]:
        """See `Roster.find_students`."""
        if not user_ids:
            return {}
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_FIND, course_id, user_ids)
        return {UserId(row["user_id"]): Student(row["name"]) for row in rows}
