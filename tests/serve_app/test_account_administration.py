import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.ids import new_id
from tests.serve_app.edges import PASSWORD


async def sign_in(edge: Any, person: Any) -> dict[str, Any]:
    body = {"email": person.email, "password": PASSWORD}
    response = await edge.visitor.post("/api/auth/login", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def refresh(edge: Any, tokens: dict[str, Any], expect: int = 200) -> dict[str, Any]:
    response = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    assert response.status_code == expect, response.text
    return dict(response.json())


async def test_who_is_banned_is_out_with_the_next_request_and_stays_out(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN, "Ada"), await edge.person()
    tokens = await sign_in(edge, person)
    browser = edge.client(tokens["accessToken"])
    assert (await browser.get("/api/users/me")).status_code == 200

    banned = await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200, {"reason": "Spam."})
    assert (banned["status"], banned["banReason"]) == ("banned", "Spam.")
    for path in ("/api/users/me", "/api/courses", f"/api/live-sessions/{new_id()}/status"):
        for client in (browser, person.client):
            refused = await client.get(path)
            assert (refused.status_code, refused.json()["errorCode"]) == (403, "account_disabled")
    assert (await refresh(edge, tokens, 401))["errorCode"] == "invalid_refresh_token"
    again = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
    assert (again.status_code, again.json()["errorCode"]) == (403, "account_disabled")

    assert await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200, {"reason": "Other."}) == banned
    active = await admin.ask("PATCH", f"/admin/users/{person.id}/activate", 200)
    assert (active["status"], active["banReason"]) == ("active", None)
    assert await admin.ask("PATCH", f"/admin/users/{person.id}/activate", 200) == active
    assert (await refresh(edge, tokens, 401))["errorCode"] == "invalid_refresh_token"
    fresh = edge.client((await sign_in(edge, person))["accessToken"])
    assert (await fresh.get("/api/users/me")).status_code == 200
    assert (await browser.get("/api/users/me")).status_code == 401

    log = await admin.ask("GET", f"/admin/audit-log?target={person.id}", 200)
    assert [(act["action"], act["actor"]["id"]) for act in log["items"]] == [
        ("user.activate", admin.id),
        ("user.ban", admin.id),
    ]
    assert log["items"][1]["details"] == {"reason": "Spam."}


async def test_who_is_banned_loses_the_seat_and_the_next_in_line_gets_it(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=3)
    first, second, third = lesson.students
    assert (await first.ask("POST", f"{lesson.path}/join", 200))["outcome"] == "seated"
    for waiting in (second, third):
        assert (await waiting.ask("POST", f"{lesson.path}/join", 202))["outcome"] == "waitlisted"
    admin = await edge.person(Role.ADMIN)
    for person in (first, second):
        await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200)
    status = await third.ask("GET", f"{lesson.path}/status", 200)
    assert (status["you"]["outcome"], status["currentStudents"], status["waitlisted"]) == ("seated", 1, 0)
    assert (await first.ask("POST", f"{lesson.path}/join", 403))["errorCode"] == "account_disabled"


async def test_a_ban_and_a_join_at_once_leave_no_banned_student_in_the_class(edge: Any) -> None:
    lesson = await edge.live_class(seats=10, students=6)
    admin = await edge.person(Role.ADMIN)
    joins = [student.client.post(f"/api{lesson.path}/join") for student in lesson.students]
    bans = [admin.client.patch(f"/api/admin/users/{student.id}/ban") for student in lesson.students]
    answers = await asyncio.gather(*joins, *bans)
    assert {answer.status_code for answer in answers[:6]} <= {200, 403}
    assert {answer.status_code for answer in answers[6:]} == {200}
    status = await lesson.teacher.ask("GET", f"{lesson.path}/status", 200)
    assert status["currentStudents"] == 0


async def test_admins_act_on_others_and_one_is_always_left(edge: Any) -> None:
    one, other = await edge.person(Role.ADMIN), await edge.person(Role.ADMIN)
    for path, body in (("ban", {}), ("activate", None), ("role", {"role": "student"})):
        refused = await one.ask("PATCH", f"/admin/users/{one.id}/{path}", 409, body)
        assert refused["errorCode"] == "own_account"
    answers = await asyncio.gather(
        one.client.patch(f"/api/admin/users/{other.id}/role", json={"role": "student"}),
        other.client.patch(f"/api/admin/users/{one.id}/role", json={"role": "instructor"}),
        one.client.patch(f"/api/admin/users/{other.id}/ban"),
        other.client.patch(f"/api/admin/users/{one.id}/ban"),
    )
    assert {answer.status_code for answer in answers} <= {200, 401, 403}
    left = [each for each in (one, other) if (await each.client.get("/api/admin/users")).status_code == 200]
    assert len(left) == 1
    people = await left[0].ask("GET", "/admin/users?role=admin&status=active", 200)
    assert [person["id"] for person in people["items"]] == [left[0].id]
    assert (await left[0].ask("DELETE", "/users/me", 409))["errorCode"] == "last_admin"
    await left[0].ask("GET", "/users/me", 200)


