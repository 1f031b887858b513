import csv
import io
from dataclasses import replace
from datetime import datetime
from typing import Any

import icalendar
import pytest

from classroom.callers import Role
from classroom.times import MINUTE, Moment
from persistence.ids import new_id
from serve_app.opening import system_clock


async def test_an_instructor_schedules_a_class(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    start = edge.soon(hours=1)
    body = edge.schedule(course_id, title="Low tide", startTime=start, durationMinutes=45, maxStudents=30)
    session = await teacher.ask("POST", "/live-sessions", 201, body)

    assert {name: session[name] for name in ("courseId", "lessonId", "title", "durationMinutes", "maxStudents")} == {
        "courseId": course_id,
        "lessonId": None,
        "title": "Low tide",
        "durationMinutes": 45,
        "maxStudents": 30,
    }
    assert (session["status"], session["currentStudents"], session["waitlisted"]) == ("scheduled", 0, 0)
    assert (session["doorsOpenMinutes"], session["waitlistEnabled"]) == (10, True)
    assert session["instructor"] == {"id": teacher.id, "name": "Ina"}
    assert datetime.fromisoformat(session["startTime"]) == datetime.fromisoformat(start)
    minutes = datetime.fromisoformat(session["endsAt"]) - datetime.fromisoformat(start)
    assert minutes.total_seconds() == 45 * 60
    assert await teacher.ask("GET", f"/live-sessions/{session['id']}", 200) == session


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"maxStudents": 0}, "maxStudents"),
        ({"maxStudents": 100_001}, "maxStudents"),
        ({"maxStudents": "many"}, "maxStudents"),
        ({"durationMinutes": -1}, "durationMinutes"),
        ({"durationMinutes": 1_441}, "durationMinutes"),
        ({"doorsOpenMinutes": 1_441}, "doorsOpenMinutes"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\u0000b"}, "title"),
        ({"startTime": "2020-01-01T00:00:00Z"}, "startTime"),
        ({"startTime": "2999-01-01T00:00:00"}, "startTime"),
        ({"startTime": "soon"}, "startTime"),
    ],
)
async def test_what_cannot_be_meant_is_named(edge: Any, words: dict[str, Any], field: str) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course_id = await edge.course(teacher)
    problem = await teacher.ask("POST", "/live-sessions", 422, edge.schedule(course_id, **words))
    assert problem["errorCode"] == "validation_failed"
    assert [wrong["field"] for wrong in problem["details"]["fields"]] == [field]


