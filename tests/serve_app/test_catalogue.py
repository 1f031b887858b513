from typing import Any

from classroom.callers import Role
from persistence.categories import CategoryRow
from persistence.ids import new_id


async def make_shelf(edge: Any, slug: str = "sea", name: str = "The sea") -> str:
    """A category."""
    row = CategoryRow(new_id(), slug, name, "Wet.", 1, 0)
    return str((await edge.parts.stores.categories.add(row, edge.parts.clock())).id)


async def test_everybody_browses_published_courses(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    shelf = await make_shelf(edge)
    tides = await edge.course(teacher, title="Tides", summary="The Moon", categoryId=shelf)
    knots = await edge.course(teacher, title="Knots", difficulty="advanced", priceMinor=500)
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})

    async def found(query: str = "") -> list[str]:
        response = await edge.visitor.get(f"/api/courses{query}")
        assert response.status_code == 200
        return [course["id"] for course in response.json()["items"]]

    assert await found() == [knots, tides]
    assert await found("?sort=oldest") == [tides, knots]
    assert await found("?q=moon") == [tides]
    assert await found("?category=sea") == [tides]
    assert await found("?difficulty=advanced") == [knots]
    assert await found("?free=true") == [tides]
    assert await found("?limit=1") == [knots]
    for bad in ("?sort=price", "?limit=0", "?cursor=x", "?q=%00", "?difficulty=hard"):
        assert (await edge.visitor.get(f"/api/courses{bad}")).status_code == 422
    shelves = (await edge.visitor.get("/api/categories")).json()
    assert shelves["items"] == [{"id": shelf, "slug": "sea", "name": "The sea", "description": "Wet.", "courseCount": 1}]


async def test_a_course_tells_the_caller_what_it_is_to_them(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    path = f"/courses/{lesson.course_id}"
    flags = ("enrolled", "owned")
    student = await lesson.students[0].ask("GET", path, 200)
    assert ([student[flag] for flag in flags], student["studentCount"]) == ([True, False], 1)
    assert [(await lesson.teacher.ask("GET", path, 200))[flag] for flag in flags] == [False, True]
    anybody = await edge.visitor.get(f"/api{path}")
    assert [anybody.json()[flag] for flag in flags] == [False, False]
    assert (await edge.visitor.get(f"/api/courses/{new_id()}")).status_code == 404


async def test_a_draft_is_seen_by_its_instructor_alone(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    draft = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})
    await teacher.ask("GET", f"/courses/{draft['id']}", 200)
    await (await edge.person(Role.ADMIN)).ask("GET", f"/courses/{draft['id']}", 200)
    await (await edge.person()).ask("GET", f"/courses/{draft['id']}", 404)