async def test_a_role_that_is_taken_away_is_gone_at_once_and_one_that_is_given_comes_with_the_next_token(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person(Role.ADMIN)
    tokens = await sign_in(edge, person)
    browser = edge.client(tokens["accessToken"])
    assert (await browser.get("/api/admin/users")).status_code == 200

    changed = await admin.ask("PATCH", f"/admin/users/{person.id}/role", 200, {"role": "student"})
    assert changed["role"] == "student"
    assert (await browser.get("/api/admin/users")).status_code == 401
    tokens = await refresh(edge, tokens)
    assert tokens["user"]["role"] == "student"
    browser = edge.client(tokens["accessToken"])
    assert (await browser.get("/api/admin/users")).status_code == 403
    assert (await browser.get("/api/users/me")).status_code == 200

    await admin.ask("PATCH", f"/admin/users/{person.id}/role", 200, {"role": "admin"})
    assert (await browser.get("/api/users/me")).status_code == 200
    tokens = await refresh(edge, tokens)
    assert (await edge.client(tokens["accessToken"]).get("/api/admin/users")).status_code == 200
    log = await admin.ask("GET", f"/admin/audit-log?target={person.id}&targetType=user", 200)
    assert [act["details"] for act in log["items"]] == [
        {"from": "student", "to": "admin", "lowered": False},
        {"from": "admin", "to": "student", "lowered": True},
    ]


async def test_what_cannot_be_meant_is_refused_and_nothing_changes(edge: Any) -> None:
    admin, person = await edge.person(Role.ADMIN), await edge.person()
    for method, path, body, status in (
        ("PATCH", f"/admin/users/{new_id()}/ban", {}, 404),
        ("PATCH", "/admin/users/nobody/ban", {}, 404),
        ("PATCH", f"/admin/users/{new_id()}/activate", None, 404),
        ("PATCH", f"/admin/users/{person.id}/role", {"role": "king"}, 422),
        ("PATCH", f"/admin/users/{person.id}/role", {}, 422),
        ("PATCH", f"/admin/users/{person.id}/ban", {"reason": "x" * 2_001}, 422),
        ("PATCH", f"/admin/users/{person.id}/ban", {"reason": "a\x00b"}, 422),
        ("GET", "/admin/users?role=king", None, 422),
        ("GET", "/admin/users?cursor=nonsense", None, 422),
        ("GET", "/admin/users?q=%00", None, 422),
        ("GET", "/admin/audit-log?from=yesterday", None, 422),
        ("GET", "/admin/audit-log?cursor=nonsense", None, 422),
    ):
        await admin.ask(method, path, status, body)
    await person.ask("GET", "/users/me", 200)
    assert (await admin.ask("GET", "/admin/audit-log", 200))["items"] == []


async def test_a_banned_admin_decides_nothing_whatever_their_token_says(edge: Any, monkeypatch: Any) -> None:
    admin, other, person = await edge.person(Role.ADMIN), await edge.person(Role.ADMIN), await edge.person()
    monkeypatch.setattr(edge.parts.denied, "verdict", lambda _: None)  # a process that has not heard yet
    await admin.ask("PATCH", f"/admin/users/{other.id}/ban", 200)
    for path, body in (("ban", {}), ("role", {"role": "admin"})):
        assert (await other.ask("PATCH", f"/admin/users/{person.id}/{path}", 403, body))["errorCode"] == "forbidden"


async def test_people_are_found_by_words_role_and_status_page_by_page(edge: Any) -> None:
    admin = await edge.person(Role.ADMIN, "Ada Lovelace")
    words = ("Kelp", "Limpet", "Mussel", "Nautilus", "Oyster")
    made = [await edge.person(name=f"Zoë O'Hara-{word}") for word in words]
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    await admin.ask("PATCH", f"/admin/users/{made[0].id}/ban", 200)

    async def ids(query: str) -> list[str]:
        return [each["id"] for each in (await admin.ask("GET", f"/admin/users?{query}", 200))["items"]]

    assert await ids("q=zo%C3%AB") == [person.id for person in reversed(made)]
    assert await ids("q=hara+zo%C3%AB+nauti") == [made[3].id]
    assert await ids(f"q={teacher.email}") == [teacher.id]
    assert await ids(f"q={teacher.email[:20]}&role=student") == []
    assert await ids("q=love%27%3A*%26%7C%21%28%5C") == [admin.id]
    assert await ids("q=nobodyatall") == []
    assert await ids("q=%27%26%7C%21") == []
    assert await ids("status=banned") == [made[0].id]
    assert await ids("role=instructor") == [teacher.id]

    seen, cursor = [], ""
    while cursor is not None:
        page = await admin.ask("GET", f"/admin/users?limit=2{cursor and '&cursor='}{cursor}", 200)
        seen += [each["id"] for each in page["items"]]
        cursor = page["nextCursor"]
    assert seen == [teacher.id, *(person.id for person in reversed(made)), admin.id]


async def test_the_record_is_read_by_who_what_and_when_page_by_page(edge: Any) -> None:
    one, other, person = await edge.person(Role.ADMIN), await edge.person(Role.ADMIN), await edge.person()
    before = edge.soon(seconds=0)
    for admin in (one, other, one):
        await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200)
        await admin.ask("PATCH", f"/admin/users/{person.id}/activate", 200)

    async def actions(query: str) -> list[str]:
        return [act["action"] for act in (await one.ask("GET", f"/admin/audit-log?{query}", 200))["items"]]

    both = ["user.activate", "user.ban"]
    assert await actions("") == both * 3
    assert await actions(f"actor={other.id.upper()}") == both
    assert await actions(f"actor={new_id()}") == await actions("actor=nobody") == []
    assert await actions(f"target={person.id}&targetType=user") == both * 3
    assert await actions("targetType=course") == []
    assert await actions(f"from={before}") == both * 3
    assert await actions(f"to={before}") == []
    assert await actions("from=0001-01-01T00:00:00%2B23:59") == both * 3
    assert await actions("from=9999-12-31T23:59:59-23:59") == []
    seen, cursor = [], ""
    while cursor is not None:
        page = await one.ask("GET", f"/admin/audit-log?limit=4{cursor and '&cursor='}{cursor}", 200)
        seen += [act["id"] for act in page["items"]]
        cursor = page["nextCursor"]
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)


