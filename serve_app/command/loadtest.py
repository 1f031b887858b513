"""`lyceum loadtest prepare`: started classes with many enrolled students, and a token for each of them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from classroom.callers import Caller, Role
from classroom.ids import CourseId, UserId
from persistence.accounts import NewAccount, PostgresAccounts
from persistence.courses import CourseText, PostgresCourses
from persistence.crowds import Newcomer, add_students
from persistence.database import Database
from persistence.ids import new_id
from persistence.tokens import AccessTokens
from serve_app.command import site
from serve_app.command.people import now
from serve_app.command.refusing import CannotRun
from serve_app.command.storage import running, secret_key, with_database
from serve_app.passwords import Passwords
from serve_app.settings import Settings

_TOKEN_SECONDS = 8 * 3_600
_MINUTES = 240


@dataclass(frozen=True)
class Cast:
    """Who takes part."""

    course_id: CourseId
    instructor: Caller
    students: list[Newcomer]


def prepare(settings: Settings, students: int, capacity: int, classes: int = 1) -> dict[str, Any]:
    """What the contract's `lyceum loadtest prepare` prints; further classes, each with an instructor, a course and students
    of its own, stand in `more`. Needs the running system. Raises `CannotRun`."""
    url = running(settings).local_url
    tokens = AccessTokens(secret_key(settings))
    casts = with_database(settings, lambda database: _casts(database, students, classes))
    moment = now()

    def token(caller: Caller) -> str:
        return tokens.make(caller, moment, _TOKEN_SECONDS, new_id())

    first, *more = [_start_class(url, cast, capacity, token) for cast in casts]
    return {**first, "more": more} if more else first


def _start_class(url: str, cast: Cast, capacity: int, token: Callable[[Caller], str]) -> dict[str, Any]:
    instructor_token = token(cast.instructor)
    session = site.call(
        url,
        "POST",
        "/api/live-sessions",
        instructor_token,
        {
            "courseId": cast.course_id,
            "title": f"Load test with {len(cast.students)} students and {capacity} seats",
            "startTime": datetime.now(UTC).isoformat(),
            "durationMinutes": _MINUTES,
            "maxStudents": capacity,
        },
    )
    site.call(url, "POST", f"/api/live-sessions/{session['id']}/start", instructor_token)
    return {
        "sessionId": session["id"],
        "courseId": cast.course_id,
        "instructorToken": instructor_token,
        "students": [{"id": one.id, "token": token(Caller(one.id, one.name, Role.STUDENT))} for one in cast.students],
    }


async def _casts(database: Database, students: int, classes: int) -> list[Cast]:
    return [await _people_and_course(database, students) for _ in range(classes)]


async def _people_and_course(database: Database, count: int) -> Cast:
    moment, mark = now(), secrets.token_hex(4)
    passwords = Passwords(threads=1)
    try:
        # One hash for all, of a password that nobody knows: they come with tokens.
        password_hash = await passwords.hash(secrets.token_urlsafe(24))
    finally:
        passwords.close()
    account = await PostgresAccounts(database).create(
        NewAccount(
            UserId(new_id()),
            f"teacher-{mark}@loadtest.example",
            "Load Tester",
            Role.INSTRUCTOR,
            password_hash,
            moment,
            moment,
        )
    )
    if account is None:
        raise CannotRun("The instructor of the load test could not be made; try again.")
    courses = PostgresCourses(database)
    course = await courses.create(CourseId(new_id()), account.id, CourseText(title=f"Load test {mark}"), moment)
    await courses.move(course.id, ("draft",), "published", moment)
    students = [
        Newcomer(UserId(new_id()), f"student-{mark}-{number}@loadtest.example", f"Student {number}")
        for number in range(1, count + 1)
    ]
    await add_students(database, course.id, students, password_hash, moment)
    return Cast(course.id, Caller(account.id, account.name, account.role), students)
