"""Sample data: a few people whose password everybody knows, a course, and a class whose doors are open.

These people can sign in only while the system runs in demo mode.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from classroom.callers import Caller, Role
from classroom.ids import CourseId, LessonId, UserId
from persistence.accounts import Account, NewAccount, PostgresAccounts
from persistence.arranging import NewLesson, NewSection
from persistence.courses import CourseFilter, CourseText, PostgresCourses
from persistence.crowds import set_status
from persistence.database import Database
from persistence.enrollments import PostgresEnrollments
from persistence.ids import new_id
from persistence.syllabus import Syllabus
from persistence.tokens import AccessTokens
from serve_app.command import site
from serve_app.command.people import now
from serve_app.command.refusing import CannotRun
from serve_app.command.storage import running, secret_key, with_database
from serve_app.passwords import Passwords
from serve_app.settings import LOOPBACK, Settings

PASSWORD = "lyceum-demo"  # noqa: S105 - meant to be known: see the module's promise
_INSTRUCTOR = ("ines@demo.example", "Inês Duarte", Role.INSTRUCTOR)
_STUDENTS = (
    ("amara@demo.example", "Amara Okafor", Role.STUDENT),
    ("jonas@demo.example", "Jonas Lindqvist", Role.STUDENT),
    ("mei@demo.example", "Mei Tanaka", Role.STUDENT),
)
_ADMIN = ("ada@demo.example", "Ada Moreau", Role.ADMIN)
PEOPLE = (_INSTRUCTOR, *_STUDENTS, _ADMIN)
_COURSE = CourseText(
    title="Tides and the Moon",
    summary="Why the sea comes and goes, and how to read a tide table.",
    description="Four live classes from the pull of the Moon to the harbour's calendar. No mathematics needed.",
)
_SECTIONS: tuple[tuple[str, tuple[dict[str, Any], ...]], ...] = (
    (
        "The pull of the Moon",
        (
            {
                "type": "article",
                "title": "Why there are two tides a day",
                "content": "The Moon pulls the near side of the sea more than the Earth, and the Earth more than the "
                "far side. So the water stands high **on both sides**, and we turn below it once a day.",
                "is_preview": True,
            },
            {
                "type": "video",
                "title": "A day at the harbour",
                "summary": "The film is still to come.",
                "is_required": False,
            },
        ),
    ),
    (
        "Reading a tide table",
        (
            {
                "type": "article",
                "title": "Springs and neaps",
                "content": "At new and full Moon the Sun pulls along: *spring tides*. At half Moon it pulls across.",
            },
            {"type": "live", "title": "Questions and answers", "summary": "In the class.", "is_required": False},
        ),
    ),
)
_SEATS = 2


def load(settings: Settings) -> None:
    """Make what is missing of the sample data in the running system. Raises `CannotRun`."""
    run = running(settings)
    if settings.bind not in LOOPBACK or run.bind not in LOOPBACK:
        raise CannotRun("Demo people have a password that everybody knows: they are only for a system on localhost.")
    instructor, course_id = with_database(settings, _people_and_course)
    token = AccessTokens(secret_key(settings)).make(instructor, now(), 600, new_id())
    _class_to_come(run.local_url, token, course_id)


def shut_out(settings: Settings) -> None:
    """Without demo mode the demo people of an earlier run cannot sign in."""
    with_database(settings, lambda database: set_status(database, [email for email, _, _ in PEOPLE], "banned"))


def sign_ins() -> Table:
    """The demo people as a table for the terminal."""
    table = Table(title=f"Demo people, password: {PASSWORD}", title_justify="left", title_style="bold")
    for heading in ("role", "name", "e-mail"):
        table.add_column(heading)
    for email, name, role in PEOPLE:
        table.add_row(role.value, name, email)
    return table


async def _people_and_course(database: Database) -> tuple[Caller, CourseId]:
    passwords = Passwords(threads=1)
    try:
        password_hash = await passwords.hash(PASSWORD)
    finally:
        passwords.close()
    await set_status(database, [email for email, _, _ in PEOPLE], "active")
    people = [await _person(PostgresAccounts(database), *person, password_hash) for person in PEOPLE]
    instructor, students = people[0], people[1 : 1 + len(_STUDENTS)]
    course_id = await _course(PostgresCourses(database), instructor)
    await _syllabus(Syllabus(database), course_id)
    for student in students:
        await PostgresEnrollments(database).enroll(new_id(), course_id, student.id, now())
    return Caller(instructor.id, instructor.name, instructor.role), course_id


async def _person(accounts: PostgresAccounts, email: str, name: str, role: Role, password_hash: str) -> Account:
    moment = now()
    made = await accounts.create(NewAccount(UserId(new_id()), email, name, role, password_hash, moment, moment))
    if made is not None:
        return made
    found = await accounts.find_by_email(email)
    if found is None:
        raise CannotRun(f"The demo account {email} could not be made.")
    return found[0]


async def _course(courses: PostgresCourses, instructor: Account) -> CourseId:
    page = await courses.list_(CourseFilter(instructor_id=instructor.id), 100, None)
    for course in page.items:
        if course.title == _COURSE.title:
            return course.id
    made = await courses.create(CourseId(new_id()), instructor.id, _COURSE, now())
    await courses.move(made.id, ("draft",), "published", now())
    return made.id


async def _syllabus(syllabus: Syllabus, course_id: CourseId) -> None:
    """What is in the course, unless something is already."""
    if await syllabus.outline(course_id):
        return
    for title, lessons in _SECTIONS:
        section = NewSection(new_id(), course_id, title)
        await syllabus.add_section(section, now())
        for lesson in lessons:
            await syllabus.add_lesson(NewLesson(LessonId(new_id()), section.id, **lesson), now())


def _class_to_come(url: str, token: str, course_id: CourseId) -> None:
    """One class that is live or about to be, so that there is something to join."""
    for status in ("live", "scheduled"):
        earliest = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = site.call(url, "GET", f"/api/live-sessions?courseId={course_id}&status={status}&from={earliest}", token)
        if answer["items"]:
            return
    site.call(
        url,
        "POST",
        "/api/live-sessions",
        token,
        {
            "courseId": course_id,
            "title": "Spring tide, neap tide",
            "startTime": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
            "durationMinutes": 45,
            "maxStudents": _SEATS,
        },
    )
