import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id

ARTICLE = {"type": "article", "title": "Why", "content": "Because of the Moon."}


async def a_course(edge: Any) -> tuple[Any, str]:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    return teacher, await edge.course(teacher)


async def add_section(teacher: Any, course: str, title: str = "Part") -> str:
    return str((await teacher.ask("POST", f"/courses/{course}/sections", 201, {"title": title}))["id"])


async def add_lesson(teacher: Any, section: str, **words: Any) -> str:
    return str((await teacher.ask("POST", f"/sections/{section}/lessons", 201, {**ARTICLE, **words}))["id"])


async def order_of(teacher: Any, course: str) -> list[tuple[str, list[str]]]:
    sections = (await teacher.ask("GET", f"/courses/{course}/sections", 200))["items"]
    return [(section["id"], [lesson["id"] for lesson in section["lessons"]]) for section in sections]


async def test_a_syllabus_is_written_and_read(edge: Any) -> None:
    teacher, course = await a_course(edge)
    made = await teacher.ask("POST", f"/courses/{course}/sections", 201, {"title": "Tides", "summary": "Twice a day"})
    assert (made["title"], made["summary"], made["position"], made["lessons"]) == ("Tides", "Twice a day", 0, [])
    lesson = await teacher.ask("POST", f"/sections/{made['id']}/lessons", 201, ARTICLE)
    assert (lesson["type"], lesson["courseId"], lesson["sectionId"]) == ("article", course, made["id"])
    assert (lesson["isPreview"], lesson["isRequired"], lesson["content"]) == (False, True, ARTICLE["content"])
    assert await teacher.ask("GET", f"/lessons/{lesson['id']}", 200) == lesson

    page = await teacher.ask("GET", f"/courses/{course}/sections", 200)
    assert page == {"items": [{**made, "lessons": [lesson]}], "nextCursor": None}
    changed = await teacher.ask("PATCH", f"/lessons/{lesson['id']}", 200, {"title": "How", "isPreview": True})
    assert (changed["title"], changed["content"], changed["isPreview"]) == ("How", ARTICLE["content"], True)
    renamed = await teacher.ask("PATCH", f"/sections/{made['id']}", 200, {"title": "Ebb"})
    assert (renamed["title"], renamed["summary"], renamed["lessons"]) == ("Ebb", "Twice a day", [changed])
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["lessonCount"] == 1
    await teacher.ask("DELETE", f"/lessons/{lesson['id']}", 204)
    await teacher.ask("GET", f"/lessons/{lesson['id']}", 404)
    await teacher.ask("DELETE", f"/sections/{made['id']}", 204)
    assert await order_of(teacher, course) == []
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["lessonCount"] == 0


async def test_what_is_in_a_lesson_is_for_who_may_see_it(edge: Any) -> None:
    teacher, course = await a_course(edge)
    section = await add_section(teacher, course)
    closed, preview = await add_lesson(teacher, section), await add_lesson(teacher, section, isPreview=True)
    inside, outside = await edge.person(), await edge.person()
    other, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    await inside.ask("POST", f"/courses/{course}/enroll", 201)

    for who in (teacher, admin, inside):
        lessons = (await who.ask("GET", f"/courses/{course}/sections", 200))["items"][0]["lessons"]
        assert [(lesson["accessible"], lesson["content"]) for lesson in lessons] == [(True, ARTICLE["content"])] * 2
        await who.ask("GET", f"/lessons/{closed}", 200)
    visitors = (await edge.visitor.get(f"/api/courses/{course}/sections")).json()
    for seen in (visitors, await outside.ask("GET", f"/courses/{course}/sections", 200)):
        lessons = seen["items"][0]["lessons"]
        assert [(lesson["accessible"], lesson["content"]) for lesson in lessons] == [
            (False, None),
            (True, ARTICLE["content"]),
        ]
        assert [lesson["title"] for lesson in lessons] == ["Why", "Why"]
    for who in (outside, other):
        assert (await who.ask("GET", f"/lessons/{closed}", 403))["errorCode"] == "not_enrolled"
        await who.ask("GET", f"/lessons/{preview}", 200)
    assert (await edge.visitor.get(f"/api/lessons/{closed}")).status_code == 401
    assert (await edge.visitor.get(f"/api/lessons/{preview}")).status_code == 200


