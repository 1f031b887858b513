import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from classroom.times import Moment, from_datetime, to_datetime
from persistence.ids import new_id
from persistence.jobs import enqueue
from persistence.reminders import Reminders

# The night in which the clocks of Berlin go back: the class begins in the hour that comes twice, the second time.
START = datetime(2035, 10, 28, 1, 30, tzinfo=UTC)


def before(**delta: float) -> Moment:
    return from_datetime(START - timedelta(**delta))


@dataclass
class Scene:
    """A class that is scheduled, and students of its course."""

    edge: Any
    id: str
    course_id: str
    students: list[Any]

    async def change(self, **columns: Any) -> None:
        """Change the class, as its grain would."""
        said = ", ".join(f"{name} = :{name}" for name in columns)
        async with self.edge.database.writing() as connection:
            await connection.execute(
                text(f"UPDATE live_sessions SET {said} WHERE id = CAST(:id AS uuid)"),  # noqa: S608 - our columns
                {"id": self.id, **columns},
            )

    async def join(self, at: Moment, timezone: str = "UTC") -> Any:
        """Another student, who enrols at that moment."""
        person = await self.edge.person(name=f"Student {len(self.students)}")
        await self.edge.parts.enrollments.enroll(new_id(), self.course_id, person.id, at)
        async with self.edge.database.writing() as connection:
            change = text("UPDATE users SET timezone = :zone WHERE id = CAST(:id AS uuid)")
            await connection.execute(change, {"zone": timezone, "id": person.id})
        self.students.append(person)
        return person

    async def sweep(self, now: Moment) -> None:
        """What the worker does each minute, and all that comes of it."""
        async with self.edge.database.writing() as connection:
            await enqueue(connection, "reminder.sweep", {}, key="routine")
        await self.edge.run_jobs(now)
        assert await self.edge.dead_jobs() == []

    async def told(self, student: Any) -> list[tuple[str, str]]:
        """Which reminders the student has, and what they say."""
        items = (await student.ask("GET", "/notifications?limit=100", 200))["items"]
        return [(item["data"]["lead"], item["body"]) for item in reversed(items)]

    def mailed(self, student: Any) -> list[str]:
        """The subjects of the student's mails."""
        return [mail.subject for mail in self.edge.mails if mail.to == student.email]


