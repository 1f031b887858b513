from typing import Any

from classroom.callers import Role


async def recommended(person: Any, query: str = "") -> list[tuple[str, str]]:
    items = (await person.ask("GET", f"/recommendations{query}", 200))["items"]
    return [(item["course"]["title"], item["reason"]) for item in items]


async def test_courses_are_recommended_by_company_then_by_shelf_then_by_fame(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    admin = await edge.person(Role.ADMIN)
    shelf_id = (await admin.ask("POST", "/admin/categories", 201, {"name": "The sea"}))["id"]
    courses = {
        title: await edge.course(teacher, title=title, categoryId=shelf_id if title in ("Tides", "Waves") else None)
        for title in ("Tides", "Knots", "Waves", "Bread", "Cheese")
    }
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft", "categoryId": shelf_id})
    sam, kim, ann = [await edge.person(name=name) for name in ("Sam", "Kim", "Ann")]
    for person, titles in ((kim, ("Tides", "Knots", "Bread")), (ann, ("Tides", "Knots")), (sam, ("Tides",))):
        for title in titles:
            await person.ask("POST", f"/courses/{courses[title]}/enroll", 201)

    assert await recommended(sam) == [
        ("Knots", "Students of Tides also took this"),
        ("Bread", "Students of Tides also took this"),
        ("Waves", "More in The sea"),
        ("Cheese", "Popular with students"),
    ]
    assert await recommended(sam, "?limit=1") == [("Knots", "Students of Tides also took this")]
    new = await edge.person()
    assert [title for title, _ in await recommended(new)][:3] == ["Tides", "Knots", "Bread"]
    assert {reason for _, reason in await recommended(new)} == {"Popular with students"}
    visitor = (await edge.visitor.get("/api/recommendations")).json()
    assert [item["course"]["title"] for item in visitor["items"]][:3] == ["Tides", "Knots", "Bread"]
    assert await recommended(teacher) == []

    await sam.ask("POST", f"/courses/{courses['Knots']}/enroll", 201)
    assert "Knots" not in [title for title, _ in await recommended(sam)]
    await teacher.ask("POST", f"/instructor/courses/{courses['Bread']}/unpublish", 200)
    assert "Bread" not in [title for title, _ in await recommended(sam)]
    await sam.ask("GET", "/recommendations?limit=0", 422)