async def test_drafts_are_seen_by_their_owner_and_what_is_unpublished_by_who_is_enrolled(edge: Any) -> None:
    teacher, course = await a_course(edge)
    lesson = await add_lesson(teacher, await add_section(teacher, course), isPreview=True)
    inside, outside = await edge.person(), await edge.person()
    await inside.ask("POST", f"/courses/{course}/enroll", 201)
    await teacher.ask("POST", f"/instructor/courses/{course}/unpublish", 200)
    for path in (f"/courses/{course}/sections", f"/lessons/{lesson}", f"/courses/{course}"):
        for who in (teacher, inside, await edge.person(Role.ADMIN)):
            await who.ask("GET", path, 200)
        await outside.ask("GET", path, 404)
        assert (await edge.visitor.get(f"/api{path}")).status_code == 404
    draft = (await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"}))["id"]
    await teacher.ask("GET", f"/courses/{draft}/sections", 200)
    await outside.ask("GET", f"/courses/{draft}/sections", 404)


async def test_a_syllabus_is_changed_by_who_manages_the_course(edge: Any) -> None:
    teacher, course = await a_course(edge)
    section = await add_section(teacher, course)
    lesson = await add_lesson(teacher, section)
    other, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    await student.ask("POST", f"/courses/{course}/enroll", 201)
    before = await teacher.ask("GET", f"/courses/{course}/sections", 200)
    asked = [
        ("POST", f"/courses/{course}/sections", {"title": "X"}),
        ("PUT", f"/courses/{course}/sections/order", {"ids": [section]}),
        ("PATCH", f"/sections/{section}", {"title": "X"}),
        ("DELETE", f"/sections/{section}", None),
        ("POST", f"/sections/{section}/lessons", ARTICLE),
        ("PUT", f"/sections/{section}/lessons/order", {"ids": [lesson]}),
        ("PATCH", f"/lessons/{lesson}", {"title": "X"}),
        ("DELETE", f"/lessons/{lesson}", None),
    ]
    for method, path, body in asked:
        for who in (other, student):
            assert (await who.ask(method, path, 403, body))["errorCode"] == "forbidden"
        assert (await edge.visitor.request(method, f"/api{path}", json=body)).status_code == 401
        nowhere = path.replace(course, new_id()).replace(section, new_id()).replace(lesson, "nonsense")
        await teacher.ask(method, nowhere, 404, body)
    assert await teacher.ask("GET", f"/courses/{course}/sections", 200) == before

    admin = await edge.person(Role.ADMIN, "Ada")
    await admin.ask("PATCH", f"/lessons/{lesson}", 200, {"title": "Checked"})
    acts = await edge.parts.stores.audit.list_(AuditFilter(target_id=lesson), 10, None)
    assert [(act.actor_id, act.name) for act in acts.items] == [(admin.id, "lesson.revise")]


async def test_an_order_that_does_not_name_everything_once_changes_nothing(edge: Any) -> None:
    teacher, course = await a_course(edge)
    one, two = await add_section(teacher, course), await add_section(teacher, course)
    a, b = [await add_lesson(teacher, one) for _ in range(2)]
    foreign = await add_lesson(teacher, two)
    before = await order_of(teacher, course)
    path = f"/sections/{one}/lessons/order"
    for ids, why in (
        ([a], {"missing": [b], "foreign": [], "repeated": []}),
        ([a, b, foreign], {"missing": [], "foreign": [foreign], "repeated": []}),
        ([a, b, a], {"missing": [], "foreign": [], "repeated": [a]}),
        ([], {"missing": [a, b], "foreign": [], "repeated": []}),
    ):
        problem = await teacher.ask("PUT", path, 409, {"ids": ids})
        assert (problem["errorCode"], problem["details"]) == ("order_incomplete", why)
    assert (await teacher.ask("PUT", f"/courses/{course}/sections/order", 409, {"ids": [two]}))["errorCode"]
    for body in ({}, {"ids": "x"}, {"ids": [1]}, {"ids": ["x" * 37]}, {"ids": ["a"] * 1_001}):
        await teacher.ask("PUT", path, 422, body)
    assert await order_of(teacher, course) == before

    ordered = await teacher.ask("PUT", path, 200, {"ids": [b, a.upper()]})
    assert [lesson["id"] for lesson in ordered["lessons"]] == [b, a]
    page = await teacher.ask("PUT", f"/courses/{course}/sections/order", 200, {"ids": [two, one]})
    assert [section["position"] for section in page["items"]] == [0, 1]
    assert await order_of(teacher, course) == [(two, [foreign]), (one, [b, a])]


async def test_a_lesson_moves_to_another_section_of_its_course(edge: Any) -> None:
    teacher, course = await a_course(edge)
    one, two = await add_section(teacher, course), await add_section(teacher, course)
    elsewhere = await add_section(teacher, await edge.course(teacher))
    a, b = await add_lesson(teacher, one), await add_lesson(teacher, two)
    moved = await teacher.ask("PATCH", f"/lessons/{a}", 200, {"sectionId": two, "position": 0})
    assert (moved["sectionId"], moved["position"]) == (two, 0)
    assert await order_of(teacher, course) == [(one, []), (two, [a, b])]
    await teacher.ask("PATCH", f"/lessons/{b}", 200, {"sectionId": one})
    for section in (elsewhere, new_id(), "nonsense"):
        problem = await teacher.ask("PATCH", f"/lessons/{a}", 422, {"sectionId": section, "title": "Lost"})
        assert [wrong["field"] for wrong in problem["details"]["fields"]] == ["sectionId"]
    assert await order_of(teacher, course) == [(one, [b]), (two, [a])]
    assert (await teacher.ask("GET", f"/lessons/{a}", 200))["title"] == "Why"
    await teacher.ask("PATCH", f"/sections/{two}", 200, {"position": 0})
    assert [section for section, _ in await order_of(teacher, course)] == [two, one]


async def test_two_at_once_and_again_under_a_key(edge: Any) -> None:
    teacher, course = await a_course(edge)
    section = await add_section(teacher, course)
    path = f"/sections/{section}/lessons"
    made = await asyncio.gather(*(teacher.ask("POST", path, 201, {**ARTICLE, "position": 0}) for _ in range(4)))
    again = await asyncio.gather(*(teacher.ask("POST", path, 201, ARTICLE, Idempotency_Key="k") for _ in range(3)))
    assert again[0] == again[1] == again[2]
    ((_, lessons),) = await order_of(teacher, course)
    assert sorted(lessons) == sorted([*(each["id"] for each in made), again[0]["id"]])
    orders = await asyncio.gather(
        *(teacher.client.put(f"/api{path}/order", json={"ids": lessons[::step]}) for step in (1, -1, 1, -1))
    )
    assert [answer.status_code for answer in orders] == [200] * 4
    ((_, after),) = await order_of(teacher, course)
    assert after in (lessons, lessons[::-1])


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"type": "song"}, "type"),
        ({"title": " "}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"content": "\x00"}, "content"),
        ({"content": "x" * 20_001}, "content"),
        ({"position": -1}, "position"),
        ({"position": 1 << 40}, "position"),
        ({"position": "1"}, "position"),
        ({"type": "video", "durationSeconds": 604_801}, "durationSeconds"),
        ({"durationSeconds": 5}, "durationSeconds"),
        ({"isPreview": "yes"}, "isPreview"),
        ({"mediaId": new_id()}, "mediaId"),
        ({"type": "video", "mediaId": new_id()}, "mediaId"),
        ({"type": "file", "mediaId": "nonsense"}, "mediaId"),
        ({"liveSessionId": new_id()}, "liveSessionId"),
        ({"type": "live", "liveSessionId": new_id()}, "liveSessionId"),
        ({"type": "live", "liveSessionId": "nonsense"}, "liveSessionId"),
    ],
)
async def test_a_lesson_that_does_not_fit_says_where(edge: Any, words: dict[str, Any], field: str) -> None:
    teacher, course = await a_course(edge)
    section = await add_section(teacher, course)
    problem = await teacher.ask("POST", f"/sections/{section}/lessons", 422, {**ARTICLE, **words})
    assert [wrong["field"] for wrong in problem["details"]["fields"]] == [field]
    assert await order_of(teacher, course) == [(section, [])]