@pytest.fixture
async def scene(edge: Any) -> Scene:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id, session_id = await edge.course(teacher), new_id()
    async with edge.database.writing() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students,
                    current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id,
                    instructor_name, created_at)
                VALUES (CAST(:id AS uuid), CAST(:course_id AS uuid), 'High tide', :at, 60, :at, 10, 0, 0, 'scheduled', 10,
                    true, false, CAST(:teacher AS uuid), 'Ina', :at)
                """
            ),
            {"id": session_id, "course_id": course_id, "at": START, "teacher": teacher.id},
        )
    scene = Scene(edge, session_id, course_id, [])
    await scene.join(before(days=9), "Europe/Berlin")
    await scene.join(before(days=9), "America/New_York")
    return scene


async def test_each_student_is_reminded_a_day_and_a_quarter_before_once_by_their_own_clock(edge: Any, scene: Scene) -> None:
    berlin, york = scene.students
    for minutes in (3_000, 1_441, 1_440, 1_439, 900, 16, 15, 14, 1, 0, -1, -60):
        for _ in range(2):
            await scene.sweep(before(minutes=minutes))
        assert len(await scene.told(berlin)) == (0 if minutes > 1_440 else 1 if minutes > 15 else 2)
    in_berlin = "The class begins on Sunday 28 October 2035, 02:30 CET (Europe/Berlin)."
    in_york = "The class begins on Saturday 27 October 2035, 21:30 EDT (America/New_York)."
    assert await scene.told(berlin) == [("24h", in_berlin), ("15m", in_berlin)]
    assert await scene.told(york) == [("24h", in_york), ("15m", in_york)]
    for student, words in ((berlin, in_berlin), (york, in_york)):
        assert scene.mailed(student) == ["Your class is coming up: High tide", "Your class begins soon: High tide"]
        assert all(words in mail.text for mail in edge.mails if mail.to == student.email)
        events = [json.loads(entry.payload) for entry in edge.tables.inbox_events[student.id]]
        assert [event["body"] for event in events] == [words, words]


async def test_who_enrols_late_is_reminded_once_of_what_is_due_then(edge: Any, scene: Scene) -> None:
    await scene.sweep(before(hours=20))
    late = await scene.join(before(hours=10))
    await scene.sweep(before(hours=9, minutes=59))
    assert [lead for lead, _ in await scene.told(late)] == ["24h"]
    later = await scene.join(before(minutes=10))
    for minutes in (9, 8, 7):
        await scene.sweep(before(minutes=minutes))
    assert [lead for lead, _ in await scene.told(later)] == ["15m"]
    assert [lead for lead, _ in await scene.told(late)] == ["24h", "15m"]
    assert [lead for lead, _ in await scene.told(scene.students[0])] == ["24h", "15m"]
    latest = await scene.join(before(seconds=0))
    await scene.sweep(before(seconds=0))
    assert await scene.told(latest) == []


async def test_who_leaves_is_not_reminded_and_who_comes_back_not_twice(edge: Any, scene: Scene) -> None:
    student = scene.students[0]
    await edge.parts.enrollments.leave(scene.course_id, student.id, before(days=2))
    await scene.sweep(before(hours=23))
    assert await scene.told(student) == []
    for hours in (22, 21):
        await edge.parts.enrollments.enroll(new_id(), scene.course_id, student.id, before(hours=hours))
        await scene.sweep(before(hours=hours, minutes=-1))
        await edge.parts.enrollments.leave(scene.course_id, student.id, before(hours=hours, minutes=-2))
    assert [lead for lead, _ in await scene.told(student)] == ["24h"]


@pytest.mark.parametrize("status", ["cancelled", "live", "ended"])
async def test_a_class_that_is_off_or_has_begun_reminds_nobody(edge: Any, scene: Scene, status: str) -> None:
    await scene.change(status=status)
    for minutes in (1_000, 10):
        await scene.sweep(before(minutes=minutes))
    assert await scene.told(scene.students[0]) == []
    assert edge.mails == []


async def test_a_class_that_is_moved_reminds_anew_of_its_new_time(edge: Any, scene: Scene) -> None:
    student = scene.students[1]
    await scene.sweep(before(hours=23))
    await scene.change(starts_at=START + timedelta(days=2))
    await scene.sweep(before(minutes=10))
    assert len(await scene.told(student)) == 1
    await scene.sweep(before(days=-2, minutes=10))
    assert await scene.told(student) == [
        ("24h", "The class begins on Saturday 27 October 2035, 21:30 EDT (America/New_York)."),
        ("15m", "The class begins on Monday 29 October 2035, 21:30 EDT (America/New_York)."),
    ]


async def test_a_reminder_that_was_true_when_it_was_made_is_not_sent_when_it_is_not(edge: Any, scene: Scene) -> None:
    edge.mail_refusals = 2
    await scene.sweep(before(hours=23))
    await scene.change(status="cancelled")
    await edge.run_jobs(before(hours=22))
    assert edge.mails == []
    admin = await edge.person(Role.ADMIN)
    skipped = (await admin.ask("GET", "/notifications/log?status=skipped", 200))["items"]
    assert {line["reason"] for line in skipped} == {"the class has begun, was moved or cancelled"}
    assert {line["channel"] for line in skipped} == {"mail"}


async def test_two_workers_sweep_at_once_and_tell_once(edge: Any, scene: Scene) -> None:
    reminders, now = Reminders(edge.database), before(minutes=12)
    (due,) = await reminders.list_due(now)
    told = await asyncio.gather(*(reminders.remind(due, now) for _ in range(5)))
    assert sum(told) == 2
    assert len(await scene.told(scene.students[0])) == 1
    await reminders.tidy(from_datetime(to_datetime(now) + timedelta(days=5)))
    assert await reminders.list_due(before(days=-5)) == []
