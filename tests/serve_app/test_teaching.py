import asyncio
from typing import Any

import pytest

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id
from tests.serve_app.test_catalogue import make_shelf


async def test_a_course_goes_from_draft_over_review_to_the_catalogue(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(Role.ADMIN)
    draft = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides", "priceMinor": 900, "currency": "GBP"})
    path = f"/instructor/courses/{draft['id']}"
    assert (draft["status"], draft["instructor"]["name"], draft["free"]) == ("draft", "Ina", False)
    assert (await edge.visitor.get(f"/api/courses/{draft['id']}")).status_code == 404

    assert (await teacher.ask("POST", f"{path}/submit", 200))["status"] == "pending"
    assert (await teacher.ask("POST", f"{path}/submit", 200))["status"] == "pending"
    waiting = await admin.ask("GET", "/admin/courses?status=pending", 200)
    assert [course["id"] for course in waiting["items"]] == [draft["id"]]
    rejected = await admin.ask("PATCH", f"/admin/courses/{draft['id']}/reject", 200, {"reason": "Too short."})
    assert (rejected["status"], rejected["rejectionReason"]) == ("rejected", "Too short.")
    await teacher.ask("POST", f"{path}/submit", 200)
    published = await admin.ask("PATCH", f"/admin/courses/{draft['id']}/approve", 200)
    assert (published["status"], published["rejectionReason"]) == ("published", None)
    assert published["publishedAt"].endswith("Z")
    assert (await edge.visitor.get(f"/api/courses/{draft['id']}")).json()["title"] == "Tides"


async def test_without_review_a_submitted_course_is_published(make_edge: Any) -> None:
    async with make_edge(course_review=False) as edge:
        teacher = await edge.person(Role.INSTRUCTOR)
        course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"})
        assert (await teacher.ask("POST", f"/instructor/courses/{course['id']}/submit", 200))["status"] == "published"


async def test_a_course_leaves_the_catalogue_and_comes_back_unless_it_has_changed(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course = await edge.course(teacher)
    path = f"/instructor/courses/{course}"
    assert (await teacher.ask("POST", f"{path}/publish", 200))["status"] == "published"
    for _ in range(2):
        assert (await teacher.ask("POST", f"{path}/unpublish", 200))["status"] == "unpublished"
    assert (await edge.visitor.get("/api/courses")).json()["items"] == []
    await teacher.ask("PATCH", path, 200, {"priceMinor": 500, "title": "Tides", "maxStudents": 5})
    first = await teacher.ask("POST", f"{path}/publish", 200)
    assert (first["status"], first["priceMinor"]) == ("published", 500)

    await teacher.ask("PATCH", path, 200, {"title": "Tides II"})
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["status"] == "published"
    await teacher.ask("POST", f"{path}/unpublish", 200)
    assert (await teacher.ask("POST", f"{path}/publish", 409))["errorCode"] == "review_needed"
    assert (await teacher.ask("POST", f"{path}/submit", 200))["status"] == "pending"
    assert (await teacher.ask("POST", f"{path}/publish", 409))["details"] == {"status": "pending", "needed": ["unpublished"]}
    await admin.ask("PATCH", f"/admin/courses/{course}/approve", 200)
    await teacher.ask("POST", f"{path}/unpublish", 200)
    again = await teacher.ask("POST", f"{path}/publish", 200)
    assert again["publishedAt"] == first["publishedAt"]


async def test_what_an_admin_took_down_comes_back_over_review(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course = await edge.course(teacher)
    await admin.ask("POST", f"/instructor/courses/{course}/unpublish", 200)
    assert (await teacher.ask("POST", f"/instructor/courses/{course}/publish", 409))["errorCode"] == "review_needed"
    acts = await edge.parts.stores.audit.list_(AuditFilter(target_id=course), 10, None)
    assert acts.items[0].name == "course.unpublish"


async def test_steps_at_once_end_in_one_state(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course = (await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"}))["id"]
    await teacher.ask("POST", f"/instructor/courses/{course}/submit", 200)
    approved, rejected = await asyncio.gather(
        admin.client.patch(f"/api/admin/courses/{course}/approve"),
        admin.client.patch(f"/api/admin/courses/{course}/reject", json={"reason": "No."}),
    )
    assert sorted((approved.status_code, rejected.status_code)) == [200, 409]
    status = (await teacher.ask("GET", f"/instructor/courses/{course}", 200))["status"]
    assert status == ("published" if approved.status_code == 200 else "rejected")


async def test_reviewing_is_for_admins_and_for_what_was_submitted(edge: Any) -> None:
    teacher, admin = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"})
    approve = f"/admin/courses/{course['id']}/approve"
    assert (await teacher.ask("PATCH", approve, 403))["errorCode"] == "forbidden"
    problem = await admin.ask("PATCH", approve, 409)
    assert (problem["errorCode"], problem["details"]) == ("wrong_status", {"status": "draft", "needed": ["pending"]})
    await admin.ask("PATCH", f"/admin/courses/{new_id()}/approve", 404)
    await admin.ask("PATCH", f"/admin/courses/{course['id']}/reject", 422, {"reason": " "})


async def test_a_course_is_its_instructors(edge: Any) -> None:
    teacher, other = await edge.person(Role.INSTRUCTOR), await edge.person(Role.INSTRUCTOR)
    student, admin = await edge.person(), await edge.person(Role.ADMIN)
    course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"})
    path = f"/instructor/courses/{course['id']}"

    for method, suffix, body in (("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/submit", None)):
        for who in (other, student):
            assert (await who.ask(method, path + suffix, 403, body))["errorCode"] == "forbidden"
        await teacher.ask(method, f"/instructor/courses/{new_id()}{suffix}", 404, body)
    assert (await student.ask("POST", "/instructor/courses", 403, {"title": "X"}))["errorCode"] == "forbidden"
    assert (await teacher.ask("GET", "/instructor/courses", 200))["items"] == [course]
    assert (await other.ask("GET", "/instructor/courses", 200))["items"] == []
    assert (await admin.ask("PATCH", path, 200, {"summary": "Short."}))["summary"] == "Short."


async def test_a_course_changes_where_it_is_asked_to(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    shelf = await make_shelf(edge)
    course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides", "categoryId": shelf})
    path = f"/instructor/courses/{course['id']}"
    assert course["category"] == {"id": shelf, "name": "The sea"}

    changed = await teacher.ask("PATCH", path, 200, {"title": "Tides II", "difficulty": "advanced", "summary": None})
    assert (changed["title"], changed["difficulty"], changed["category"]) == ("Tides II", "advanced", course["category"])
    assert (await teacher.ask("PATCH", path, 200, {"categoryId": None}))["category"] is None
    asks = {"maxStudents": 30, "givesCertificate": False, "certificateAttendancePercent": 80}
    assert asks.items() <= (await teacher.ask("PATCH", path, 200, asks)).items()
    assert (await teacher.ask("PATCH", path, 200, {"maxStudents": None, "givesCertificate": None})) == {
        **(await teacher.ask("GET", path, 200)),
        "maxStudents": None,
        "givesCertificate": False,
    }
    wrong = await teacher.ask("PATCH", path, 422, {"categoryId": new_id()})
    assert [problem["field"] for problem in wrong["details"]["fields"]] == ["categoryId"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"title": ""}, "title"),
        ({"priceMinor": -1}, "priceMinor"),
        ({"currency": "euro"}, "currency"),
        ({"difficulty": "hard"}, "difficulty"),
        ({"language": "x"}, "language"),
        ({"thumbnailUrl": "file:///etc"}, "thumbnailUrl"),
        ({"maxStudents": 0}, "maxStudents"),
        ({"maxStudents": 1 << 40}, "maxStudents"),
        ({"certificateAttendancePercent": 101}, "certificateAttendancePercent"),
        ({"categoryId": "nonsense"}, "categoryId"),
    ],
)
async def test_a_course_that_does_not_fit_says_where(edge: Any, words: dict[str, Any], field: str) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    problem = await teacher.ask("POST", "/instructor/courses", 422, {"title": "Tides", **words})
    assert [wrong["field"] for wrong in problem["details"]["fields"]] == [field]


async def test_a_course_made_under_a_key_is_one_course(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    first = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"}, Idempotency_Key="k")
    assert await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides"}, Idempotency_Key="k") == first
    assert len((await teacher.ask("GET", "/instructor/courses", 200))["items"]) == 1


async def test_a_deleted_course_takes_its_scheduled_classes_along_but_no_live_one(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    path = f"/instructor/courses/{lesson.course_id}"
    later = await lesson.teacher.ask("POST", "/live-sessions", 201, edge.schedule(lesson.course_id))
    assert (await lesson.teacher.ask("DELETE", path, 409))["errorCode"] == "already_live"
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    await lesson.teacher.ask("DELETE", path, 204)

    await lesson.teacher.ask("GET", path, 404)
    assert (await edge.visitor.get(f"/api/courses/{lesson.course_id}")).status_code == 404
    assert (await lesson.teacher.ask("GET", f"/live-sessions/{later['id']}", 200))["status"] == "cancelled"


async def test_the_students_of_a_course_are_listed_for_its_instructor(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    path = f"/instructor/courses/{lesson.course_id}/students"
    page = await lesson.teacher.ask("GET", f"{path}?limit=1", 200)
    rest = await lesson.teacher.ask("GET", f"{path}?limit=1&cursor={page['nextCursor']}", 200)
    listed = page["items"] + rest["items"]
    assert {row["email"] for row in listed} == {student.email for student in lesson.students}
    await lesson.students[0].ask("GET", path, 403)
