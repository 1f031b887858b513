import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from classroom.callers import Caller, Role
from persistence.ids import new_id
from persistence.models import IdempotencyKey, User

PASSWORD = "correct horse"


def registration(**words: Any) -> dict[str, Any]:
    return {"name": "Sam", "email": f"{new_id()}@example.org", "password": "correct horse battery", **words}


async def test_who_registers_is_a_student_and_can_sign_in(edge: Any) -> None:
    body = registration(name="  Sam Reed ", email=f"{new_id()}@Example.org")
    made = await edge.visitor.post("/api/auth/register", json=body)
    assert made.status_code == 201
    user = made.json()
    assert (user["name"], user["email"], user["role"]) == ("Sam Reed", body["email"].lower(), "student")
    assert "password" not in made.text

    signed_in = await edge.visitor.post("/api/auth/login", json={"email": body["email"], "password": body["password"]})
    assert signed_in.status_code == 200
    tokens = signed_in.json()
    assert (tokens["tokenType"], tokens["expiresIn"], tokens["user"]) == ("Bearer", 3_600, user)
    me = await edge.client(tokens["accessToken"]).get("/api/auth/me")
    assert me.json() == user


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
    ],
)
async def test_a_registration_that_does_not_fit_says_where(edge: Any, words: dict[str, Any], field: str) -> None:
    response = await edge.visitor.post("/api/auth/register", json=registration(**words))
    assert (response.status_code, response.json()["errorCode"]) == (422, "validation_failed")
    assert [problem["field"] for problem in response.json()["details"]["fields"]] == [field]


async def test_an_address_is_registered_once(edge: Any) -> None:
    body = registration()
    await edge.visitor.post("/api/auth/register", json=body)
    again = await edge.visitor.post("/api/auth/register", json={**body, "email": body["email"].upper()})
    assert (again.status_code, again.json()["errorCode"]) == (409, "email_taken")


