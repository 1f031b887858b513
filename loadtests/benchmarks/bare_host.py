"""One host as its actor runs it, on the real journal and Postgres, without Ray and sockets before it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from actors.archive import Stores
from actors.envelopes import LATER, LIVE, Envelope, EvictNotice, Later, Parcel, Reply
from actors.hosting import Hosting
from actors.memory import spare_the_collector
from classroom.answers import Accepted
from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId, UserId
from classroom.live.commands import Command, End, Schedule, Start, TakeSeat
from classroom.times import SECOND, Moment
from loadtests.benchmarks.servers import ServiceFailed
from persistence.accounts import NewAccount, PostgresAccounts
from persistence.courses import CourseText, PostgresCourses
from persistence.crowds import Newcomer, add_students
from persistence.database import Database, open_engine
from persistence.ids import new_id
from persistence.journal import PostgresJournal
from persistence.learning import PostgresLearningLog
from persistence.live_log import PostgresLiveLog
from persistence.live_pool import open_live_pool
from persistence.membership import PostgresMembership
from persistence.ownership import PostgresOwnership
from persistence.roster import PostgresRoster

_CONNECTIONS = 6
_PATIENCE_SECONDS = 15


class NoLinks:
    """The ways out of a host that owns every grain and has no gateway."""

    def send(self, gateway: str, parcel: Parcel) -> None:
        """See `Links.send`."""
        raise ServiceFailed(f"Something was sent to the gateway {gateway}, and there is none.")

    def lost(self, gateway: str) -> int:
        """See `Links.lost`."""
        return 0

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        """See `Links.forget`."""
        return ()

    async def execute(self, envelope: Envelope) -> Reply:
        """See `Links.execute`."""
        raise ServiceFailed(f"Grain {envelope.grain_id} has no other host.")


@dataclass(frozen=True)
class Cast:
    """A course, its instructor and its students."""

    course_id: CourseId
    instructor: Caller
    students: Sequence[Caller]


@asynccontextmanager
async def hosting_alone(database_url: str, grace_seconds: int = 60) -> AsyncIterator[Hosting]:
    """A host that owns all shards, started; ended in order, with snapshots kept. Seats without a socket stay for
    `grace_seconds`."""
    pool = await open_live_pool(database_url, _CONNECTIONS)
    stores = Stores(
        PostgresJournal(pool),
        PostgresJournal(pool),
        PostgresLiveLog(pool),
        PostgresLearningLog(pool),
        PostgresOwnership(pool),
        PostgresMembership(pool),
        PostgresRoster(pool),
    )
    hosting = Hosting("host-0", stores, NoLinks(), grace_seconds)
    await hosting.start()
    spare_the_collector()  # as the actor does
    try:
        yield hosting
    finally:
        await hosting.close(60)
        await pool.close()


async def make_cast(database_url: str, students: int) -> Cast:
    """Put a published course with so many students into the tables."""
    database = Database(open_engine(database_url))
    try:
        moment = now()
        teacher = NewAccount(UserId(new_id()), "teacher@example.org", "Teacher", Role.INSTRUCTOR, "-", moment, moment)
        account = await PostgresAccounts(database).create(teacher)
        if account is None:
            raise ServiceFailed("This database has a teacher already.")
        courses = PostgresCourses(database)
        course = await courses.create(CourseId(new_id()), account.id, CourseText(title="A course"), moment)
        await courses.move(course.id, ("draft",), "published", moment)
        people = [
            Newcomer(UserId(new_id()), f"student-{number}@example.org", f"Student {number}") for number in range(students)
        ]
        await add_students(database, course.id, people, "-", moment)
    finally:
        await database.close()
    callers = [Caller(one.id, one.name, Role.STUDENT) for one in people]
    return Cast(course.id, Caller(account.id, account.name, account.role), callers)


async def open_class(hosting: Hosting, cast: Cast, seats: int) -> SessionId:
    """A class of the course that has started."""
    session_id = SessionId(new_id())
    schedule = Schedule(
        cast.course_id,
        "A class",
        Moment(now() + 60 * SECOND),
        duration_minutes=240,
        max_students=seats,
        doors_open_minutes=10,
        waitlist_enabled=True,
        instructor_id=cast.instructor.user_id,
        instructor_name=cast.instructor.name,
    )
    await say(hosting, [command(session_id, cast.instructor, schedule)])
    await say(hosting, [command(session_id, cast.instructor, Start())])
    return session_id


async def end_class(hosting: Hosting, cast: Cast, session_id: SessionId) -> None:
    """End it for everybody."""
    await say(hosting, [command(session_id, cast.instructor, End())])


def join(session_id: SessionId, student: Caller) -> Envelope:
    """A student asks for a seat."""
    return command(session_id, student, TakeSeat())


def command(session_id: SessionId, caller: Caller, body: Command) -> Envelope:
    """Something for a class, with an id of its own."""
    return Envelope(LIVE, session_id, caller, body, new_id())


async def say(hosting: Hosting, envelopes: Sequence[Envelope]) -> Sequence[Any]:
    """What the host answers; what takes longer than a call is fetched, as a dispatcher does. Raises ServiceFailed unless
    all is accepted in time."""
    replies: list[Any] = list(await hosting.execute(envelopes))
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, 0.002
    while late := [number for number, reply in enumerate(replies) if isinstance(reply, Later) and reply.ticket is not None]:
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{len(late)} of {len(replies)} commands had no answer within {_PATIENCE_SECONDS} s.")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.05)
        asked = [Envelope(LATER, replies[number].ticket, envelopes[number].caller, None, None) for number in late]
        for number, reply in zip(late, await hosting.execute(asked), strict=True):
            replies[number] = reply
    wrong = [reply for reply in replies if not isinstance(reply, Accepted)]
    if wrong:
        raise ServiceFailed(
            f"{len(wrong)} of {len(replies)} commands were not done, for example: {json.dumps(str(wrong[0]))}"
        )
    return replies


def now() -> Moment:
    """The time."""
    return Moment(time.time_ns() // 1_000)
