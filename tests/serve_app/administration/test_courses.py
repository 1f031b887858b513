import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id


async def acts_on(edge: Any, target: str) -> list[str]:
    """What was put on record about it, the latest first."""
    return [act.name for act in (await edge.parts.stores.audit.list_(AuditFilter(target_id=target), 100, None)).items]


async def test_each_decision_is_put_on_record_once(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course = (await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"}))["id"]
    path = f"/admin/courses/{course}"
    await admin.ask("PATCH", f"{path}/approve", 409)
    await teacher.ask("POST", f"/instructor/courses/{course}/submit", 200)
    await admin.ask("PATCH", f"{path}/reject", 200, {"reason": "Too short."})
    await teacher.ask("POST", f"/instructor/courses/{course}/submit", 200)
    for _ in range(2):
        assert (await admin.ask("PATCH", f"{path}/approve", 200))["status"] == "published"
    assert await acts_on(edge, course) == ["course.approve", "course.reject"]


async def test_a_course_is_shown_in_front_while_it_is_published(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    draft = (await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"}))["id"]
    one, two = await edge.course(teacher, title="One"), await edge.course(teacher, title="Two")

    async def in_front() -> list[str]:
        return [course["id"] for course in (await edge.visitor.get("/api/courses/featured")).json()["items"]]

    assert await in_front() == []
    problem = await admin.ask("PATCH", f"/admin/courses/{draft}/feature", 409, {"featured": True})
    assert problem["details"] == {"status": "draft", "needed": ["published"]}
    for course in (one, two, one):
        assert (await admin.ask("PATCH", f"/admin/courses/{course}/feature", 200, {"featured": True}))["featured"] is True
    assert await in_front() == [two, one]
    first = (await edge.visitor.get("/api/courses/featured?limit=1")).json()
    rest = (await edge.visitor.get(f"/api/courses/featured?cursor={first['nextCursor']}")).json()
    assert [course["id"] for course in rest["items"]] == [one]

    await teacher.ask("POST", f"/instructor/courses/{two}/unpublish", 200)
    assert await in_front() == [one]
    for _ in range(2):
        assert (await admin.ask("PATCH", f"/admin/courses/{one}/feature", 200, {"featured": False}))["featured"] is False
    assert await in_front() == []
    assert await acts_on(edge, one) == ["course.unfeature", "course.feature", "course.approve"]
    await teacher.ask("PATCH", f"/admin/courses/{one}/feature", 403, {"featured": True})
    await admin.ask("PATCH", f"/admin/courses/{new_id()}/feature", 404, {"featured": True})
    await admin.ask("PATCH", f"/admin/courses/{one}/feature", 422, {"featured": 1})


async def test_a_deleted_course_is_restored_as_it_was(edge: Any) -> None:
    teacher, admin, student = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN), await edge.person()
    course = await edge.course(teacher)
    await student.ask("POST", f"/courses/{course}/enroll", 201)
    before = await teacher.ask("GET", f"/instructor/courses/{course}", 200)
    await teacher.ask("DELETE", f"/instructor/courses/{course}", 204)
    await student.ask("GET", f"/courses/{course}", 404)
    assert [row["id"] for row in (await admin.ask("GET", "/admin/courses?deleted=true", 200))["items"]] == [course]
    assert (await admin.ask("GET", "/admin/courses", 200))["items"] == []

    for _ in range(2):
        assert await admin.ask("POST", f"/admin/courses/{course}/restore", 200) == before
    assert (await student.ask("GET", f"/courses/{course}", 200))["enrolled"] is True
    assert (await acts_on(edge, course))[:1] == ["course.restore"]
    assert (await acts_on(edge, course)).count("course.restore") == 1
    await teacher.ask("POST", f"/admin/courses/{course}/restore", 403)
    await admin.ask("POST", f"/admin/courses/{new_id()}/restore", 404)
    await admin.ask("DELETE", f"/instructor/courses/{course}", 204)
    assert (await acts_on(edge, course))[:1] == ["course.delete"]


async def test_admins_find_courses_in_every_state(edge: Any) -> None:
    teacher, other = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(Role.INSTRUCTOR, "Otto")
    admin = await edge.person(Role.ADMIN)
    tides, knots = await edge.course(teacher, title="Tides"), await edge.course(other, title="Knots")
    draft = (await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides of tomorrow"}))["id"]
    await admin.ask("PATCH", f"/admin/courses/{knots}/feature", 200, {"featured": True})

    async def found(query: str) -> list[str]:
        return [row["id"] for row in (await admin.ask("GET", f"/admin/courses{query}", 200))["items"]]

    assert await found("") == [draft, knots, tides]
    assert await found("?status=published") == [knots, tides]
    assert await found("?q=tides") == [draft, tides]
    assert await found("?q=otto") == [knots]
    assert await found(f"?instructor={teacher.id}&status=draft") == [draft]
    assert await found("?featured=true") == [knots]
    assert await found("?featured=false") == [draft, tides]
    assert await found("?status=pending") == []
    await admin.ask("GET", "/admin/courses?status=lost", 422)


async def test_who_is_no_instructor_teaches_nothing(edge: Any) -> None:
    admin = await edge.person(Role.ADMIN)
    for nobody in ("", "ina", new_id()):
        assert (await admin.ask("GET", f"/admin/courses?instructor={nobody}", 200))["items"] == []


async def test_categories_come_change_and_go(edge: Any) -> None:
    admin, teacher = await edge.person(Role.ADMIN), await edge.person(Role.INSTRUCTOR)
    crafts = await admin.ask("POST", "/admin/categories", 201, {"name": "Arts & Crâfts", "description": "By hand."})
    assert (crafts["slug"], crafts["name"], crafts["courseCount"]) == ("arts-crafts", "Arts & Crâfts", 0)
    problem = await admin.ask("POST", "/admin/categories", 409, {"name": "arts,  crafts"})
    assert (problem["errorCode"], problem["details"]["slug"]) == ("category_exists", "arts-crafts")
    sea = await admin.ask("POST", "/admin/categories", 201, {"name": "海", "position": 0}, Idempotency_Key="k")
    assert await admin.ask("POST", "/admin/categories", 201, {"name": "海", "position": 0}, Idempotency_Key="k") == sea
    assert sea["slug"] == sea["id"][-12:]

    path = f"/admin/categories/{sea['id']}"
    changed = await admin.ask("PATCH", path, 200, {"name": "The sea", "slug": "sea"})
    assert (changed["name"], changed["slug"]) == ("The sea", "sea")
    assert (await admin.ask("PATCH", path, 200, {"name": "Sea"}))["slug"] == "sea"
    assert (await admin.ask("PATCH", path, 409, {"slug": "arts-crafts"}))["errorCode"] == "category_exists"
    for bad in ({"slug": "A b"}, {"name": ""}, {"position": -1}, {"position": 1 << 40}):
        await admin.ask("PATCH", path, 422, bad)

    course = await edge.course(teacher, categoryId=sea["id"])
    shelves = (await edge.visitor.get("/api/categories")).json()["items"]
    assert {shelf["slug"]: shelf["courseCount"] for shelf in shelves} == {"sea": 1, "arts-crafts": 0}
    problem = await admin.ask("DELETE", path, 409)
    assert (problem["errorCode"], problem["details"]) == ("category_in_use", {"courses": 1})
    await admin.ask("DELETE", f"{path}?moveTo={new_id()}", 404)
    await admin.ask("DELETE", f"{path}?moveTo={sea['id']}", 422)
    assert (await edge.visitor.get(f"/api/courses/{course}")).json()["category"]["name"] == "Sea"
    await admin.ask("DELETE", f"{path}?moveTo={crafts['id']}", 204)
    await admin.ask("DELETE", path, 404)
    shelves = (await edge.visitor.get("/api/categories")).json()["items"]
    assert [(shelf["slug"], shelf["courseCount"]) for shelf in shelves] == [("arts-crafts", 1)]
    assert await acts_on(edge, sea["id"]) == [
        "category.delete",
        "category.revise",
        "category.revise",
        "category.create",
    ]


async def test_a_category_that_only_deleted_courses_have_may_go(edge: Any) -> None:
    admin, teacher = await edge.person(Role.ADMIN), await edge.person(Role.INSTRUCTOR)
    shelf = (await admin.ask("POST", "/admin/categories", 201, {"name": "Sea"}))["id"]
    course = await edge.course(teacher, categoryId=shelf)
    await teacher.ask("DELETE", f"/instructor/courses/{course}", 204)
    await admin.ask("DELETE", f"/admin/categories/{shelf}", 204)
    assert (await admin.ask("POST", f"/admin/courses/{course}/restore", 200))["category"] is None


async def test_a_category_goes_while_a_course_comes(edge: Any) -> None:
    admin, teacher = await edge.person(Role.ADMIN), await edge.person(Role.INSTRUCTOR)
    shelf = (await admin.ask("POST", "/admin/categories", 201, {"name": "Sea"}))["id"]
    body = {"title": "Tides", "categoryId": shelf}
    *made, gone = await asyncio.gather(
        *(teacher.client.post("/api/instructor/courses", json=body) for _ in range(4)),
        admin.client.delete(f"/api/admin/categories/{shelf}"),
    )
    kept = {answer.status_code for answer in made}
    assert (gone.status_code, kept) in ((204, {422}), (409, {201}), (409, {201, 422}))


@pytest.mark.parametrize("path", ["/admin/categories", "/admin/courses"])
async def test_administration_is_for_admins(edge: Any, path: str) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    method, body = ("POST", {"name": "X"}) if path.endswith("categories") else ("GET", None)
    assert (await teacher.ask(method, path, 403, body))["errorCode"] == "forbidden"
    assert (await edge.visitor.request(method, f"/api{path}", json=body)).status_code == 401


async def test_deleting_a_category_waits_for_a_course_on_the_move_instead_of_locking_up(edge: Any) -> None:
    admin = await edge.person(Role.ADMIN)
    teacher = await edge.person(Role.INSTRUCTOR)
    old, new = [(await admin.ask("POST", "/admin/categories", 201, {"name": name}))["id"] for name in ("Old", "New")]
    course_id = await edge.course(teacher, categoryId=old)
    async with edge.database.writing() as mover:
        await mover.execute(text("UPDATE courses SET title = title WHERE id = :id"), {"id": course_id})
        deleting = asyncio.create_task(admin.client.delete(f"/api/admin/categories/{old}?moveTo={new}"))
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with asyncio.timeout(10):
            while (await mover.execute(waiting)).scalar_one() == 0:
                await asyncio.sleep(0.01)
                # Within a transaction the figures stand still unless they are let go.
                await mover.execute(text("SELECT pg_stat_clear_snapshot()"))
        await mover.execute(text("UPDATE courses SET category_id = :to WHERE id = :id"), {"to": new, "id": course_id})
    assert (await deleting).status_code == 204
    shelves = (await edge.visitor.get("/api/categories")).json()["items"]
    assert [(shelf["id"], shelf["courseCount"]) for shelf in shelves] == [(new, 1)]


async def test_categories_that_go_while_courses_move_between_them_never_lock_up(edge: Any) -> None:
    admin = await edge.person(Role.ADMIN)
    teacher = await edge.person(Role.INSTRUCTOR)
    kept = (await admin.ask("POST", "/admin/categories", 201, {"name": "Kept"}))["id"]
    going = [(await admin.ask("POST", "/admin/categories", 201, {"name": f"Going {n}"}))["id"] for n in range(3)]
    courses = [await edge.course(teacher, categoryId=going[n % 3]) for n in range(9)]

    async def move(course_id: str, shelves: list[str]) -> None:
        for shelf in shelves:
            answer = await teacher.client.patch(f"/api/instructor/courses/{course_id}", json={"categoryId": shelf})
            assert answer.status_code in (200, 400, 422), answer.text  # a category that has gone is none

    async def drop(shelf: str) -> None:
        answer = await admin.client.delete(f"/api/admin/categories/{shelf}?moveTo={kept}")
        assert answer.status_code == 204, answer.text

    await asyncio.gather(
        *(move(each, [going[(n + k) % 3] for k in range(4)]) for n, each in enumerate(courses)), *map(drop, going)
    )
    shelves = (await edge.visitor.get("/api/categories")).json()["items"]
    assert [(shelf["id"], shelf["courseCount"]) for shelf in shelves] == [(kept, 9)]
