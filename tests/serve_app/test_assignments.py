import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.arranging import NewSection
from persistence.ids import new_id
from tests.serve_app.edges import Edge, Person


async def school(edge: Edge, **words: Any) -> tuple[Person, Person, dict[str, Any]]:
    """Who teaches, who is enrolled, and an assignment."""
    teacher, student = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person()
    course_id, section_id = await edge.course(teacher), new_id()
    await edge.parts.stores.syllabus.add_section(NewSection(section_id, course_id, "Begin"), edge.parts.clock())
    body = {"title": "Tide table", "instructions": "Draw one.", "maxPoints": 10, **words}
    made = await teacher.ask("POST", f"/sections/{section_id}/assignments", 201, body)
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return teacher, student, made


async def test_work_is_handed_in_graded_and_told(edge: Any) -> None:
    teacher, student, task = await school(edge)
    path = f"/assignments/{task['id']}"
    assert (task["passPoints"], task["submission"], task["dueAt"]) == (5, None, None)
    lesson = await edge.parts.stores.syllabus.find_lesson(task["lessonId"])
    assert (lesson.type, lesson.title) == ("assignment", "Tide table")

    first = await student.ask("POST", f"{path}/submissions", 201, {"text": "Here."})
    second = await student.ask("POST", f"{path}/submissions", 201, {"text": "Better."})
    assert (first["id"], first["revision"], second["revision"], second["text"]) == (second["id"], 1, 2, "Better.")
    assert (second["status"], second["late"], second["points"]) == ("submitted", False, None)
    assert (await student.ask("GET", path, 200))["submission"] == second
    assert (await student.ask("GET", f"{path}/submissions", 200))["items"] == [second]
    assert (await teacher.ask("GET", f"{path}/submissions", 200))["items"] == [second]

    stale = await teacher.ask("PATCH", f"/submissions/{second['id']}", 409, {"points": 9, "revision": 1})
    assert (stale["errorCode"], stale["details"]["revision"]) == ("submission_replaced", 2)
    await teacher.ask("PATCH", f"/submissions/{second['id']}", 422, {"points": 11})
    grade = {"points": 4, "feedback": "Where is the Moon?", "revision": 2}
    graded = await teacher.ask("PATCH", f"/submissions/{second['id']}", 200, grade)
    assert (graded["status"], graded["passed"], graded["feedback"]) == ("graded", False, "Where is the Moon?")
    refused = await student.ask("POST", f"{path}/submissions", 409, {"text": "Best."})
    assert refused["errorCode"] == "already_graded"
    again = await teacher.ask("PATCH", f"/submissions/{second['id']}", 200, {"points": 10})
    assert (again["passed"], again["text"]) == (True, "Better.")
    assert await student.ask("GET", f"/submissions/{second['id']}", 200) == again
    progress = await student.ask("GET", f"/progress/course/{task['courseId']}", 200)
    assert progress["percent"] == 100
    await edge.run_jobs()
    assert not await edge.dead_jobs()
    told = (await student.ask("GET", "/notifications", 200))["items"]
    assert "grade" in [each["kind"] for each in told]


async def test_only_own_files_that_are_ready_and_allowed_are_handed_in(edge: Any) -> None:
    _, student, task = await school(edge, allowedTypes=["application/pdf"])
    other = await edge.person()
    words = [
        (student.id, "submission", "ready", "application/pdf"),
        (other.id, "submission", "ready", "application/pdf"),
        (student.id, "lesson", "ready", "application/pdf"),
        (student.id, "submission", "checking", "application/pdf"),
        (student.id, "submission", "ready", "image/png"),
    ]
    files = [await file(edge, task["courseId"], *each) for each in words]
    path = f"/assignments/{task['id']}/submissions"
    refused = await student.ask("POST", path, 422, {"mediaIds": files})
    assert [each["field"] for each in refused["details"]["fields"]] == [f"mediaIds.{place}" for place in (1, 2, 3, 4)]
    sent = await student.ask("POST", path, 201, {"mediaIds": [files[0], files[0].upper()]})
    assert sent["mediaIds"] == [files[0]]


async def file(edge: Edge, course_id: str, owner_id: str, purpose: str, status: str, content_type: str) -> str:
    """A file as the table has it."""
    async with edge.parts.stores.database.writing() as connection:
        values = {"id": new_id(), "course_id": course_id, "owner_id": owner_id, "type": content_type}
        made = text(
            "INSERT INTO media (id, purpose, course_id, owner_id, filename, content_type, size_bytes, status, object_key, "
            "sha256, created_at, expires_at) VALUES (:id, :purpose, :course_id, :owner_id, 'a', :type, 1, :status, 'k', "
            "'', now(), now())"
        )
        await connection.execute(made, {**values, "purpose": purpose, "status": status})
        return values["id"]


async def test_two_at_once_make_one_submission(edge: Any) -> None:
    teacher, student, task = await school(edge)
    path = f"/assignments/{task['id']}/submissions"
    sent = await asyncio.gather(*(student.ask("POST", path, 201, {"text": f"{number}"}) for number in range(4)))
    assert sorted(each["revision"] for each in sent) == [1, 2, 3, 4]
    assert len((await teacher.ask("GET", path, 200))["items"]) == 1


