"""What Postgres holds of a class, read past the product: the proof that an acknowledged seat is durable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from loadtests.answers import SEATED, WAITLISTED, DoorAnswer

_SEATS = """
SELECT payload->>'userId' AS student_id, (payload->>'seat')::int AS number
FROM live_events WHERE session_id = $1 AND type = 'seat.taken' ORDER BY "offset"
"""
_PLACES = """
SELECT payload->>'userId' AS student_id, (payload->>'position')::int AS number
FROM live_events WHERE session_id = $1 AND type = 'waitlist.joined' ORDER BY "offset"
"""
_INSIDE = "SELECT user_id::text FROM attendance_intervals WHERE session_id = $1 AND left_at IS NULL"
_COUNTS = "SELECT current_students, waitlisted FROM live_sessions WHERE id = $1"
_ONE = """
SELECT EXISTS (SELECT FROM live_events WHERE session_id = $1 AND type = $3 AND payload->>'userId' = $2)
"""


class NotOnRecord(AssertionError):
    """The door acknowledged what Postgres does not hold."""


@dataclass(frozen=True)
class ClassRecord:
    """A class as it stands in the log and in the tables written with it."""

    seats: Mapping[str, int]
    """Seat numbers by student, from the log's `seat.taken`."""
    places: Mapping[str, int]
    """Places at the time of joining the waitlist by student, from the log's `waitlist.joined`."""
    inside: frozenset[str]
    """Students with an open attendance interval."""
    current_students: int
    waitlisted: int
    repeated: frozenset[str]
    """Students whom the log seats or queues more than once."""


async def read_record(connection: "asyncpg.Connection[Any]", session_id: str) -> ClassRecord:
    """The class as one consistent snapshot of Postgres. Raises LookupError when it is not there."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        seats = await connection.fetch(_SEATS, session_id)
        places = await connection.fetch(_PLACES, session_id)
        inside = await connection.fetch(_INSIDE, session_id)
        counts = await connection.fetchrow(_COUNTS, session_id)
    if counts is None:
        raise LookupError(f"There is no class {session_id} in this database.")
    entered = [row["student_id"] for row in (*seats, *places)]
    return ClassRecord(
        {row["student_id"]: row["number"] for row in seats},
        {row["student_id"]: row["number"] for row in places},
        frozenset(row["user_id"] for row in inside),
        counts["current_students"],
        counts["waitlisted"],
        frozenset(each for each in entered if entered.count(each) > 1) if len(set(entered)) < len(entered) else frozenset(),
    )


async def is_on_record(connection: "asyncpg.Connection[Any]", session_id: str, student_id: str, answer: DoorAnswer) -> bool:
    """Whether the log holds the seat or place of this answer now."""
    kind = "seat.taken" if answer.outcome == SEATED else "waitlist.joined"
    found: bool = await connection.fetchval(_ONE, session_id, student_id, kind)
    return found


def check_record(record: ClassRecord, answers: Mapping[str, DoorAnswer]) -> None:
    """The record holds each acknowledged seat and place, with its number, once, and nobody else. Raises NotOnRecord."""
    seats = {student: answer.number for student, answer in answers.items() if answer.outcome == SEATED}
    places = {student: answer.number for student, answer in answers.items() if answer.outcome == WAITLISTED}
    if record.repeated:
        raise NotOnRecord(f"The log lets {len(record.repeated)} students in twice, {min(record.repeated)} among them.")
    _same("seat", seats, record.seats)
    _same("place", places, record.places)
    if record.inside != seats.keys():
        odd = record.inside ^ seats.keys()
        raise NotOnRecord(f"Attendance and seats differ for {len(odd)} students, {min(odd)} among them.")
    if (record.current_students, record.waitlisted) != (len(seats), len(places)):
        raise NotOnRecord(
            f"live_sessions counts {record.current_students} seated and {record.waitlisted} waiting; "
            f"the door said {len(seats)} and {len(places)}."
        )


def _same(what: str, told: Mapping[str, int], held: Mapping[str, int]) -> None:
    for student, number in told.items():
        if held.get(student) != number:
            raise NotOnRecord(f"{student} was told {what} {number}; the record says {held.get(student)}.")
    unknown = held.keys() - told.keys()
    if unknown:
        raise NotOnRecord(f"The record gives a {what} to {len(unknown)} students who were told otherwise.")