async def test_the_own_account_is_closed_for_good_and_its_name_stays_in_the_record(edge: Any) -> None:
    lesson = await edge.live_class(seats=2, students=2)
    student, other = lesson.students
    for each in (student, other):
        await each.ask("POST", f"{lesson.path}/join", 200)
    tokens = await sign_in(edge, student)
    await student.ask("DELETE", "/users/me", 204)

    for client in (student.client, edge.client(tokens["accessToken"])):
        assert (await client.get("/api/users/me")).status_code == 403
    assert (await refresh(edge, tokens, 401))["errorCode"] == "invalid_refresh_token"
    gone = await edge.visitor.post("/api/auth/login", json={"email": student.email, "password": PASSWORD})
    assert (gone.status_code, gone.json()["errorCode"]) == (401, "invalid_credentials")
    await other.ask("GET", f"/users/{student.id}", 404)
    assert (await other.ask("GET", f"{lesson.path}/status", 200))["currentStudents"] == 1
    rows = (await lesson.teacher.ask("GET", f"{lesson.path}/attendance", 200))["items"]
    assert student.name in [row["name"] for row in rows]

    body = {"name": "Sam", "email": student.email, "password": "correct horse battery"}
    again = await edge.visitor.post("/api/auth/register", json=body)
    assert again.status_code == 201
    assert again.json()["id"] != student.id


@pytest.mark.parametrize("kind", ["family", "role"])
async def test_a_process_that_is_not_sure_asks_first(edge: Any, monkeypatch: Any, kind: str) -> None:
    person = await edge.person()
    asked: list[str] = []

    async def make_sure() -> None:
        asked.append(kind)

    monkeypatch.setattr(type(edge.parts.denied), "is_sure", False)
    monkeypatch.setattr(edge.parts.denied, "make_sure", make_sure)
    await person.ask("GET", "/users/me", 200)
    assert asked == [kind]
    assert (await edge.visitor.get("/api/courses")).status_code == 200
    assert asked == [kind]  # who is not signed in is not asked about


async def test_who_is_still_seated_is_seen_out_a_moment_later_unless_let_in_again(edge: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("persistence.account_administration.SEE_OUT_SECONDS", 0)
    lesson = await edge.live_class(seats=3, students=3)
    gone, back, other = lesson.students
    for student in lesson.students:
        await student.ask("POST", f"{lesson.path}/join", 200)
    async with edge.database.writing() as connection:
        await connection.execute(
            text(
                "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students,"
                " current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id,"
                " instructor_name) VALUES (:id, :course, 'Tide', now(), 60, now(), 3, 3, 0, 'live', 10, true, false,"
                " :teacher, 'Ina')"
            ),
            {"id": lesson.id, "course": lesson.course_id, "teacher": lesson.teacher.id},
        )

    async def none(*_: Any) -> list[str]:
        return []

    admin = await edge.person(Role.ADMIN)
    with monkeypatch.context() as dying:
        dying.setattr(edge.parts.enrollments, "list_course_ids", none)  # as if the replica had died after the ban
        for student in (gone, back):
            await admin.ask("PATCH", f"/admin/users/{student.id}/ban", 200)
    await admin.ask("PATCH", f"/admin/users/{back.id}/activate", 200)
    assert (await other.ask("GET", f"{lesson.path}/status", 200))["currentStudents"] == 3
    await edge.run_jobs()
    assert (await other.ask("GET", f"{lesson.path}/status", 200))["currentStudents"] == 2
    back = edge.client((await sign_in(edge, back))["accessToken"])
    assert (await back.get(f"/api{lesson.path}/status")).json()["you"]["outcome"] == "seated"
