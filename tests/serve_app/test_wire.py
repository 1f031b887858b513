from collections import defaultdict
from typing import Any

import pytest

from classroom.callers import Role
from persistence.ids import new_id
from persistence.pages import write_cursor


async def lists(edge: Any) -> list[tuple[Any, str]]:
    """Every list that has pages, by the API's own description, and somebody who may read it."""
    lesson = await edge.live_class(students=1)
    admin = await edge.person(Role.ADMIN)
    described = (await edge.visitor.get("/api/openapi.json")).json()["paths"]
    paged = [
        path
        for path, operations in described.items()
        if any(parameter["name"] == "cursor" for parameter in operations.get("get", {}).get("parameters", ()))
    ]
    readers = [
        admin if "/admin/" in path else lesson.students[0] if "/users/me" in path else lesson.teacher for path in paged
    ]
    ids = defaultdict(new_id, id=lesson.id, courseId=lesson.course_id)
    filled = [path.removeprefix("/api").format_map(ids) for path in paged]
    return list(zip(readers, filled, strict=True))


async def answers(reader: Any, path: str) -> bool:
    """Whether there is such a list here: those of a quiz, a lesson, … are tested beside them."""
    return (await reader.client.get(f"/api{path}")).status_code == 200


async def test_a_cursor_that_was_tampered_with_or_is_of_another_list_is_refused(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    for title in ("Tides", "Knots", "Sails"):
        await edge.course(teacher, title=title)
    first = (await edge.visitor.get("/api/courses?limit=1&sort=title")).json()
    cursor = first["nextCursor"]
    rest = (await edge.visitor.get(f"/api/courses?limit=2&sort=title&cursor={cursor}")).json()
    assert [course["title"] for course in first["items"] + rest["items"]] == ["Knots", "Sails", "Tides"]

    middle = len(cursor) // 2
    tampered = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    for path in (
        f"/courses?sort=title&cursor={tampered}",
        f"/courses?cursor={cursor}",
        f"/courses/featured?cursor={cursor}",
    ):
        problem = await teacher.ask("GET", path, 422)
        assert problem["details"]["fields"] == [{"field": "cursor", "message": "did not come from this list"}]


@pytest.mark.parametrize(
    "keys", [(-(1 << 61), new_id()), (1 << 61, new_id()), (-1,), (1 << 62,), ("\x00", new_id()), ("x",), (None,), ()]
)
async def test_no_list_takes_a_cursor_that_is_made_up(edge: Any, keys: Any) -> None:
    asked = [(reader, path) for reader, path in await lists(edge) if await answers(reader, path)]
    assert len(asked) >= 10
    for reader, path in asked:
        problem = await reader.ask("GET", f"{path}?cursor={write_cursor(*keys)}", 422)
        assert problem["details"]["fields"] == [{"field": "cursor", "message": "did not come from this list"}]
