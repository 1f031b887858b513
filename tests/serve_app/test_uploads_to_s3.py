"""Uploads and downloads that go past us, over a real S3 API server on loopback."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.jobs import enqueue
from tests.serve_app.films import ffmpeg, needs_ffmpeg
from tests.serve_app.test_uploads import PDF, announcement


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    """A server of the S3 API with the bucket `lyceum`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="KEY", aws_secret_access_key="SECRET"
    )
    client.create_bucket(Bucket="lyceum")
    yield address
    server.stop()


class Bucket:
    """An edge over a bucket, with a course and its teacher."""

    def __init__(self, edge: Any, teacher: Any, course: str, address: str, browser: httpx.AsyncClient) -> None:
        self.edge, self.teacher, self.course, self.address, self.browser = edge, teacher, course, address, browser

    async def put(self, ticket: dict[str, Any], body: bytes) -> None:
        assert ticket["uploadUrl"].startswith(f"{self.address}/lyceum/")
        assert ticket["headers"]["content-length"] == str(len(body))
        sent = {name: value for name, value in ticket["headers"].items() if name != "content-length"}
        assert (await self.browser.put(ticket["uploadUrl"], content=body, headers=sent)).status_code == 200

    async def announce(self, body: bytes, **changes: Any) -> dict[str, Any]:
        asked = announcement(self.course, body, **changes)
        ticket: dict[str, Any] = await self.teacher.ask("POST", "/uploads/signed-url", 200, asked)
        return ticket

    async def complete(self, ticket: dict[str, Any], expect: int) -> dict[str, Any]:
        answer: dict[str, Any] = await self.teacher.ask("POST", f"/uploads/{ticket['mediaId']}/complete", expect)
        return answer

    async def stored(self) -> list[str]:
        objects = self.edge.parts.stores.objects
        return [found.key async for found in objects.list_("media")] + [
            found.key async for found in objects.list_("incoming")
        ]


@pytest.fixture
async def bucket(make_edge: Any, s3_address: str, request: pytest.FixtureRequest) -> AsyncIterator[Bucket]:
    url = f"s3://KEY:SECRET@lyceum/{abs(hash(request.node.name))}?endpoint={s3_address}"
    async with make_edge(object_store_url=url, rate_limit_per_minute=100_000) as edge, httpx.AsyncClient() as browser:
        teacher = await edge.person(Role.INSTRUCTOR, "Ina")
        yield Bucket(edge, teacher, await edge.course(teacher), s3_address, browser)


async def test_a_file_goes_to_the_bucket_and_is_read_back_by_a_job(bucket: Bucket) -> None:
    ticket = await bucket.announce(PDF)
    await bucket.complete(ticket, 409)
    await bucket.put(ticket, PDF)
    assert (await bucket.complete(ticket, 202))["status"] == "checking"
    assert (await bucket.complete(ticket, 202))["status"] == "checking"
    await bucket.edge.run_jobs()
    done = await bucket.complete(ticket, 200)
    assert (done["status"], done["sha256"]) == ("ready", hashlib.sha256(PDF).hexdigest())

    # The address is good for an hour, and may be used again: what was checked stays.
    await bucket.put(ticket, PDF[:-1] + b"!")
    assert await bucket.complete(ticket, 200) == done
    found = await bucket.edge.parts.stores.media.find(ticket["mediaId"])
    assert b"".join([piece async for piece in bucket.edge.parts.stores.objects.read(found.object_key)]) == PDF


@pytest.mark.parametrize("body", [PDF[:-1], PDF + b"!", b"MZ\x90\x00" + PDF[4:]])
async def test_a_lie_about_size_or_type_is_found_at_once(bucket: Bucket, body: bytes) -> None:
    ticket = await bucket.announce(PDF)
    # This server does not check what is signed; Amazon's would refuse another size itself.
    sent = {"content-type": "application/pdf"}
    await bucket.browser.put(ticket["uploadUrl"], content=body, headers=sent)
    lie = await bucket.complete(ticket, 422)
    assert lie["errorCode"] == "upload_mismatch"
    assert await bucket.stored() == []
    assert (await bucket.complete(ticket, 409))["errorCode"] == "upload_over"