async def test_late_work_is_taken_and_marked(edge: Any) -> None:
    teacher, student, task = await school(edge, dueAt=edge.soon(hours=-1))
    path = f"/assignments/{task['id']}"
    assert (await student.ask("POST", f"{path}/submissions", 201, {"text": "Sorry."}))["late"] is True
    assert (await teacher.ask("PATCH", path, 200, {"dueAt": None, "title": "Map"}))["title"] == "Map"
    assert (await student.ask("POST", f"{path}/submissions", 201, {"text": "Sorry."}))["late"] is False


async def test_pages_of_work_neither_repeat_nor_skip(edge: Any) -> None:
    teacher, student, task = await school(edge)
    path = f"/assignments/{task['id']}/submissions"
    for number in range(3):
        person = student if number == 0 else await edge.person(name=f"Student {number}")
        await person.ask("POST", f"/courses/{task['courseId']}/enroll", 201 if number else 200)
        await person.ask("POST", path, 201, {"text": f"{number}"})
    seen, cursor = [], ""
    for _ in range(2):
        page = await teacher.ask("GET", f"{path}?limit=2{cursor}", 200)
        seen += [each["text"] for each in page["items"]]
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == ["2", "1", "0"]
    assert page["nextCursor"] is None


async def test_who_may_do_what(edge: Any) -> None:
    teacher, student, task = await school(edge)
    path = f"/assignments/{task['id']}"
    sent = await student.ask("POST", f"{path}/submissions", 201, {"text": "Here."})
    other, stranger = await edge.person(Role.INSTRUCTOR, "Otto"), await edge.person()
    assert (await edge.visitor.get(f"/api{path}")).status_code == 401
    for who in (other, stranger):
        await who.ask("GET", path, 403)
        await who.ask("GET", f"{path}/submissions", 403)
        await who.ask("GET", f"/submissions/{sent['id']}", 403)
        await who.ask("PATCH", f"/submissions/{sent['id']}", 403, {"points": 1})
        await who.ask("PATCH", path, 403, {"title": "Mine"})
        await who.ask("DELETE", path, 403)
    refused = await stranger.ask("POST", f"{path}/submissions", 403, {"text": "Hello"})
    assert refused["errorCode"] == "not_enrolled"
    await student.ask("PATCH", f"/submissions/{sent['id']}", 403, {"points": 10})
    await teacher.ask("POST", f"{path}/submissions", 403, {"text": "Hello"})
    await teacher.ask("DELETE", path, 204)
    await student.ask("GET", path, 404)
    await student.ask("POST", f"{path}/submissions", 404, {"text": "Hello"})
    await student.ask("GET", f"/submissions/{sent['id']}", 404)


@pytest.mark.parametrize(
    "work", [{}, {"text": ""}, {"text": "a\x00"}, {"mediaIds": ["x"]}, {"mediaIds": [new_id()]}, {"text": 1}]
)
async def test_work_that_is_none_changes_nothing(edge: Any, work: Any) -> None:
    _, student, task = await school(edge)
    await student.ask("POST", f"/assignments/{task['id']}/submissions", 422, work)
    assert (await student.ask("GET", f"/assignments/{task['id']}/submissions", 200))["items"] == []


@pytest.mark.parametrize(
    "words",
    [
        {"instructions": " "},
        {"passPoints": 11},
        {"maxPoints": 0},
        {"maxPoints": 2**40},
        {"dueAt": "tomorrow"},
        {"dueAt": "0001-01-01T00:00:00+14:00"},
        {"allowedTypes": ["everything"]},
        {"position": -1},
    ],
)
async def test_an_assignment_that_cannot_be_meant_is_refused(edge: Any, words: Any) -> None:
    teacher, section_id = await edge.person(Role.INSTRUCTOR, "Ina"), new_id()
    course_id = await edge.course(teacher)
    await edge.parts.stores.syllabus.add_section(NewSection(section_id, course_id, "Begin"), edge.parts.clock())
    body = {"title": "Tide table", "instructions": "Draw one.", "maxPoints": 10, **words}
    await teacher.ask("POST", f"/sections/{section_id}/assignments", 422, body)
    await teacher.ask("POST", f"/sections/{new_id()}/assignments", 404, {"title": "T", "instructions": "x"})
    assert [each.lessons for each in await edge.parts.stores.syllabus.outline(course_id)] == [()]


async def test_less_to_be_had_than_is_needed_is_refused(edge: Any) -> None:
    teacher, _, task = await school(edge)
    refused = await teacher.ask("PATCH", f"/assignments/{task['id']}", 422, {"maxPoints": 4})
    assert refused["details"]["fields"][0]["field"] == "passPoints"
    changed = await teacher.ask("PATCH", f"/assignments/{task['id']}", 200, {"maxPoints": 4, "passPoints": 4})
    assert (changed["maxPoints"], changed["passPoints"]) == (4, 4)


async def test_a_repetition_after_a_crash_is_answered_with_what_it_made(edge: Any) -> None:
    teacher, student, task = await school(edge, dueAt=edge.soon(hours=1))
    store, ident = edge.parts.stores.assignments, new_id()
    row, before = await store.find(task["id"]), edge.parts.clock()
    first = await store.submit(ident, row, student.id, "Here.", [], before)
    much_later = Moment(before + 7_200 * SECOND)
    assert await store.submit(ident, row, student.id, "Here.", [], much_later) == first, "neither newer nor late"
    graded = await store.grade(ident, 7, "Good.", 1, teacher.id, much_later)
    assert await store.submit(ident, row, student.id, "Here.", [], much_later) == graded
    refused = await store.submit(new_id(), row, student.id, "Here.", [], much_later)
    assert refused.code == "already_graded"
