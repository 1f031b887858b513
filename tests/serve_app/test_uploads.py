import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.ids import new_id
from serve_app import receiving

PDF = b"%PDF-1.7\n" + b"tide " * 100
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
async def teacher(edge: Any) -> Any:
    return await edge.person(Role.INSTRUCTOR, "Ina")


@pytest.fixture
async def course(edge: Any, teacher: Any) -> str:
    return str(await edge.course(teacher))


def announcement(course_id: str | None, body: bytes = PDF, **changes: Any) -> dict[str, Any]:
    file = {"filename": "tide.pdf", "contentType": "application/pdf", "sizeBytes": len(body), "courseId": course_id}
    return {**file, **changes}


async def announce(person: Any, course_id: str | None, body: bytes = PDF, **changes: Any) -> dict[str, Any]:
    ticket: dict[str, Any] = await person.ask("POST", "/uploads/signed-url", 200, announcement(course_id, body, **changes))
    return ticket


async def put(edge: Any, ticket: dict[str, Any], body: Any, **changes: str) -> httpx.Response:
    headers = {**ticket["headers"], **changes}
    headers.pop("content-length", None)
    address = urlsplit(ticket["uploadUrl"])
    response: httpx.Response = await edge.visitor.put(f"{address.path}?{address.query}", content=body, headers=headers)
    return response


async def upload(edge: Any, person: Any, course_id: str | None, body: bytes = PDF, **changes: Any) -> dict[str, Any]:
    ticket = await announce(person, course_id, body, **changes)
    assert (await put(edge, ticket, body)).status_code == 204
    done: dict[str, Any] = await person.ask("POST", f"/uploads/{ticket['mediaId']}/complete", 200)
    return done


async def stored(edge: Any) -> list[str]:
    return [found.key async for found in edge.parts.stores.objects.list_("media")]


async def test_a_file_is_announced_put_and_checked(edge: Any, teacher: Any, course: str) -> None:
    ticket = await announce(teacher, course, sha256=hashlib.sha256(PDF).hexdigest())
    assert ticket["method"] == "PUT"
    assert ticket["uploadUrl"].startswith(f"http://lyceum.test/api/uploads/{ticket['mediaId']}?")
    path = f"/uploads/{ticket['mediaId']}"
    assert (await teacher.ask("POST", f"{path}/complete", 409))["errorCode"] == "upload_incomplete"
    assert (await teacher.ask("GET", path, 200))["status"] == "pending"

    answer = await put(edge, ticket, PDF)
    assert (answer.status_code, answer.content) == (204, b"")
    done = await teacher.ask("POST", f"{path}/complete", 200)
    assert (done["status"], done["sizeBytes"], done["sha256"]) == ("ready", len(PDF), hashlib.sha256(PDF).hexdigest())
    assert await teacher.ask("POST", f"{path}/complete", 200) == done
    assert await teacher.ask("GET", path, 200) == done


async def test_a_file_may_be_larger_than_other_bodies_and_come_without_its_length(
    edge: Any, teacher: Any, course: str
) -> None:
    body = PDF + bytes(3 << 20)
    ticket = await announce(teacher, course, body)

    async def pieces() -> Any:
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    assert (await put(edge, ticket, pieces())).status_code == 204
    done = await teacher.ask("POST", f"/uploads/{ticket['mediaId']}/complete", 200)
    assert done["sha256"] == hashlib.sha256(body).hexdigest()


async def test_sent_again_before_it_is_checked_the_last_bytes_count(edge: Any, teacher: Any, course: str) -> None:
    ticket = await announce(teacher, course)
    other = PDF[:-1] + b"!"
    await asyncio.gather(*(put(edge, ticket, PDF) for _ in range(3)))
    assert (await put(edge, ticket, other)).status_code == 204
    assert len(await stored(edge)) == 1
    done = await teacher.ask("POST", f"/uploads/{ticket['mediaId']}/complete", 200)
    assert done["sha256"] == hashlib.sha256(other).hexdigest()

    late = await put(edge, ticket, PDF)
    assert (late.status_code, late.json()["errorCode"]) == (409, "upload_over")
    assert (await teacher.ask("GET", f"/uploads/{ticket['mediaId']}", 200))["sha256"] == done["sha256"]


@pytest.mark.parametrize(("body", "what"), [(b"MZ\x90\x00" + PDF[4:], "type"), (b"<script>" + PDF[8:], "type")])
async def test_a_file_of_another_type_is_removed(edge: Any, teacher: Any, course: str, body: bytes, what: str) -> None:
    ticket = await announce(teacher, course)
    assert (await put(edge, ticket, body)).status_code == 204
    path = f"/uploads/{ticket['mediaId']}"
    lie = await teacher.ask("POST", f"{path}/complete", 422)
    assert (lie["errorCode"], lie["details"]["what"]) == ("upload_mismatch", what)
    assert await stored(edge) == []
    assert (await teacher.ask("GET", path, 200))["status"] == "rejected"
    assert (await teacher.ask("POST", f"{path}/complete", 409))["errorCode"] == "upload_over"
    assert (await put(edge, ticket, PDF)).status_code == 409