async def test_registering_twice_under_a_key_is_registering_once(edge: Any) -> None:
    body, key = registration(), {"Idempotency-Key": "k"}
    first, second = await asyncio.gather(
        *(edge.visitor.post("/api/auth/register", json=body, headers=key) for _ in range(2))
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = await edge.visitor.post("/api/auth/register", json=registration(), headers=key)
    assert (other.status_code, other.json()["errorCode"]) == (409, "idempotency_key_reused")


async def test_a_wrong_password_and_a_wrong_address_sound_alike(edge: Any) -> None:
    person = await edge.person()
    wrong = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": "wrong"})
    nobody = await edge.visitor.post("/api/auth/login", json={"email": "nobody@example.org", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json()["errorCode"] == "invalid_credentials"
    assert {**wrong.json(), "correlationId": ""} == {**nobody.json(), "correlationId": ""}
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_a_disabled_account_does_not_sign_in(edge: Any) -> None:
    person = await edge.person()
    async with edge.database.writing() as connection:
        await connection.execute(update(User).where(User.id == person.id).values(status="banned"))
    response = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
    assert (response.status_code, response.json()["errorCode"]) == (403, "account_disabled")


async def test_where_addresses_are_verified_only_verified_ones_sign_in(make_edge: Any) -> None:
    async with make_edge(email_verification=True) as edge:
        body = registration()
        made = await edge.visitor.post("/api/auth/register", json=body)
        assert made.json()["emailVerified"] is False
        response = await edge.visitor.post("/api/auth/login", json={"email": body["email"], "password": body["password"]})
        assert (response.status_code, response.json()["errorCode"]) == (403, "email_unverified")


async def sign_in(edge: Any, client: Any = None, **headers: str) -> tuple[Any, dict[str, Any]]:
    person = await edge.person()
    client = client or edge.visitor
    credentials = {"email": person.email, "password": PASSWORD}
    return person, (await client.post("/api/auth/login", json=credentials, headers=headers)).json()


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_sign_in(edge: Any) -> None:
    person, tokens = await sign_in(edge)
    refreshed = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    assert refreshed.status_code == 200
    assert refreshed.json()["user"]["id"] == person.id
    assert (await edge.client(refreshed.json()["accessToken"]).get("/api/auth/me")).status_code == 200

    stolen = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    assert (stolen.status_code, stolen.json()["errorCode"]) == (401, "invalid_refresh_token")
    assert (await edge.client(refreshed.json()["accessToken"]).get("/api/auth/me")).status_code == 401
    family = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": refreshed.json()["refreshToken"]})
    assert (family.status_code, family.json()["errorCode"]) == (401, "invalid_refresh_token")


async def test_a_refresh_repeated_under_a_key_is_no_reuse(edge: Any) -> None:
    _, tokens = await sign_in(edge)
    body, key = {"refreshToken": tokens["refreshToken"]}, {"Idempotency-Key": "r"}
    first = await edge.visitor.post("/api/auth/refresh", json=body, headers=key)
    again = await edge.visitor.post("/api/auth/refresh", json=body, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    async with edge.database.reading() as connection:
        kept = (await connection.execute(select(IdempotencyKey.sealed).where(IdempotencyKey.key == "r"))).scalar_one()
    assert first.json()["refreshToken"].encode() not in kept


@pytest.mark.parametrize("body", [{"refreshToken": "made up"}, {}, None])
async def test_what_is_no_refresh_token_refreshes_nothing(edge: Any, body: Any) -> None:
    response = await edge.visitor.post("/api/auth/refresh", **({"json": body} if body is not None else {}))
    assert (response.status_code, response.json()["errorCode"]) == (401, "invalid_refresh_token")


async def test_a_browser_keeps_its_refresh_token_in_a_cookie_no_script_can_read(edge: Any) -> None:
    browser = edge.client()
    person = await edge.person()
    credentials = {"email": person.email, "password": PASSWORD}
    signed_in = await browser.post("/api/auth/login", json=credentials, headers={"X-Lyceum-Client": "web"})
    assert signed_in.json()["refreshToken"] is None
    cookie = signed_in.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/api/auth"))
    assert "secure" not in cookie

    page = {"X-Lyceum-Client": "web"}
    refreshed = await browser.post("/api/auth/refresh", headers=page)
    assert (refreshed.status_code, refreshed.json()["refreshToken"]) == (200, None)
    assert refreshed.headers["set-cookie"] != signed_in.headers["set-cookie"]
    assert (await browser.post("/api/auth/refresh", headers={"Origin": "http://lyceum.test"})).status_code == 200
    assert (await browser.post("/api/auth/logout", headers=page)).status_code == 204
    assert (await browser.post("/api/auth/refresh", headers=page)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://lyceum.test.evil.example"},
        {"Origin": "https://evil.example", "X-Lyceum-Client": "web"},
    ],
)
async def test_a_form_of_another_site_cannot_use_the_cookie(edge: Any, headers: dict[str, str]) -> None:
    browser = edge.client()
    await sign_in(edge, browser, **{"X-Lyceum-Client": "web"})
    for path in ("refresh", "logout"):
        for body in ({}, {"json": {}}):
            refused = await browser.post(f"/api/auth/{path}", headers=headers, **body)
            assert (refused.status_code, refused.json()["errorCode"]) == (403, "cross_site")
    form = await browser.post("/api/auth/refresh", headers=headers, data={"a": "b"})
    assert form.status_code == 415
    page = {"X-Lyceum-Client": "web"}
    assert (await browser.post("/api/auth/refresh", headers=page)).status_code == 200


async def test_pages_of_sites_that_are_named_may_use_the_cookie(make_edge: Any) -> None:
    async with make_edge(allowed_origins=("https://school.example",)) as edge:
        browser = edge.client()
        await sign_in(edge, browser, **{"X-Lyceum-Client": "web"})
        headers = {"Origin": "https://school.example"}
        assert (await browser.post("/api/auth/refresh", headers=headers)).status_code == 200


async def test_after_ten_wrong_passwords_an_account_waits_whether_it_exists_or_not(edge: Any) -> None:
    person, other = await edge.person(), await edge.person()
    answers = []
    for email in (person.email, f"{new_id()}@example.org"):
        tried = [await edge.visitor.post("/api/auth/login", json={"email": email, "password": "no"}) for _ in range(11)]
        assert [answer.status_code for answer in tried] == [401] * 10 + [429]
        assert tried[-1].json()["errorCode"] == "rate_limited"
        assert 880 <= int(tried[-1].headers["retry-after"]) <= 901
        answers.append({**tried[-1].json(), "correlationId": "", "details": ""})
    assert answers[0]["message"] == answers[1]["message"]
    right = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
    assert right.status_code == 429
    right = await edge.visitor.post("/api/auth/login", json={"email": other.email, "password": PASSWORD})
    assert right.status_code == 200


async def test_the_right_password_makes_wrong_ones_forgotten(edge: Any) -> None:
    person = await edge.person()
    for _ in range(3):
        for _ in range(6):
            await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": "no"})
        right = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
        assert right.status_code == 200


async def test_too_many_wrong_passwords_from_one_address_wait_whatever_the_account(make_edge: Any) -> None:
    async with make_edge(sign_in_tries_per_address=4) as edge:
        person = await edge.person()

        async def try_in(email: str, password: str, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            body = {"email": email, "password": password}
            return int((await edge.visitor.post("/api/auth/login", json=body, headers=headers)).status_code)

        assert await try_in(person.email, PASSWORD, "203.0.113.1") == 200
        tried = [await try_in(f"{new_id()}@example.org", "no", "203.0.113.1") for _ in range(5)]
        assert tried == [401] * 4 + [429]
        assert await try_in(person.email, PASSWORD, "203.0.113.1") == 429
        assert await try_in(person.email, PASSWORD, "203.0.113.2") == 200


async def test_over_tls_the_cookie_is_for_tls_alone(make_edge: Any) -> None:
    async with make_edge(http_url="https://lyceum.test") as edge:
        person = await edge.person()
        credentials = {"email": person.email, "password": PASSWORD}
        response = await edge.visitor.post("/api/auth/login", json=credentials, headers={"X-Lyceum-Client": "web"})
        assert "secure" in response.headers["set-cookie"].lower()
        assert response.headers["strict-transport-security"].startswith("max-age=")


async def test_signing_out_ends_the_sign_in_by_either_token(edge: Any) -> None:
    _, first = await sign_in(edge)
    out = await edge.visitor.post("/api/auth/logout", json={"refreshToken": first["refreshToken"]})
    assert (out.status_code, out.content) == (204, b"")
    assert (await edge.client(first["accessToken"]).get("/api/auth/me")).status_code == 401
    again = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": first["refreshToken"]})
    assert again.status_code == 401

    _, second = await sign_in(edge)
    browser = edge.client(second["accessToken"])
    assert (await browser.get("/api/auth/me")).status_code == 200
    assert (await browser.post("/api/auth/logout")).status_code == 204
    assert (await browser.get("/api/auth/me")).status_code == 401
    assert (await browser.get("/api/courses")).status_code == 200
    assert (await browser.post("/api/auth/logout")).status_code == 204
    again = await edge.visitor.post("/api/auth/refresh", json={"refreshToken": second["refreshToken"]})
    assert again.status_code == 401


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer nonsense", "Basic c2FtOnNhbQ==", "Bearer a.b.c"])
async def test_without_a_good_access_token_nobody_is_signed_in(edge: Any, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    for path in ("/api/auth/me", "/api/auth/roles", "/api/users/me", "/api/live-sessions"):
        response = await edge.visitor.get(path, headers=headers)
        assert (response.status_code, response.json()["errorCode"]) == (401, "unauthenticated")


async def test_an_access_token_ends(edge: Any) -> None:
    person = await edge.person()
    caller = Caller(person.id, person.name, Role.STUDENT)
    old = edge.parts.tokens.make(caller, edge.parts.clock() - 61_000_000, 60, new_id())
    assert (await edge.client(old).get("/api/auth/me")).status_code == 401


async def test_the_roles_are_told(edge: Any) -> None:
    roles = await (await edge.person()).ask("GET", "/auth/roles", 200)
    assert [role["role"] for role in roles["items"]] == ["student", "instructor", "admin"]


async def test_too_many_sign_ins_at_once_are_told_to_come_again(edge: Any) -> None:
    edge.parts.passwords._room = 0
    for _ in range(12):  # a password that was not looked at is no wrong one
        response = await edge.visitor.post("/api/auth/login", json={"email": "a@b.c", "password": "x"})
        assert (response.status_code, response.json()["errorCode"]) == (503, "unavailable")
        assert response.json()["details"]["retry"] is True
