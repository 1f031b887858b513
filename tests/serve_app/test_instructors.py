import asyncio
from typing import Any

import pytest

from classroom.callers import Role
from persistence.ids import new_id
from tests.serve_app.test_account_administration import refresh, sign_in

ASK = {"reason": "I sail.", "qualifications": "Twenty years at sea."}


async def test_a_student_asks_is_approved_and_teaches_from_the_next_token_on(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person()
    tokens = await sign_in(edge, person)
    await person.ask("GET", "/instructor-requests/me", 404)
    made = await person.ask("POST", "/instructor-requests", 201, ASK)
    assert (made["status"], made["user"], made["reason"]) == ("pending", {"id": person.id, "name": "Sam"}, "I sail.")
    assert await person.ask("GET", "/instructor-requests/me", 200) == made
    assert (await person.ask("POST", "/instructor-requests", 409, ASK))["errorCode"] == "request_pending"
    waiting = await admin.ask("GET", "/admin/instructor-requests?status=pending", 200)
    assert waiting["items"] == [made]

    path = f"/admin/instructor-requests/{made['id']}"
    approved = await admin.ask("PATCH", f"{path}/approve", 200)
    assert (approved["status"], approved["decidedAt"] is not None) == ("approved", True)
    assert await admin.ask("PATCH", f"{path}/approve", 200) == approved
    assert (await admin.ask("PATCH", f"{path}/reject", 409, {"reason": "No."}))["errorCode"] == "request_decided"

    course = {"title": "Tides"}
    assert (await edge.client(tokens["accessToken"]).post("/api/instructor/courses", json=course)).status_code == 403
    tokens = await refresh(edge, tokens)
    assert tokens["user"]["role"] == "instructor"
    teacher = edge.client(tokens["accessToken"])
    assert (await teacher.post("/api/instructor/courses", json=course)).status_code == 201
    again = await teacher.post("/api/instructor-requests", json=ASK)
    assert (again.status_code, again.json()["errorCode"]) == (409, "already_instructor")
    assert (await person.ask("POST", "/instructor-requests", 409, ASK))["errorCode"] == "already_instructor"
    log = await admin.ask("GET", f"/admin/audit-log?target={made['id']}", 200)
    assert [(act["action"], act["details"]) for act in log["items"]] == [
        ("instructor_request.approve", {"userId": person.id})
    ]
    told = await person.ask("GET", "/notifications", 200)
    assert [notice["kind"] for notice in told["items"]] == ["instructor_request"]


async def test_who_was_an_instructor_and_is_approved_anew_may_teach_at_once(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person(Role.INSTRUCTOR)
    await admin.ask("PATCH", f"/admin/users/{person.id}/role", 200, {"role": "student"})
    tokens = await sign_in(edge, person)
    made = await edge.client(tokens["accessToken"]).post("/api/instructor-requests", json=ASK)
    assert made.status_code == 201
    await admin.ask("PATCH", f"/admin/instructor-requests/{made.json()['id']}/approve", 200)
    teacher = edge.client((await refresh(edge, tokens))["accessToken"])
    assert (await teacher.get("/api/instructor/courses")).status_code == 200


async def test_of_who_has_gone_nothing_is_decided(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person()
    made = await person.ask("POST", "/instructor-requests", 201, ASK)
    await person.ask("DELETE", "/users/me", 204)
    await admin.ask("PATCH", f"/admin/instructor-requests/{made['id']}/approve", 404)
    assert (await admin.ask("GET", f"/admin/audit-log?target={made['id']}", 200))["items"] == []


async def test_who_was_turned_down_reads_why_and_may_ask_again(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person()
    made = await person.ask("POST", "/instructor-requests", 201, ASK)
    path = f"/admin/instructor-requests/{made['id']}"
    for nothing in ({}, {"reason": " "}):
        await admin.ask("PATCH", f"{path}/reject", 422, nothing)
    rejected = await admin.ask("PATCH", f"{path}/reject", 200, {"reason": "Say more."})
    assert (rejected["status"], rejected["decisionReason"]) == ("rejected", "Say more.")
    assert await admin.ask("PATCH", f"{path}/reject", 200, {"reason": "Other."}) == rejected
    assert (await admin.ask("PATCH", f"{path}/approve", 409))["details"] == {"status": "rejected"}
    assert (await person.ask("GET", "/users/me", 200))["role"] == "student"
    second = await person.ask("POST", "/instructor-requests", 201, ASK)
    assert (await person.ask("GET", "/instructor-requests/me", 200))["id"] == second["id"] != made["id"]
    every = await admin.ask("GET", "/admin/instructor-requests", 200)
    assert [item["id"] for item in every["items"]] == [made["id"], second["id"]]


async def test_of_many_requests_at_once_one_stands_and_under_a_key_it_is_answered_again(edge: Any) -> None:
    person = await edge.person()
    answers = await asyncio.gather(*(person.client.post("/api/instructor-requests", json=ASK) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]

    other = await edge.person()
    first = await other.ask("POST", "/instructor-requests", 201, ASK, Idempotency_Key="ask")
    assert await other.ask("POST", "/instructor-requests", 201, ASK, Idempotency_Key="ask") == first


async def test_two_admins_who_decide_at_once_decide_once(edge: Any) -> None:
    admins = [await edge.person(Role.ADMIN) for _ in range(2)]
    person = await edge.person()
    made = await person.ask("POST", "/instructor-requests", 201, ASK)
    path = f"/api/admin/instructor-requests/{made['id']}"
    answers = await asyncio.gather(
        *(admin.client.patch(f"{path}/approve") for admin in admins),
        *(admin.client.patch(f"{path}/reject", json={"reason": "No."}) for admin in admins),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    acts = [act["action"] for act in (await admins[0].ask("GET", "/admin/audit-log", 200))["items"]]
    status = (await person.ask("GET", "/instructor-requests/me", 200))["status"]
    role = (await person.ask("GET", "/users/me", 200))["role"]
    approved, rejected = ["instructor_request.approve", "user.role"], ["instructor_request.reject"]
    assert (status, role, sorted(acts)) in [("approved", "instructor", approved), ("rejected", "student", rejected)]


@pytest.mark.parametrize(
    "body", [{}, {"reason": "", "qualifications": "x"}, {"reason": "x", "qualifications": "x" * 5_001}, {**ASK, "reason": 7}]
)
async def test_a_request_that_does_not_fit_is_refused(edge: Any, body: dict[str, Any]) -> None:
    person = await edge.person()
    await person.ask("POST", "/instructor-requests", 422, body)
    await person.ask("GET", "/instructor-requests/me", 404)


async def test_an_admin_does_not_ask_and_unknown_requests_are_not_found(edge: Any) -> None:
    admin = await edge.person(Role.ADMIN)
    await admin.ask("POST", "/instructor-requests", 403, ASK)
    for ident in (new_id(), "nonsense"):
        await admin.ask("PATCH", f"/admin/instructor-requests/{ident}/approve", 404)
        await admin.ask("PATCH", f"/admin/instructor-requests/{ident}/reject", 404, {"reason": "No."})


async def test_an_instructor_is_shown_with_the_figures_of_published_courses(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    teacher = lesson.teacher
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})
    shown = (await edge.visitor.get(f"/api/instructors/{teacher.id}")).json()
    assert (shown["name"], shown["courseCount"], shown["studentCount"]) == ("Ina", 1, 2)
    assert (shown["ratingAverage"], shown["ratingCount"]) == (None, 0)
    assert "email" not in shown
    assert await teacher.ask("GET", "/instructors/me", 200) == shown

    changes = {"headline": "Sails.", "bio": "At sea.", "avatarUrl": "https://x.example/a.png"}
    changed = await teacher.ask("PATCH", "/instructors/me", 200, changes)
    assert changed == {**shown, **changes}
    assert (await teacher.ask("PATCH", "/instructors/me", 200, {"avatarUrl": None, "bio": None}))["bio"] == "At sea."
    await teacher.ask("PATCH", "/instructors/me", 422, {"avatarUrl": "javascript:alert(1)"})

    student = lesson.students[0]
    for path in (f"/api/instructors/{student.id}", f"/api/instructors/{new_id()}", "/api/instructors/x"):
        assert (await edge.visitor.get(path)).status_code == 404
    await student.ask("GET", "/instructors/me", 403)
    await student.ask("PATCH", "/instructors/me", 403, changes)


async def test_preferences_are_chosen_anew_as_a_whole(edge: Any) -> None:
    person = await edge.person()
    before = await person.ask("GET", "/users/me/preferences", 200)
    assert (before["theme"], before["locale"]) == ("system", "en")
    assert before["notifications"]["announcement"] == {"inApp": True, "mail": True}
    assert (await person.ask("GET", "/users/me", 200))["preferences"] == before

    chosen = {"theme": "dark", "locale": "pt-BR", "notifications": {"announcement": {"mail": False}}}
    after = await person.ask("PUT", "/users/me/preferences", 200, chosen)
    expected = {**before["notifications"], "announcement": {"inApp": True, "mail": False}}
    assert after == {"theme": "dark", "locale": "pt-BR", "notifications": expected}
    assert await person.ask("GET", "/users/me/preferences", 200) == after
    assert await person.ask("PUT", "/users/me/preferences", 200, after) == after
    assert await person.ask("PUT", "/users/me/preferences", 200, {}) == {**before, "locale": "pt-BR"}
    assert (await person.ask("PATCH", "/users/me", 200, {"locale": "de"}))["locale"] == "de"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"theme": "pink"}, "theme"),
        ({"locale": "not a locale"}, "locale"),
        ({"notifications": {"no_such_kind": {"mail": True}}}, "notifications.no_such_kind"),
        ({"notifications": {"announcement": {"mail": "yes"}}}, "notifications.announcement.mail"),
        ({"notifications": []}, "notifications"),
    ],
)
async def test_preferences_that_cannot_be_meant_say_where(edge: Any, body: dict[str, Any], field: str) -> None:
    person = await edge.person()
    problem = await person.ask("PUT", "/users/me/preferences", 422, body)
    assert problem["details"]["fields"][0]["field"].startswith(field)