@pytest.mark.parametrize("body", [PDF[:-1], PDF + b"x", b""])
async def test_a_file_of_another_size_is_not_even_stored(edge: Any, teacher: Any, course: str, body: bytes) -> None:
    ticket = await announce(teacher, course)

    async def pieces() -> Any:
        yield body

    for sent in (body, pieces()):
        lie = await put(edge, ticket, sent)
        assert (lie.status_code, lie.json()["errorCode"]) == (422, "upload_mismatch"), lie.text
    assert await stored(edge) == []
    assert (await put(edge, ticket, PDF)).status_code == 204


async def test_a_file_with_another_sum_is_removed(edge: Any, teacher: Any, course: str) -> None:
    ticket = await announce(teacher, course, sha256="ab" * 32)
    await put(edge, ticket, PDF)
    lie = await teacher.ask("POST", f"/uploads/{ticket['mediaId']}/complete", 422)
    assert (lie["errorCode"], lie["details"]["what"]) == ("upload_mismatch", "sha256")
    ticket = await announce(teacher, course)
    await put(edge, ticket, PDF)
    await teacher.ask("POST", f"/uploads/{ticket['mediaId']}/complete", 422, {"sha256": "cd" * 32})
    assert await stored(edge) == []


async def test_an_address_that_was_changed_or_is_old_lets_nothing_in(
    edge: Any, teacher: Any, course: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await announce(teacher, course)
    address = ticket["uploadUrl"]
    changed = [
        address.replace("size=", "size=1"),
        address.replace("application%2Fpdf", "text%2Fhtml"),
        address.replace("expires=", "expires=9"),
        address.replace(ticket["mediaId"], new_id()),
        address[:-1] + ("A" if address[-1] != "A" else "B"),
        address + "&size=1",
    ]
    for each in changed:
        answer = await put(edge, {**ticket, "uploadUrl": each}, PDF)
        # Without a permission it is a request like any other, and those are JSON.
        assert (answer.status_code, answer.json()["errorCode"]) in ((403, "bad_link"), (415, "unsupported_media_type"))
        answer = await put(edge, {**ticket, "uploadUrl": each}, b"{}", **{"content-type": "application/json"})
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "bad_link"), each
    wrong_type = await put(edge, ticket, PDF, **{"content-type": "text/html"})
    assert (wrong_type.status_code, wrong_type.json()["errorCode"]) == (422, "upload_mismatch")

    later = Moment(edge.parts.clock() + 3_601 * SECOND)
    object.__setattr__(edge.parts, "clock", lambda: later)
    answer = await put(edge, ticket, b"{}", **{"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "link_expired")
    assert await stored(edge) == []


async def test_who_may_upload_what(edge: Any, teacher: Any, course: str) -> None:
    student, stranger = await edge.person(), await edge.person(Role.INSTRUCTOR, "Eva")
    admin = await edge.person(Role.ADMIN)
    await edge.visitor.post("/api/uploads/signed-url", json=announcement(course))
    assert (await edge.visitor.post("/api/uploads/signed-url", json=announcement(course))).status_code == 401
    for person in (student, stranger):
        refused = await person.ask("POST", "/uploads/signed-url", 403, announcement(course))
        assert refused["errorCode"] == "forbidden"
        refused = await person.ask("POST", "/uploads/signed-url", 403, announcement(course, purpose="submission"))
        assert refused["errorCode"] == "not_enrolled"
    await announce(admin, course)
    await teacher.ask("POST", "/uploads/signed-url", 404, announcement(new_id()))
    await student.ask("POST", f"/courses/{course}/enroll", 201)
    mine = await upload(edge, student, course, purpose="submission")
    assert (mine["purpose"], mine["courseId"]) == ("submission", course)
    await stranger.ask("GET", f"/uploads/{mine['mediaId']}", 403)
    await stranger.ask("POST", f"/uploads/{mine['mediaId']}/complete", 403)
    await admin.ask("GET", f"/uploads/{mine['mediaId']}", 200)
    # What was handed in is read by who handed it in, who teaches the course, and admins.
    for person in (student, teacher, admin):
        link = await person.ask("GET", f"/uploads/{mine['mediaId']}/file", 200)
        assert (await edge.visitor.get(link["url"])).content == PDF
    for person in (stranger, await edge.person()):
        await person.ask("GET", f"/uploads/{mine['mediaId']}/file", 403)


async def test_an_avatar_is_a_picture_that_everybody_may_see(edge: Any) -> None:
    sam = await edge.person()
    refused = await sam.ask("POST", "/uploads/signed-url", 422, announcement(None, purpose="avatar"))
    assert refused["errorCode"] == "type_not_allowed"
    big = announcement(None, purpose="avatar", contentType="image/png", sizeBytes=6 << 20)
    assert (await sam.ask("POST", "/uploads/signed-url", 413, big))["errorCode"] == "file_too_large"
    done = await upload(edge, sam, None, PNG, purpose="avatar", contentType="image/png", filename="me.png")
    picture = await edge.visitor.get(f"/api/pictures/{done['mediaId']}")
    assert (picture.status_code, picture.content) == (200, PNG)
    assert picture.headers["cache-control"] == "public, max-age=3600"


async def test_files_for_lessons_are_no_public_pictures(edge: Any, teacher: Any, course: str) -> None:
    done = await upload(edge, teacher, course, PNG, contentType="image/png")
    assert (await edge.visitor.get(f"/api/pictures/{done['mediaId']}")).status_code == 404
    assert (await edge.visitor.get(f"/api/media/{done['mediaId']}")).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"sizeBytes": 0},
        {"sizeBytes": -1},
        {"sizeBytes": 1 << 70},
        {"sizeBytes": "12"},
        {"sizeBytes": 1.5},
        {"filename": ""},
        {"filename": "a\x00b"},
        {"contentType": "pdf"},
        {"contentType": "application/pdf; charset=x"},
        {"sha256": "zz"},
        {"purpose": "virus"},
        {"courseId": None},
    ],
)
async def test_what_cannot_be_meant_is_refused(edge: Any, teacher: Any, course: str, changes: dict[str, Any]) -> None:
    refused = await teacher.ask("POST", "/uploads/signed-url", 422, announcement(course, **changes))
    assert refused["errorCode"] == "validation_failed"


