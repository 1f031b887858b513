"""Who deletes the account is no student any more; what they wrote stays, under no name."""

import asyncio
import contextlib
from typing import Any

from sqlalchemy import text

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.account_administration import classes_to_leave
from persistence.enrollments import CannotEnroll

GONE = "Deleted account"


async def figures(edge: Any, course_id: str) -> tuple[int, int]:
    """How many students the course's row counts, and how many there are."""
    async with edge.database.reading() as connection:
        counted = text("SELECT student_count FROM courses WHERE id = :id")
        there = text(
            "SELECT count(*) FROM enrollments e JOIN users u ON u.id = e.user_id "
            "WHERE e.course_id = :id AND e.left_at IS NULL AND u.deleted_at IS NULL"
        )
        return tuple([(await connection.execute(each, {"id": course_id})).scalar_one() for each in (counted, there)])


async def test_a_deleted_account_is_listed_and_counted_nowhere(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course_id = await edge.course(teacher)
    staying, leaving = await edge.person(name="Sam"), await edge.person(name="Lea")
    for each in (staying, leaving):
        await each.ask("POST", f"/courses/{course_id}/enroll", 201)
    await leaving.ask("DELETE", "/users/me", 204)
    students = await teacher.ask("GET", f"/instructor/courses/{course_id}/students", 200)
    assert [each["userId"] for each in students["items"]] == [staying.id]
    progress = await teacher.ask("GET", f"/progress/course/{course_id}/students", 200)
    assert [each["userId"] for each in progress["items"]] == [staying.id]
    assert (await teacher.ask("GET", f"/courses/{course_id}", 200))["studentCount"] == 1
    assert await figures(edge, course_id) == (1, 1)


async def test_its_place_in_a_full_course_is_free(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course_id = await edge.course(teacher, maxStudents=1)
    first, second = await edge.person(), await edge.person()
    await first.ask("POST", f"/courses/{course_id}/enroll", 201)
    await second.ask("POST", f"/courses/{course_id}/enroll", 409)
    await first.ask("DELETE", "/users/me", 204)
    await second.ask("POST", f"/courses/{course_id}/enroll", 201)


async def test_counts_stay_exact_whoever_enrols_while_the_account_goes(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    courses = [await edge.course(teacher) for _ in range(4)]
    people = [await edge.person() for _ in range(6)]
    for person in people:
        await person.ask("POST", f"/courses/{courses[0]}/enroll", 201)
        await person.ask("POST", f"/courses/{courses[1]}/enroll", 201)
    now = edge.parts.clock()

    async def enrol(person: Any, course_id: str) -> None:
        # By the store: the request came in before the account went.
        with contextlib.suppress(CannotEnroll):
            await edge.parts.enrollments.enroll(edge.parts.new_id(), course_id, person.id, now)

    await asyncio.gather(
        *(enrol(person, course_id) for person in people for course_id in courses[2:]),
        *(edge.parts.stores.account_administration.delete(person.id, now) for person in people),
        *(enrol(person, course_id) for person in reversed(people) for course_id in reversed(courses)),
    )
    assert [await figures(edge, course_id) for course_id in courses] == [(0, 0)] * 4


async def test_seats_are_still_given_back(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    course_id = await edge.course(teacher)
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    now = edge.parts.clock()
    async with edge.database.writing() as connection:
        await connection.execute(
            text(
                "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, "
                "current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, "
                "instructor_name, started_at) SELECT :id, :course, 'Class', t, 60, t + interval '1 hour', 9, 0, 0, 'live', "
                "10, true, false, :teacher, 'Ina', t FROM (SELECT now() AS t) AS at"
            ),
            {"id": (session_id := edge.parts.new_id()), "course": course_id, "teacher": teacher.id},
        )
    await edge.parts.stores.account_administration.delete(student.id, now)
    to_leave = await classes_to_leave(edge.database, student.id, Moment(now + SECOND))
    assert to_leave == [session_id]


async def test_what_it_wrote_stays_under_no_name(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(name="Lea Stone")
    course_id = await edge.course(teacher)
    section = await teacher.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "One"})
    lesson = {"type": "article", "title": "Tides", "content": "Read."}
    lesson_id = (await teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, lesson))["id"]
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    await student.ask("POST", f"/courses/{course_id}/reviews", 201, {"rating": 4, "text": "Good."})
    question = await student.ask("POST", f"/lessons/{lesson_id}/questions", 201, {"text": "Why?"})
    await student.ask("POST", f"/questions/{question['id']}/answers", 201, {"text": "I see."})
    await student.ask("DELETE", "/users/me", 204)
    (review,) = (await teacher.ask("GET", f"/courses/{course_id}/reviews", 200))["items"]
    (asked,) = (await teacher.ask("GET", f"/lessons/{lesson_id}/questions", 200))["items"]
    (answered,) = (await teacher.ask("GET", f"/questions/{question['id']}/answers", 200))["items"]
    assert [each["author"]["name"] for each in (review, asked, answered)] == [GONE] * 3
    assert [each["text"] for each in (review, asked, answered)] == ["Good.", "Why?", "I see."]
    assert (await teacher.ask("GET", f"/courses/{course_id}", 200))["ratingCount"] == 1