async def test_a_start_a_moment_ago_is_a_slow_click(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course_id = await edge.course(teacher)
    await teacher.ask("POST", "/live-sessions", 201, edge.schedule(course_id, startTime=edge.soon(seconds=-20)))


async def test_only_the_owner_of_the_course_schedules_in_it(edge: Any) -> None:
    teacher, other = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(Role.INSTRUCTOR)
    student, admin = await edge.person(), await edge.person(Role.ADMIN)
    course_id = await edge.course(teacher)
    body = edge.schedule(course_id)

    assert (await other.ask("POST", "/live-sessions", 403, body))["errorCode"] == "forbidden"
    assert (await student.ask("POST", "/live-sessions", 403, body))["errorCode"] == "forbidden"
    assert (await teacher.ask("POST", "/live-sessions", 404, edge.schedule(new_id())))["errorCode"] == "not_found"
    assert (await admin.ask("POST", "/live-sessions", 201, body))["instructor"]["name"] == "Ina"
    assert (await edge.visitor.post("/api/live-sessions", json=body)).status_code == 401


async def test_a_class_scheduled_under_a_key_is_one_class(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    body = edge.schedule(await edge.course(teacher))
    first = await teacher.ask("POST", "/live-sessions", 201, body, Idempotency_Key="k")
    assert await teacher.ask("POST", "/live-sessions", 201, body, Idempotency_Key="k") == first
    assert len((await teacher.ask("GET", "/live-sessions", 200))["items"]) == 1
    assert (await teacher.ask("POST", "/live-sessions", 409, {**body, "title": "Other"}, Idempotency_Key="k"))[
        "errorCode"
    ] == "idempotency_key_reused"


async def test_lists_hold_what_the_caller_may_see_by_start(edge: Any) -> None:
    lesson = await edge.live_class(students=1, start=False, startTime=edge.soon(minutes=30))
    student, teacher = lesson.students[0], lesson.teacher
    later = await teacher.ask(
        "POST", "/live-sessions", 201, edge.schedule(lesson.course_id, startTime=edge.soon(minutes=50))
    )
    elsewhere = await edge.live_class()

    async def ids(who: Any, query: str = "") -> list[str]:
        return [item["id"] for item in (await who.ask("GET", f"/live-sessions{query}", 200))["items"]]

    assert await ids(student) == await ids(teacher) == [lesson.id, later["id"]]
    assert await ids(elsewhere.teacher) == [elsewhere.id]
    assert set(await ids(await edge.person(Role.ADMIN))) == {lesson.id, later["id"], elsewhere.id}
    assert await ids(await edge.person()) == []
    assert await ids(student, f"?from={edge.soon(minutes=40)}") == [later["id"]]
    assert await ids(student, f"?to={edge.soon(minutes=40)}") == [lesson.id]
    assert await ids(student, "?status=live") == []
    assert await ids(student, f"?courseId={lesson.course_id}") == [lesson.id, later["id"]]

    page = await student.ask("GET", "/live-sessions?limit=1", 200)
    assert [item["id"] for item in page["items"]] == [lesson.id]
    rest = await student.ask("GET", f"/live-sessions?limit=1&cursor={page['nextCursor']}", 200)
    assert ([item["id"] for item in rest["items"]], rest["nextCursor"]) == ([later["id"]], None)

    other = f"?courseId={elsewhere.course_id}"
    assert (await student.ask("GET", f"/live-sessions{other}", 403))["errorCode"] == "not_enrolled"
    assert (await teacher.ask("GET", f"/live-sessions{other}", 403))["errorCode"] == "forbidden"
    await student.ask("GET", f"/live-sessions?courseId={new_id()}", 404)
    for bad in ("?limit=0", "?limit=101", "?cursor=x", "?status=over", "?from=yesterday"):
        await student.ask("GET", f"/live-sessions{bad}", 422)


async def test_who_has_nothing_to_do_with_a_class_does_not_see_it(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    assert (await lesson.students[0].ask("GET", lesson.path, 200))["id"] == lesson.id
    assert (await (await edge.person()).ask("GET", lesson.path, 403))["errorCode"] == "not_enrolled"
    assert (await (await edge.person(Role.INSTRUCTOR)).ask("GET", lesson.path, 403))["errorCode"] == "forbidden"
    assert (await (await edge.person(Role.ADMIN)).ask("GET", lesson.path, 200))["id"] == lesson.id
    assert (await lesson.teacher.ask("GET", f"/live-sessions/{new_id()}", 404))["errorCode"] == "not_found"
    assert (await lesson.teacher.ask("GET", "/live-sessions/nonsense", 404))["errorCode"] == "not_found"


async def test_start_and_end_repeat_their_answers_and_know_their_order(edge: Any) -> None:
    lesson = await edge.live_class(start=False)
    teacher = lesson.teacher
    assert (await teacher.ask("POST", f"{lesson.path}/end", 409))["errorCode"] == "not_live"
    started = await teacher.ask("POST", f"{lesson.path}/start", 200)
    assert started["status"] == "live"
    assert await teacher.ask("POST", f"{lesson.path}/start", 200) == started
    assert (await teacher.ask("DELETE", lesson.path, 409))["errorCode"] == "already_live"
    ended = await teacher.ask("POST", f"{lesson.path}/end", 200)
    assert ended["status"] == "ended"
    assert await teacher.ask("POST", f"{lesson.path}/end", 200) == ended
    assert (await teacher.ask("POST", f"{lesson.path}/start", 409))["errorCode"] == "class_ended"


@pytest.mark.parametrize("action", ["start", "end"])
async def test_somebody_elses_class_is_not_started_or_ended(edge: Any, action: str) -> None:
    lesson = await edge.live_class(students=1, start=action == "end")
    path = f"{lesson.path}/{action}"
    assert (await (await edge.person(Role.INSTRUCTOR)).ask("POST", path, 403))["errorCode"] == "forbidden"
    assert (await lesson.students[0].ask("POST", path, 403))["errorCode"] == "forbidden"
    await lesson.teacher.ask("POST", f"/live-sessions/{new_id()}/{action}", 404)
    await (await edge.person(Role.ADMIN)).ask("POST", path, 200)


async def test_a_class_is_cancelled_before_it_starts(edge: Any) -> None:
    lesson = await edge.live_class(students=1, start=False)
    assert (await lesson.students[0].ask("DELETE", lesson.path, 403))["errorCode"] == "forbidden"
    assert await lesson.teacher.ask("DELETE", lesson.path, 204) is None
    assert await lesson.teacher.ask("DELETE", lesson.path, 204) is None
    assert (await lesson.teacher.ask("GET", lesson.path, 200))["status"] == "cancelled"
    assert (await lesson.students[0].ask("POST", f"{lesson.path}/join", 410))["errorCode"] == "class_cancelled"


async def test_more_seats_while_live_promote_and_fewer_evict_nobody(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=3)
    for student, status in zip(lesson.students, (200, 202, 202), strict=True):
        await student.ask("POST", f"{lesson.path}/join", status)

    more = await lesson.teacher.ask("PATCH", lesson.path, 200, {"maxStudents": 2})
    assert (more["maxStudents"], more["currentStudents"], more["waitlisted"]) == (2, 2, 1)
    fewer = await lesson.teacher.ask("PATCH", lesson.path, 200, {"maxStudents": 1, "title": "Spring tide"})
    assert (fewer["maxStudents"], fewer["currentStudents"], fewer["title"]) == (1, 2, "Spring tide")
    assert (await lesson.teacher.ask("PATCH", lesson.path, 422, {"maxStudents": 0}))["errorCode"] == "validation_failed"
    past = {"startTime": "2020-01-01T00:00:00Z"}
    assert (await lesson.teacher.ask("PATCH", lesson.path, 422, past))["details"]["fields"][0]["field"] == "startTime"
    other = await edge.person(Role.INSTRUCTOR)
    await other.ask("PATCH", lesson.path, 403, {"maxStudents": 3})


async def test_a_change_repeated_after_the_start_is_answered_alike(edge: Any) -> None:
    lesson = await edge.live_class()
    before = await lesson.teacher.ask("GET", lesson.path, 200)
    said = {"title": "Spring tide", "startTime": before["startTime"], "durationMinutes": 60}
    changed = await lesson.teacher.ask("PATCH", lesson.path, 200, said)
    assert changed["title"] == "Spring tide"
    edge.app.state.parts = replace(edge.parts, clock=lambda: Moment(system_clock() + 30 * MINUTE))
    assert await lesson.teacher.ask("PATCH", lesson.path, 200, said) == changed


async def test_attendance_tells_who_was_there_and_for_how_long(edge: Any) -> None:
    lesson = await edge.live_class(seats=2, students=3)
    left, present, _absent = lesson.students
    await left.ask("POST", f"{lesson.path}/join", 200)
    await left.ask("POST", f"{lesson.path}/leave", 204)
    await present.ask("POST", f"{lesson.path}/join", 200)

    rows = (await lesson.teacher.ask("GET", f"{lesson.path}/attendance", 200))["items"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("Student 0", "left"),
        ("Student 1", "present"),
        ("Student 2", "absent"),
    ]
    assert rows[0]["email"] == left.email
    assert [stay["reason"] for stay in rows[0]["intervals"]] == ["left"]
    assert rows[0]["firstJoinedAt"] == rows[0]["intervals"][0]["joinedAt"]
    assert rows[0]["lastLeftAt"] == rows[0]["intervals"][0]["leftAt"]
    assert rows[1]["intervals"][0]["leftAt"] is None
    assert (rows[2]["firstJoinedAt"], rows[2]["secondsPresent"], rows[2]["intervals"]) == (None, 0, [])

    page = await lesson.teacher.ask("GET", f"{lesson.path}/attendance?limit=2", 200)
    rest = await lesson.teacher.ask("GET", f"{lesson.path}/attendance?limit=2&cursor={page['nextCursor']}", 200)
    assert [row["name"] for row in page["items"] + rest["items"]] == ["Student 0", "Student 1", "Student 2"]
    assert rest["nextCursor"] is None


async def test_pages_of_attendance_repeat_and_leave_out_nobody_when_somebody_enrols(edge: Any) -> None:
    lesson, last = await edge.live_class(students=4), "\N{SNOWMAN}" * 200

    async def page_after(cursor: str | None) -> tuple[list[str], str | None]:
        after = f"&cursor={cursor}" if cursor is not None else ""
        page = await lesson.teacher.ask("GET", f"{lesson.path}/attendance?limit=2{after}", 200)
        for name in ("Aaron", last):
            late = await edge.person(name=name)
            await late.ask("POST", f"/courses/{lesson.course_id}/enroll", 201)
        return [row["name"] for row in page["items"]], page["nextCursor"]

    names, cursor = await page_after(None)
    assert names == ["Student 0", "Student 1"]
    names, cursor = await page_after(cursor)
    assert names == ["Student 2", "Student 3"]
    names, cursor = await page_after(cursor)
    assert (names, cursor) == ([last, last], None)


@pytest.mark.parametrize(("query", "accept"), [("?format=csv", "*/*"), ("", "text/csv")])
async def test_attendance_is_a_table_when_asked_for(edge: Any, query: str, accept: str) -> None:
    lesson = await edge.live_class(students=1)
    await lesson.students[0].ask("POST", f"{lesson.path}/join", 200)
    response = await lesson.teacher.client.get(f"/api{lesson.path}/attendance{query}", headers={"Accept": accept})

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(response.text)))
    assert [(row["name"], row["status"]) for row in table] == [("Student 0", "present")]


async def test_attendance_and_timeline_are_the_owners(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    for path in ("attendance", "timeline"):
        assert (await lesson.students[0].ask("GET", f"{lesson.path}/{path}", 403))["errorCode"] == "forbidden"
        await (await edge.person(Role.INSTRUCTOR)).ask("GET", f"{lesson.path}/{path}", 403)
        await (await edge.person(Role.ADMIN)).ask("GET", f"{lesson.path}/{path}", 200)
        await lesson.teacher.ask("GET", f"/live-sessions/{new_id()}/{path}", 404)


async def test_the_timeline_tells_everything_in_order(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    await lesson.students[0].ask("POST", f"{lesson.path}/join", 200)
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    timeline = f"{lesson.path}/timeline"

    whole = await lesson.teacher.ask("GET", timeline, 200)
    kinds = [event["type"] for event in whole["items"]]
    assert kinds[:3] == ["session.scheduled", "session.started", "seat.taken"]
    assert "session.ended" in kinds
    assert [event["offset"] for event in whole["items"]] == list(range(1, len(kinds) + 1))
    assert whole["items"][2]["data"]["userId"] == lesson.students[0].id
    assert whole["nextCursor"] is None

    later = await lesson.teacher.ask("GET", f"{timeline}?after=2&limit=1", 200)
    assert later["items"] == [whole["items"][2]]
    more = await lesson.teacher.ask("GET", f"{timeline}?cursor={later['nextCursor']}", 200)
    assert more["items"] == whole["items"][3:]
    await lesson.teacher.ask("GET", f"{timeline}?after=-1", 422)


async def test_a_class_goes_into_a_calendar(edge: Any) -> None:
    lesson = await edge.live_class(students=1, start=False, title="Ebb, flow; and \\ more")
    response = await lesson.students[0].client.get(f"/api{lesson.path}/calendar.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    event = next(iter(icalendar.Calendar.from_ical(response.text).walk("VEVENT")))
    session = await lesson.students[0].ask("GET", lesson.path, 200)
    start = datetime.fromisoformat(session["startTime"]).replace(microsecond=0)
    assert event["SUMMARY"] == "Ebb, flow; and \\ more"
    assert event.decoded("DTSTART") == start
    assert (event.decoded("DTEND") - start).total_seconds() == 3_600
    assert event["UID"] == f"{lesson.id}@lyceum"
    assert (await (await edge.person()).ask("GET", f"{lesson.path}/calendar.ics", 403))["errorCode"] == "not_enrolled"


async def test_the_class_can_be_away_and_says_so(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    edge.tables.away = True
    response = await lesson.students[0].client.get(f"/api{lesson.path}")
    assert (response.status_code, response.json()["errorCode"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "1"
    assert response.json()["details"] == {"retry": True}
    edge.tables.away = False
    await lesson.students[0].ask("GET", lesson.path, 200)
