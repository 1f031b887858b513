import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.envelopes import unpack_envelopes
from classroom.live.commands import Look
from serve_app.edge import BODY_LIMIT

PROBLEM_FIELDS = {
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "errorCode",
    "message",
    "details",
    "correlationId",
}
JSON = {"Content-Type": "application/json"}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["errorCode"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) == PROBLEM_FIELDS
    assert body["status"] == status
    assert body["detail"] == body["message"] != ""
    assert body["correlationId"] == response.headers["x-request-id"]
    return dict(body)


async def test_every_error_of_the_edge_is_a_problem_document(edge: Any) -> None:
    visitor, person = edge.visitor, await edge.person()
    missing = problem(await visitor.get("/api/nothing/here"), 404, "not_found")
    assert missing["instance"] == "/api/nothing/here"
    problem(await visitor.post("/api/nothing"), 404, "not_found")
    problem(await visitor.put("/api/courses"), 405, "method_not_allowed")
    problem(await visitor.delete("/api/health"), 405, "method_not_allowed")
    invalid = problem(await visitor.get("/api/courses?limit=1000"), 422, "validation_failed")
    assert [wrong["field"] for wrong in invalid["details"]["fields"]] == ["limit"]
    broken = problem(await visitor.post("/api/auth/login", content=b"{", headers=JSON), 400, "malformed_json")
    assert broken["details"]["fields"][0]["field"] == "body"
    problem(await visitor.post("/api/auth/login", content=b"\xff\xfe{", headers=JSON), 400, "malformed_json")
    problem(
        await visitor.post("/api/auth/login", content=b"a=b", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported_media_type",
    )
    problem(await visitor.post("/api/auth/login", json=[]), 422, "validation_failed")
    problem(await visitor.get("/api/users/me"), 401, "unauthenticated")
    problem(await person.client.get("/api/admin/courses"), 403, "forbidden")


async def test_a_body_of_more_than_a_megabyte_is_refused_however_it_comes(edge: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 65_536 + 1):
            yield b"x" * 65_536

    whole = await edge.visitor.post("/api/auth/login", content=b"x" * (BODY_LIMIT + 1), headers=JSON)
    assert problem(whole, 413, "body_too_large")["details"] == {"limitBytes": BODY_LIMIT}
    problem(await edge.visitor.post("/api/auth/login", content=pieces(), headers=JSON), 413, "body_too_large")
    lesson = await edge.live_class(students=1)
    joined = await lesson.students[0].client.post(f"/api{lesson.path}/join", content=pieces(), headers=JSON)
    problem(joined, 413, "body_too_large")


async def test_the_request_id_is_handed_on_to_the_class(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = await edge.live_class(students=2)
    call, sent = edge.lyceum.call, []

    async def watched(host: str, payload: bytes) -> bytes:
        sent.extend((each.body, each.request_id) for each in unpack_envelopes(payload))
        return bytes(await call(host, payload))

    monkeypatch.setattr(edge.lyceum, "call", watched)
    paths = [("POST", "/join"), ("GET", "/status"), ("POST", "/leave"), ("PATCH", ""), ("POST", "/end")]
    people = [*[lesson.students[0].client] * 3, *[lesson.teacher.client] * 2]
    for number, (person, (method, path)) in enumerate(zip(people, paths, strict=True)):
        body = {"json": {"title": "Ebb"}} if method == "PATCH" else {}
        headers = {"X-Request-Id": f"request-{number}"}
        await person.request(method, f"/api{lesson.path}{path}", headers=headers, **body)
    assert [request_id for _, request_id in sent] == [f"request-{number}" for number in range(5)]
    made = await lesson.students[1].client.get(f"/api{lesson.path}/status")
    assert sent[-1] == (Look(), made.headers["X-Request-Id"])


async def test_a_fault_of_ours_tells_no_secrets_and_is_logged(edge: Any) -> None:
    async def fail() -> None:
        raise RuntimeError("SELECT * FROM users WHERE password = 'hunter2'")

    edge.app.add_api_route("/api/fail", fail)
    with capture_logs() as logged:
        response = await edge.visitor.get("/api/fail", headers={"X-Request-Id": "r-500"})
    body = problem(response, 500, "internal_error")
    assert body["details"] == {}
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text
    assert [(fault["event"], fault["correlationId"]) for fault in logged] == [("fault", "r-500")]
    assert "hunter2" in str(logged[0]["exc_info"])
    request = (await edge.access_log())[-1]
    assert (request["correlationId"], request["status"], request["path"]) == ("r-500", 500, "/api/fail")


async def test_the_request_id_is_honoured_or_made_returned_and_logged(edge: Any) -> None:
    said = await edge.visitor.get("/api/health", headers={"X-Request-Id": "mine-1"})
    assert said.headers["x-request-id"] == "mine-1"
    assert [line["correlationId"] for line in await edge.access_log()] == ["mine-1"]
    made = [(await edge.visitor.get("/api/health")).headers["x-request-id"] for _ in range(2)]
    assert len({*made}) == 2
    for nonsense in ("two words", "x" * 500, ""):
        response = await edge.visitor.get("/api/nothing", headers={"X-Request-Id": nonsense})
        assert response.headers["x-request-id"] not in (nonsense, "")


async def test_answers_carry_the_headers_that_keep_browsers_safe(edge: Any) -> None:
    response = await edge.visitor.get("/api/courses")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_the_limit_is_so_many_a_minute_for_each_person_and_address(make_edge: Any) -> None:
    async with make_edge(rate_limit_per_minute=3) as edge:
        person, other = await edge.person(), await edge.person()
        left = [(await person.client.get("/api/users/me")).headers["ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = await person.client.get("/api/users/me")
        body = problem(refused, 429, "rate_limited")
        assert body["details"]["retry"] is True
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-limit"] == "3"
        assert refused.headers["ratelimit-remaining"] == "0"
        assert 1 <= int(refused.headers["ratelimit-reset"]) <= 60

        assert (await other.client.get("/api/users/me")).status_code == 200
        anonymous = [(await edge.visitor.get("/api/courses")).status_code for _ in range(4)]
        assert anonymous == [200, 200, 200, 429]
        assert (await edge.visitor.get("/api/health")).status_code == 200


async def test_the_door_has_a_larger_limit_of_its_own(make_edge: Any) -> None:
    async with make_edge(rate_limit_per_minute=3, live_rate_limit_per_minute=5) as edge:
        person = await edge.person()
        path = f"/api/live-sessions/{edge.parts.new_id()}"
        doors = [("POST", "join"), ("POST", "leave"), ("GET", "status"), ("GET", "status"), ("POST", "join")]
        statuses = [(await person.client.request(method, f"{path}/{door}")).status_code for method, door in doors]
        assert 429 not in statuses
        problem(await person.client.post(f"{path}/join"), 429, "rate_limited")
        assert (await person.client.get("/api/users/me")).status_code == 200


async def test_the_address_is_what_the_proxy_in_front_says(make_edge: Any) -> None:
    async with make_edge(rate_limit_per_minute=1) as edge:

        async def ask(forwarded: str) -> int:
            response = await edge.visitor.get("/api/courses", headers={"X-Forwarded-For": forwarded})
            return int(response.status_code)

        assert await ask("203.0.113.1") == 200
        assert await ask("203.0.113.1") == 429
        # What a client claims comes before what the proxy adds, and does not help.
        assert await ask("198.51.100.7, 203.0.113.1") == 429
        assert await ask("203.0.113.2") == 200


async def test_nobody_waits_for_limits_while_they_cannot_be_counted(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_who: str) -> None:
        return None

    monkeypatch.setattr(edge.parts.limits, "hit", away)
    response = await edge.visitor.get("/api/courses")
    assert response.status_code == 200
    assert "ratelimit-limit" not in response.headers


async def test_other_sites_may_call_only_when_they_are_named(make_edge: Any) -> None:
    async with make_edge(allowed_origins=("https://school.example",)) as edge:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        named = await edge.visitor.options("/api/auth/login", headers={"Origin": "https://school.example", **asked})
        assert named.headers["access-control-allow-origin"] == "https://school.example"
        other = await edge.visitor.options("/api/auth/login", headers={"Origin": "https://evil.example", **asked})
        assert "access-control-allow-origin" not in other.headers
        failed = await edge.visitor.get("/api/nothing", headers={"Origin": "https://school.example"})
        assert failed.headers["access-control-allow-origin"] == "https://school.example"


async def test_while_the_store_is_away_nothing_is_acknowledged(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student = lesson.students[0]
    edge.database.away = True
    for method, path, body in (
        ("GET", "/api/courses", None),
        ("POST", "/api/auth/register", {"name": "S", "email": "s@example.org", "password": "correct horse"}),
        ("PATCH", "/api/users/me", {"bio": "x"}),
    ):
        response = await student.client.request(method, path, json=body)
        assert problem(response, 503, "unavailable")["details"]["retry"] is True
        assert response.headers["retry-after"] == "1"
    edge.database.away = False
    assert (await student.client.get("/api/courses")).status_code == 200


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "é"])
async def test_a_key_that_cannot_be_kept_is_refused(edge: Any, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    body = {"name": "S", "email": "s@example.org", "password": "correct horse"}
    response = await edge.visitor.post("/api/auth/register", json=body, headers=headers)
    refused = problem(response, 400, "bad_request")
    assert refused["details"]["fields"][0]["field"] == "Idempotency-Key"


async def test_sockets_are_turned_away(edge: Any) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await edge.transport.app({"type": "websocket", "path": "/ws", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000}]


async def test_more_than_a_replica_can_hold_are_told_to_come_again(make_edge: Any) -> None:
    async with make_edge(most_at_once=2) as edge:
        gate = asyncio.Event()
        inside = asyncio.Queue[None]()

        async def wait() -> None:
            inside.put_nowait(None)
            await gate.wait()

        edge.app.add_api_route("/api/wait", wait)
        held = [asyncio.create_task(edge.visitor.get("/api/wait")) for _ in range(2)]
        async with asyncio.timeout(10):
            for _ in held:
                await inside.get()
            refused = await edge.visitor.get("/api/courses")
            assert problem(refused, 503, "unavailable")["details"]["retry"] is True
            gate.set()
            assert [response.status_code for response in await asyncio.gather(*held)] == [200, 200]
            assert (await edge.visitor.get("/api/courses")).status_code == 200
