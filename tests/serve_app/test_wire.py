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
    filled = [path.removeprefix("/api").format(id=lesson.id, courseId=lesson.course_id) for path in paged]
    return list(zip(readers, filled, strict=True))


@pytest.mark.parametrize(
    "keys", [(-(1 << 61), new_id()), (1 << 61, new_id()), (-1,), (1 << 62,), ("\x00", new_id()), ("x",), (None,), ()]
)
async def test_no_list_takes_a_cursor_that_is_made_up(edge: Any, keys: Any) -> None:
    asked = await lists(edge)
    assert len(asked) >= 8
    for reader, path in asked:
        problem = await reader.ask("GET", f"{path}?cursor={write_cursor(*keys)}", 422)
        assert problem["details"]["fields"] == [{"field": "cursor", "message": "did not come from this list"}]
