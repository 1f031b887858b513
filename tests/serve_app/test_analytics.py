import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.arranging import NewLesson, NewSection
from persistence.ids import new_id
from persistence.jobs import enqueue
from persistence.platform_settings import CACHE_SECONDS


async def test_a_course_in_figures(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    section_id, lessons = new_id(), [new_id(), new_id()]
    syllabus = edge.parts.stores.syllabus
    await syllabus.add_section(NewSection(section_id, course_id, "Begin"), edge.parts.clock())
    for lesson_id in lessons:
        await syllabus.add_lesson(NewLesson(lesson_id, section_id, "article", "Read"), edge.parts.clock())
    path = f"/instructor/courses/{course_id}/analytics"
    empty = await teacher.ask("GET", path, 200)
    assert (empty["learners"], empty["averageProgress"], empty["rating"]) == (0, 0.0, {"average": None, "count": 0})
    assert [step["learners"] for step in empty["funnel"]] == [0] * 5

    students = [await edge.person(name=f"Student {number}") for number in range(3)]
    for student in students:
        await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    for lesson_id in lessons:
        await students[0].ask("POST", f"/progress/lesson/{lesson_id}/complete", 200)
    await students[1].ask("POST", f"/progress/lesson/{lessons[0]}/complete", 200)
    await students[2].ask("DELETE", f"/courses/{course_id}/enroll", 204)
    for _ in range(2):  # the same once the changes are added up
        shown = await teacher.ask("GET", f"{path}?days=7", 200)
        assert (shown["learners"], shown["students"], shown["begun"], shown["completed"]) == (3, 2, 2, 1)
        assert (shown["averageProgress"], shown["completionRate"]) == (50.0, 0.3333)
        assert [(step["percent"], step["learners"]) for step in shown["funnel"]] == [
            (0, 3),
            (25, 2),
            (50, 2),
            (75, 1),
            (100, 1),
        ]
        assert [(each["lessonId"], each["completed"], each["dropOff"]) for each in shown["lessons"]] == [
            (lessons[0], 2, 1),
            (lessons[1], 1, 1),
        ]
        assert len(shown["enrollments"]) == 7
        assert shown["enrollments"][-1] | {"day": ""} == {"day": "", "enrolled": 3, "left": 1, "completed": 1}
        assert shown["latest"][0]["type"] == "left"
        while await edge.parts.stores.statistics.add_up():
            pass
    for days in (0, 367, "x"):
        await teacher.ask("GET", f"{path}?days={days}", 422)
    await students[0].ask("GET", path, 403)
    await (await edge.person(Role.INSTRUCTOR, "Otto")).ask("GET", path, 403)
    await (await edge.person(Role.ADMIN)).ask("GET", path, 200)
    assert (await edge.visitor.get(f"/api{path}")).status_code == 401


async def test_who_was_in_class_is_counted(edge: Any) -> None:
    school = await edge.live_class(seats=2, students=2)
    async with edge.parts.stores.database.writing() as connection:
        for number, student in enumerate(school.students):
            attended = text(
                "INSERT INTO course_attendance (user_id, course_id, session_id, seconds, of_seconds, updated_at) "
                "VALUES (:user, :course, :session, :seconds, 100, now())"
            )
            values = {"user": student.id, "course": school.course_id, "session": school.id, "seconds": 40 * number}
            await connection.execute(attended, values)
        over = text(
            "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, "
            "current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, "
            "instructor_name) VALUES (:id, :course, 'High tide', now(), 60, now(), 2, 0, 0, 'ended', 10, true, false, "
            ":teacher, 'Ina')"
        )
        await connection.execute(over, {"id": school.id, "course": school.course_id, "teacher": school.teacher.id})
    shown = await school.teacher.ask("GET", f"/instructor/courses/{school.course_id}/analytics", 200)
    assert [(each["sessionId"], each["attended"], each["averageSeconds"]) for each in shown["liveClasses"]] == [
        (school.id, 1, 40)
    ]


async def test_the_platform_in_figures(edge: Any) -> None:
    admin, teacher = await edge.person(Role.ADMIN, "Ada"), await edge.person(Role.INSTRUCTOR, "Ina")
    before = await admin.ask("GET", "/admin/stats", 200)
    course_id = await edge.course(teacher)
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})
    student = await edge.person()
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    after = await admin.ask("GET", "/admin/stats?days=1", 200)
    assert {name: after["users"][name] - before["users"][name] for name in after["users"]} == {
        "total": 2,
        "student": 1,
        "instructor": 0,
        "admin": 1,
        "banned": 0,
    }
    assert (after["courses"]["published"], after["courses"]["draft"], after["courses"]["total"]) == (1, 1, 2)
    assert (after["enrollments"], after["liveNow"], after["certificates"]) == (1, {"classes": 0, "students": 0}, 0)
    assert after["storage"] == {"files": 0, "bytes": 0}
    assert [(day["registered"], day["enrolled"]) for day in after["days"]] == [(4, 1)]
    for who in (teacher, student):
        await who.ask("GET", "/admin/stats", 403)
        await who.ask("GET", "/admin/settings", 403)
        await who.ask("PUT", "/admin/settings", 403, {})