async def test_a_lie_about_the_sum_is_found_by_the_job(bucket: Bucket) -> None:
    ticket = await bucket.announce(PDF, sha256=hashlib.sha256(PDF).hexdigest())
    other = PDF[:-1] + b"!"
    await bucket.browser.put(ticket["uploadUrl"], content=other, headers={"content-type": "application/pdf"})
    assert await bucket.stored() != [], "this server takes what is not what was signed, as others may"
    await bucket.complete(ticket, 202)
    await bucket.edge.run_jobs()
    refused = await bucket.complete(ticket, 409)
    assert refused["message"] == "The file does not have the SHA-256 that was announced."
    assert await bucket.stored() == []


async def test_downloads_go_to_the_bucket_and_say_how_they_are_shown(bucket: Bucket) -> None:
    body = b"<script>alert(1)</script>"
    ticket = await bucket.announce(body, contentType="text/html", filename="ä.html")
    await bucket.put(ticket, body)
    await bucket.complete(ticket, 202)
    await bucket.edge.run_jobs()
    section = await bucket.teacher.ask("POST", f"/courses/{bucket.course}/sections", 201, {"title": "Sea"})
    wanted = {"type": "file", "title": "Tide", "mediaId": ticket["mediaId"]}
    lesson = await bucket.teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, wanted)
    link = await bucket.teacher.ask("GET", f"/lessons/{lesson['id']}/file", 200)
    assert link["url"].startswith(f"{bucket.address}/lyceum/")
    answer = await bucket.browser.get(link["url"], headers={"range": "bytes=1-6"})
    assert (answer.status_code, answer.content) == (206, b"script")
    assert answer.headers["content-disposition"] == "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%A4.html"
    assert answer.headers["content-type"].startswith("text/html")


async def test_what_was_put_and_never_completed_is_tidied_away(bucket: Bucket) -> None:
    ticket = await bucket.announce(PDF)
    await bucket.put(ticket, PDF)
    assert len(await bucket.stored()) == 1
    async with bucket.edge.database.writing() as connection:
        await enqueue(connection, "media.tidy", {})
    await bucket.edge.run_jobs(until=Moment(bucket.edge.parts.clock() + 49 * 3_600 * SECOND))
    assert await bucket.stored() == []
    await bucket.teacher.ask("GET", f"/uploads/{ticket['mediaId']}", 404)


@needs_ffmpeg
async def test_renditions_lie_in_the_bucket_and_playlists_name_its_addresses(bucket: Bucket, tmp_path: Any) -> None:
    await ffmpeg("-f", "lavfi", "-i", "testsrc=size=160x120:rate=5:duration=2", str(tmp_path / "film.mp4"))
    body = (tmp_path / "film.mp4").read_bytes()
    ticket = await bucket.announce(body, contentType="video/mp4", filename="film.mp4")
    await bucket.put(ticket, body)
    await bucket.complete(ticket, 202)
    await bucket.edge.run_jobs()
    assert await bucket.edge.dead_jobs() == []
    section = await bucket.teacher.ask("POST", f"/courses/{bucket.course}/sections", 201, {"title": "Sea"})
    wanted = {"type": "video", "title": "Tide", "mediaId": ticket["mediaId"]}
    lesson = await bucket.teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, wanted)
    assert lesson["durationSeconds"] == 2
    link = await bucket.teacher.ask("GET", f"/lessons/{lesson['id']}/video", 200)
    master = await bucket.edge.visitor.get(link["hlsUrl"])
    playlist = (await bucket.edge.visitor.get(master.url.join("120p/index.m3u8"))).text
    (segment,) = (line for line in playlist.splitlines() if line.startswith("http"))
    assert segment.startswith(f"{bucket.address}/lyceum/")
    answer = await bucket.browser.get(segment)
    assert (answer.status_code, answer.content[:1]) == (200, b"G")
    assert (await bucket.edge.visitor.get(link["posterUrl"])).content[:3] == b"\xff\xd8\xff"