async def test_the_same_key_announces_once(edge: Any, teacher: Any, course: str) -> None:
    asked = [teacher.ask("POST", "/uploads/signed-url", 200, announcement(course), Idempotency_Key="one") for _ in range(3)]
    tickets = await asyncio.gather(*asked)
    assert len({ticket["mediaId"] for ticket in tickets}) == 1


async def test_what_is_never_finished_is_tidied_away(edge: Any, teacher: Any, course: str) -> None:
    waiting, done = await announce(teacher, course), await upload(edge, teacher, course)
    await put(edge, waiting, PDF)
    assert len(await stored(edge)) == 2
    async with edge.database.writing() as connection:
        from persistence.jobs import enqueue

        await enqueue(connection, "media.tidy", {})
    await edge.run_jobs()
    assert len(await stored(edge)) == 2
    async with edge.database.writing() as connection:
        await enqueue(connection, "media.tidy", {})
    await edge.run_jobs(until=Moment(edge.parts.clock() + 26 * 3_600 * SECOND))
    assert len(await stored(edge)) == 1
    await teacher.ask("GET", f"/uploads/{waiting['mediaId']}", 404)
    assert (await teacher.ask("GET", f"/uploads/{done['mediaId']}", 200))["status"] == "ready"
    assert await edge.dead_jobs() == []


async def test_signed_files_have_no_other_limit(make_edge: Any) -> None:
    async with make_edge(rate_limit_per_minute=20) as edge:
        sam = await edge.person()
        done = await upload(edge, sam, None, PNG, purpose="avatar", contentType="image/png")
        row = await edge.parts.stores.media.find(done["mediaId"])
        from serve_app.media import link_to

        path = link_to(row, edge.parts, edge.config).url.removeprefix("http://lyceum.test")
        answers = [await edge.visitor.get(path) for _ in range(30)]
        assert {answer.status_code for answer in answers} == {200}
        forged = [await edge.visitor.get(path[:-2]) for _ in range(30)]
        assert {answer.status_code for answer in forged} == {403, 429}


@pytest.mark.parametrize("pieces", [1, 10_000])
async def test_an_upload_that_stands_still_or_trickles_gives_its_place_back(
    edge: Any, teacher: Any, course: str, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(receiving, "STALL_SECONDS", 0.3)
    ticket = await announce(teacher, course)
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"%"
            await asyncio.sleep(0.05)  # a client as slow as that
        await never.wait()

    async with asyncio.timeout(20):
        answer = await put(edge, ticket, slowly())
    assert (answer.status_code, answer.json()["errorCode"]) == (408, "upload_stalled")
    assert await stored(edge) == []
    assert (await put(edge, ticket, PDF)).status_code == 204