async def test_settings_take_effect_and_go_on_record(edge: Any) -> None:
    admin, teacher = await edge.person(Role.ADMIN, "Ada"), await edge.person(Role.INSTRUCTOR, "Ina")
    standing = await admin.ask("GET", "/admin/settings", 200)
    assert standing["overridden"] == []
    assert (standing["registrationOpen"], standing["courseReview"]) == (True, True)
    changed = await admin.ask("PUT", "/admin/settings", 200, {"courseReview": False, "registrationOpen": False})
    assert changed == await admin.ask("GET", "/admin/settings", 200)
    assert changed["overridden"] == ["registrationOpen", "courseReview"]

    course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"})
    assert (await teacher.ask("POST", f"/instructor/courses/{course['id']}/submit", 200))["status"] == "published"
    account = {"name": "Sam", "email": "sam@example.org", "password": "a long enough password"}
    refused = await edge.visitor.post("/api/auth/register", json=account)
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "registration_closed")

    given_back = await admin.ask("PUT", "/admin/settings", 200, {"courseReview": None, "registrationOpen": None})
    assert given_back == standing
    assert (await edge.visitor.post("/api/auth/register", json=account)).status_code == 201
    async with edge.parts.stores.database.reading() as connection:
        acts = text("SELECT count(*) FROM audit_log WHERE action = 'settings.change'")
        assert (await connection.execute(acts)).scalar_one() == 2


@pytest.mark.parametrize(
    "body",
    [{"courseReview": "yes"}, {"eventRetentionMonths": 0}, {"eventRetentionMonths": 2**40}, {"registrationOpen": 1}, []],
)
async def test_settings_that_cannot_be_meant_change_nothing(edge: Any, body: Any) -> None:
    admin = await edge.person(Role.ADMIN, "Ada")
    before = await admin.ask("GET", "/admin/settings", 200)
    await admin.ask("PUT", "/admin/settings", 422, body)
    assert await admin.ask("GET", "/admin/settings", 200) == before


async def test_a_replica_that_heard_nothing_follows_soon(edge: Any) -> None:
    store = edge.parts.stores.platform_settings
    assert (await store.current()).course_review is None
    async with edge.parts.stores.database.writing() as connection:
        await connection.execute(
            text("INSERT INTO platform_settings (name, value, updated_at) VALUES ('course_review', 'false', now())")
        )
    async with asyncio.timeout(CACHE_SECONDS + 5):
        while (await store.current()).course_review is None:  # noqa: ASYNC110 - what is waited for is the time itself
            await asyncio.sleep(0.05)


async def test_routines_make_the_months_and_add_up(edge: Any) -> None:
    async with edge.parts.stores.database.writing() as connection:
        for kind in ("events.months", "statistics.add_up"):
            await enqueue(connection, kind, {})
    await edge.run_jobs()
    async with edge.parts.stores.database.reading() as connection:
        months = text("SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhparent WHERE relname = 'events'")
        assert (await connection.execute(months)).scalar_one() == 4
        assert (await connection.execute(text("SELECT count(*) FROM statistic_changes"))).scalar_one() == 0
