from typing import Any

import pytest

from classroom.callers import Role
from persistence.ids import new_id


async def test_a_profile_is_read_and_changed(edge: Any) -> None:
    person = await edge.person()
    before = await person.ask("GET", "/users/me", 200)
    changes = {"name": "Samira", "bio": "Sails.", "avatarUrl": "https://x.example/a.png", "timezone": "Europe/Lisbon"}
    after = await person.ask("PATCH", "/users/me", 200, changes)

    assert after == {**before, **changes}
    assert (await person.ask("PATCH", "/users/me", 200, {"avatarUrl": None}))["avatarUrl"] is None
    assert (await person.ask("PATCH", "/users/me", 200, {"role": "admin", "email": "x@example.org"}))["role"] == "student"
    assert (await person.ask("GET", "/users/me", 200))["email"] == person.email


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"avatarUrl": "javascript:alert(1)"}, "avatarUrl"),
        ({"headline": "x" * 201}, "headline"),
    ],
)
async def test_a_change_that_does_not_fit_says_where(edge: Any, change: dict[str, Any], field: str) -> None:
    problem = await (await edge.person()).ask("PATCH", "/users/me", 422, change)
    assert [wrong["field"] for wrong in problem["details"]["fields"]] == [field]


async def test_others_see_the_public_part_of_a_profile(edge: Any) -> None:
    person, other = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person()
    seen = await other.ask("GET", f"/users/{person.id}", 200)
    assert seen == {"id": person.id, "name": "Ina", "role": "instructor", "headline": "", "bio": "", "avatarUrl": None}
    await other.ask("GET", f"/users/{new_id()}", 404)
    await other.ask("GET", "/users/nonsense", 404)
    assert (await edge.visitor.get(f"/api/users/{person.id}")).status_code == 401


async def test_the_dashboard_shows_courses_and_classes_of_now(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student, teacher = lesson.students[0], lesson.teacher
    later = await teacher.ask("POST", "/live-sessions", 201, edge.schedule(lesson.course_id))
    await edge.live_class()

    mine = await student.ask("GET", "/users/me/dashboard", 200)
    assert [enrolled["course"]["id"] for enrolled in mine["enrollments"]] == [lesson.course_id]
    assert [item["id"] for item in mine["live"]] == [lesson.id]
    assert [item["id"] for item in mine["upcoming"]] == [later["id"]]
    assert mine["teaching"] == []

    theirs = await teacher.ask("GET", "/users/me/dashboard", 200)
    assert [course["id"] for course in theirs["teaching"]] == [lesson.course_id]
    assert [item["id"] for item in theirs["live"]] == [lesson.id]
    assert theirs["enrollments"] == []


async def test_own_enrolments_are_listed(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    page = await lesson.students[0].ask("GET", "/users/me/enrollments", 200)
    assert page["nextCursor"] is None
    assert [(item["course"]["title"], item["status"]) for item in page["items"]] == [("Tides", "active")]