async def test_a_live_lesson_names_a_class_of_its_course(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    other = await edge.live_class()
    section = await add_section(lesson.teacher, lesson.course_id)
    made = await lesson.teacher.ask(
        "POST", f"/sections/{section}/lessons", 201, {"type": "live", "title": "Meet", "liveSessionId": lesson.id}
    )
    assert made["liveSessionId"] == lesson.id
    path = f"/lessons/{made['id']}"
    await lesson.teacher.ask("PATCH", path, 422, {"liveSessionId": other.id})
    assert (await lesson.students[0].ask("GET", path, 200))["liveSessionId"] == lesson.id
    assert (await lesson.teacher.ask("PATCH", path, 200, {"liveSessionId": None}))["liveSessionId"] is None


async def test_a_section_and_a_lesson_made_again_after_a_crash_are_on_record_once(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course_id = await edge.course(teacher)

    async def twice(path: str, body: dict[str, Any], key: str) -> Any:
        made = await admin.ask("POST", path, 201, body, Idempotency_Key=key)
        async with edge.database.writing() as connection:  # as whoever died before it had kept the answer left it
            lost = text("UPDATE idempotency_keys SET status = NULL, sealed = NULL, leased_until = 'epoch' WHERE key = :key")
            assert (await connection.execute(lost, {"key": key})).rowcount == 1
        assert await admin.ask("POST", path, 201, body, Idempotency_Key=key) == made
        return made

    section = await twice(f"/courses/{course_id}/sections", {"title": "One"}, "section")
    await twice(f"/sections/{section['id']}/lessons", {"type": "article", "title": "Ebb", "content": "Read."}, "lesson")
    acts = (await admin.ask("GET", "/admin/audit-log", 200))["items"]
    made = [act["action"] for act in acts if act["action"].endswith(".create")]
    assert sorted(made) == ["lesson.create", "section.create"]
