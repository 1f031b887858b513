"""A certificate is issued by itself as soon as the last thing that was missing comes true, whatever that was, and once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.ids import new_id
from persistence.jobs import enqueue
from tests.serve_app.test_certificates import Course, make_course


async def set_lessons(course: Course, required: bool) -> None:
    for lesson in course.lessons:
        await course.teacher.ask("PATCH", f"/lessons/{lesson}", 200, {"isRequired": required})


async def revise(course: Course, **changes: Any) -> None:
    await course.teacher.ask("PATCH", f"/instructor/courses/{course.id}", 200, changes)


async def attend(course: Course, minutes: int = 60) -> None:
    """Hold a class of an hour, in which the student is for so long."""
    session_id = new_id()
    await course.sql(
        "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, "
        "current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, "
        "instructor_name, started_at, ended_at) SELECT :id, :course, 'Class', t, 60, t + interval '1 hour', 9, 0, 0, "
        "'ended', 10, true, false, :teacher, 'Ina', t, t + interval '1 hour' FROM (SELECT now() AS t) AS at",
        id=session_id, course=course.id, teacher=course.teacher.id,
    )  # fmt: skip
    await course.sql(
        "INSERT INTO attendance_intervals SELECT id, :user, 1, started_at, started_at + make_interval(mins => :minutes), "
        "'left' FROM live_sessions WHERE id = :id",
        id=session_id, user=course.student.id, minutes=minutes,
    )  # fmt: skip
    for _ in range(2):
        async with course.edge.database.writing() as connection:
            await enqueue(connection, "class.attended", {"sessionId": session_id})
        await course.edge.run_jobs()


async def only_attendance(course: Course) -> None:
    await set_lessons(course, required=False)
    await revise(course, certificateAttendancePercent=50)
    await course.edge.run_jobs()
    await attend(course, minutes=20)


async def attends_last(course: Course) -> None:
    await attend(course)


async def lessons_done(course: Course) -> None:
    await revise(course, certificateAttendancePercent=50)
    await course.finish()


async def attended_too_little(course: Course) -> None:
    await lessons_done(course)
    await attend(course, minutes=20)


async def less_is_asked(course: Course) -> None:
    await revise(course, certificateAttendancePercent=30)


async def none_given(course: Course) -> None:
    await revise(course, givesCertificate=False)
    await course.finish()


async def now_given(course: Course) -> None:
    await revise(course, givesCertificate=True)


async def attended_with_a_lesson_left(course: Course) -> None:
    await revise(course, certificateAttendancePercent=50)
    await set_lessons(course, required=False)
    await course.teacher.ask("PATCH", f"/lessons/{course.lessons[0]}", 200, {"isRequired": True})
    await attend(course)


async def the_lesson_goes(course: Course) -> None:
    await course.teacher.ask("DELETE", f"/lessons/{course.lessons[0]}", 204)


async def left_with_a_lesson_open(course: Course) -> None:
    await course.student.ask("POST", f"/progress/lesson/{course.lessons[0]}/complete", 200)
    await course.sql("UPDATE enrollments SET left_at = now() WHERE course_id = :id", id=course.id)
    await course.sql("UPDATE courses SET student_count = 0 WHERE id = :id", id=course.id)
    await course.teacher.ask("DELETE", f"/lessons/{course.lessons[1]}", 204)
    await course.edge.run_jobs()


async def comes_again(course: Course) -> None:
    await course.student.ask("POST", f"/courses/{course.id}/enroll", 201)


async def done_while_deleted(course: Course) -> None:
    await course.finish()
    await course.sql("UPDATE courses SET deleted_at = now() WHERE id = :id", id=course.id)
    await course.edge.run_jobs()


async def restored(course: Course) -> None:
    admin = await course.edge.person(Role.ADMIN)
    await admin.ask("POST", f"/admin/courses/{course.id}/restore", 200)


Step = Callable[[Course], Awaitable[None]]


@pytest.mark.parametrize(
    ("before", "last"),
    [
        (only_attendance, attends_last),
        (lessons_done, attends_last),
        (attended_too_little, less_is_asked),
        (none_given, now_given),
        (attended_with_a_lesson_left, the_lesson_goes),
        (left_with_a_lesson_open, comes_again),
        (done_while_deleted, restored),
    ],
)
async def test_the_last_condition_issues_it_once(edge: Any, before: Step, last: Step) -> None:
    course = await make_course(edge)
    await before(course)
    await edge.run_jobs()
    issued = text("SELECT count(*) FROM certificates WHERE course_id = :id")
    async with edge.database.reading() as connection:
        assert (await connection.execute(issued, {"id": course.id})).scalar_one() == 0
    await last(course)
    await edge.run_jobs()
    await course.student.ask("GET", f"/courses/{course.id}/certificate", 200)
    told = (await course.student.ask("GET", "/notifications", 200))["items"]
    assert [notice["kind"] for notice in told].count("certificate") == 1


async def test_a_sweep_goes_through_everybody_in_steps(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.earning.STUDENTS_AT_ONCE", 2)
    course = await make_course(edge)
    people = [course.student, *[await edge.person() for _ in range(4)]]
    await revise(course, givesCertificate=False)
    for person in people[1:]:
        await person.ask("POST", f"/courses/{course.id}/enroll", 201)
    for person in people[:4]:
        await course.finish(person)
    await edge.run_jobs()
    await now_given(course)
    await edge.run_jobs()
    for person, expected in zip(people, (200, 200, 200, 200, 404), strict=True):
        await person.ask("GET", f"/courses/{course.id}/certificate", expected)
