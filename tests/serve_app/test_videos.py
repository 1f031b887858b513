"""Getting the file of a lesson, byte by byte; its renditions where ffmpeg is present."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from classroom.callers import Role
from classroom.content import email_hash
from classroom.times import SECOND, Moment
from persistence.jobs import enqueue
from tests.serve_app.films import ffmpeg, needs_ffmpeg
from tests.serve_app.test_uploads import PDF, upload

MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(range(256)) * 40


class Shown:
    """A course with one lesson and its file."""

    def __init__(self, edge: Any, teacher: Any, course_id: str, lesson_id: str, media_id: str, body: bytes) -> None:
        self.edge, self.teacher, self.course_id = edge, teacher, course_id
        self.lesson_id, self.media_id, self.body = lesson_id, media_id, body

    async def student(self) -> Any:
        student = await self.edge.person()
        await student.ask("POST", f"/courses/{self.course_id}/enroll", 201)
        return student

    async def address(self, what: str = "video") -> str:
        link = await self.teacher.ask("GET", f"/lessons/{self.lesson_id}/{what}", 200)
        return str(link["url"]).removeprefix("http://lyceum.test")


async def show(edge: Any, body: bytes = MP4, kind: str = "video", **changes: Any) -> Shown:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    file = {"contentType": "video/mp4", "filename": "Gezeiten 1.mp4", **changes}
    media = await upload(edge, teacher, course_id, body, **file)
    section = await teacher.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "Sea"})
    wanted = {"type": kind, "title": "Tide", "mediaId": media["mediaId"]}
    lesson = await teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, wanted)
    return Shown(edge, teacher, course_id, lesson["id"], media["mediaId"], body)


async def test_an_enrolled_student_gets_the_video_with_a_watermark(edge: Any) -> None:
    shown = await show(edge)
    student = await shown.student()
    link = await student.ask("GET", f"/lessons/{shown.lesson_id}/video", 200)
    assert (link["contentType"], link["sizeBytes"], link["filename"]) == ("video/mp4", len(MP4), "Gezeiten 1.mp4")
    assert link["expiresAt"] > edge.soon(hours=5)
    assert link["watermark"]["emailHash"] == email_hash(student.email)
    assert link["watermark"]["text"].startswith(f"Sam · {email_hash(student.email)} · 20")
    assert student.email not in str(link)
    assert (link["hlsUrl"], link["posterUrl"]) == (None, None)

    # No sign-in travels with what a player asks for: the address is enough.
    video = await edge.visitor.get(link["url"])
    assert (video.status_code, video.content) == (200, MP4)
    assert video.headers["content-type"] == "video/mp4"
    assert video.headers["accept-ranges"] == "bytes"
    assert video.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in video.headers["content-security-policy"]
    assert video.headers["content-disposition"] == ("inline; filename=\"Gezeiten 1.mp4\"; filename*=UTF-8''Gezeiten%201.mp4")

    moved = await student.client.get(f"/api/videos/{shown.lesson_id}/stream")
    assert moved.status_code == 302
    part = await edge.visitor.get(moved.headers["location"], headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, MP4[:4])


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-", (10, len(MP4))),
        ("bytes=-5", (len(MP4) - 5, len(MP4))),
        (f"bytes=-{10**9}", (0, len(MP4))),
        (f"bytes=5-{10**17}", (5, len(MP4))),
        ("Bytes = 1-2", (1, 3)),
    ],
)
async def test_a_range_is_answered_with_those_bytes(edge: Any, asked: str, span: tuple[int, int]) -> None:
    address = await (await show(edge)).address()
    answer = await edge.visitor.get(address, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == MP4[slice(*span)]
    assert answer.headers["content-range"] == f"bytes {span[0]}-{span[1] - 1}/{len(MP4)}"
    assert answer.headers["content-length"] == str(span[1] - span[0])


async def test_ranges_that_mean_nothing_conditions_and_head(edge: Any) -> None:
    address = await (await show(edge)).address()
    ask = edge.visitor.get
    for unknown in ("bytes=", "bytes=-", "bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b"):
        answer = await ask(address, headers={"range": unknown})
        assert (answer.status_code, len(answer.content)) == (200, len(MP4)), unknown
    for outside in (f"bytes={len(MP4)}-", "bytes=-0", f"bytes={10**17}-"):
        answer = await ask(address, headers={"range": outside})
        assert (answer.status_code, answer.json()["errorCode"]) == (416, "range_not_satisfiable"), outside
        assert answer.headers["content-range"] == f"bytes */{len(MP4)}"

    etag = (await ask(address)).headers["etag"]
    assert etag == f'"{hashlib.sha256(MP4).hexdigest()[:32]}"'
    assert (await ask(address, headers={"if-none-match": f'"x", {etag}'})).status_code == 304
    assert (await ask(address, headers={"range": "bytes=0-1", "if-range": etag})).status_code == 206
    for stale in ('"x"', "Sat, 21 Nov 2026 09:00:00 GMT"):
        assert (await ask(address, headers={"range": "bytes=0-1", "if-range": stale})).status_code == 200
    head = await edge.visitor.head(address, headers={"range": "bytes=2-3"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "2")


async def test_an_address_that_was_changed_or_is_old_lets_nothing_out(edge: Any) -> None:
    shown = await show(edge)
    address = await shown.address()
    other = (await upload(edge, shown.teacher, shown.course_id))["mediaId"]
    for changed in (
        address.replace(shown.media_id, other),
        address.replace("expires=", "expires=9"),
        address[:-1] + ("A" if address[-1] != "A" else "B"),
        address.partition("?")[0],
        address.replace("?", "/poster?"),
        f"/api/media/{shown.media_id}/hls/9-{'A' * 43}/index.m3u8",
    ):
        answer = await edge.visitor.get(changed)
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "bad_link"), changed
    later = Moment(edge.parts.clock() + 6 * 3_601 * SECOND)
    object.__setattr__(edge.parts, "clock", lambda: later)
    answer = await edge.visitor.get(address)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "link_expired")


async def test_only_who_may_see_the_lesson_gets_its_file(edge: Any) -> None:
    shown = await show(edge)
    stranger = await edge.person()
    for path in (f"/lessons/{shown.lesson_id}/video", f"/videos/{shown.lesson_id}/stream"):
        assert (await edge.visitor.get(f"/api{path}")).status_code == 401
        assert (await stranger.ask("GET", path, 403))["errorCode"] == "not_enrolled"
    await shown.teacher.ask("PATCH", f"/lessons/{shown.lesson_id}", 200, {"isPreview": True})
    open_to_all = await edge.visitor.get(f"/api/lessons/{shown.lesson_id}/video")
    assert (open_to_all.status_code, open_to_all.json()["watermark"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "content_type", "how"),
    [
        (PDF, "application/pdf", "inline"),
        (b"<html><script>alert(1)</script>", "text/html", "attachment"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml", "attachment"),
        (b"PK\x03\x04" + bytes(50), "application/zip", "attachment"),
    ],
)
async def test_a_file_is_shown_only_where_it_cannot_run(edge: Any, body: bytes, content_type: str, how: str) -> None:
    shown = await show(edge, body, "file", contentType=content_type, filename="ä\u202e.x")
    answer = await edge.visitor.get(await shown.address("file"))
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["content-disposition"] == f"{how}; filename=\"_.x\"; filename*=UTF-8''%C3%A4.x"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert ("sandbox" in policy) == (how == "attachment")
    missing = await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}/video", 404)
    assert missing["details"]["kind"] == "video"


async def test_views_are_counted_by_person_and_day(edge: Any) -> None:
    shown = await show(edge)
    student = await shown.student()
    await asyncio.gather(*(student.ask("GET", f"/lessons/{shown.lesson_id}/video", 200) for _ in range(3)))
    page = await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}/views", 200)
    assert [(each["userId"], each["views"]) for each in page["items"]] == [(student.id, 3)]
    await student.ask("GET", f"/lessons/{shown.lesson_id}/views", 403)


@needs_ffmpeg
async def test_a_video_gets_renditions_a_poster_and_its_length(edge: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    picture, sound = "testsrc=size=854x480:rate=10:duration=13", "sine=frequency=440:duration=13"
    given = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    await ffmpeg(*given, "-c:v", "libx264", "-preset", "ultrafast", str(film))
    shown = await show(edge, film.read_bytes())
    await edge.run_jobs()
    assert await edge.dead_jobs() == []

    link = await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}/video", 200)
    assert link["durationSeconds"] == 13
    assert (await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}", 200))["durationSeconds"] == 13
    assert (await shown.teacher.ask("GET", f"/uploads/{shown.media_id}", 200))["renditions"] == [360]
    poster = await edge.visitor.get(link["posterUrl"])
    assert (poster.status_code, poster.content[:3]) == (200, b"\xff\xd8\xff")

    master = await edge.visitor.get(link["hlsUrl"])
    assert master.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert "RESOLUTION=640x360" in master.text
    variant = master.url.join(next(line for line in master.text.splitlines() if line.endswith("m3u8")))
    playlist = (await edge.visitor.get(variant)).text
    assert playlist.rstrip().endswith("#EXT-X-ENDLIST")
    segments = [line for line in playlist.splitlines() if line.endswith(".ts")]
    assert len(segments) == 3
    for segment in segments:
        answer = await edge.visitor.get(variant.join(segment))
        assert (answer.status_code, answer.headers["content-type"], answer.content[:1]) == (200, "video/mp2t", b"G")

    # The permission is for this video's renditions and nothing beside them.
    folder = str(master.url).rpartition("/")[0]
    for outside in ("%2e%2e/poster.jpg", "%2e%2e/%2e%2e/index.m3u8", "360p/%2e%2e//x.ts", "none.ts", "index.m3u8.txt"):
        assert (await edge.visitor.get(f"{folder}/{outside}")).status_code in (403, 404), outside

    again = await shown.teacher.ask(
        "POST",
        f"/sections/{await section_of(shown)}/lessons",
        201,
        {
            "type": "video",
            "title": "Again",
            "mediaId": shown.media_id,
            "durationSeconds": 99,
        },
    )
    assert again["durationSeconds"] == 13


async def section_of(shown: Shown) -> str:
    sections = await shown.teacher.ask("GET", f"/courses/{shown.course_id}/sections", 200)
    return str(sections["items"][0]["id"])


@needs_ffmpeg
async def test_a_video_that_nothing_can_be_made_of_is_a_dead_letter_with_a_sentence(edge: Any) -> None:
    shown = await show(edge)
    await edge.run_jobs()
    (dead,) = await edge.dead_jobs()
    assert "ffmpeg cannot make anything of the video" in str(dead)
    assert (await edge.visitor.get(await shown.address())).content == MP4


async def test_without_ffmpeg_the_source_is_served(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = await show(edge)
    monkeypatch.setenv("PATH", "")
    await edge.run_jobs()
    assert await edge.dead_jobs() == []
    link = await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}/video", 200)
    assert (link["hlsUrl"], link["posterUrl"], link["durationSeconds"]) == (None, None, 0)


async def test_jobs_for_what_is_gone_or_done_change_nothing(edge: Any) -> None:
    shown = await show(edge)
    async with edge.database.writing() as connection:
        await enqueue(connection, "media.renditions", {"mediaId": "00000000-0000-7000-8000-000000000000"})
        await enqueue(connection, "media.check", {"mediaId": shown.media_id})
    await edge.run_jobs()
    assert (await edge.visitor.get(await shown.address())).content == MP4


@pytest.mark.parametrize(
    "name", ["a%00.ts", "index.m3u8/x.ts", "360p/00000.ts/x.ts", "360p/%01.m3u8", "..%5cx.ts", "x" * 101]
)
async def test_what_no_rendition_is_called_is_not_found(edge: Any, name: str) -> None:
    shown = await show(edge)
    await edge.parts.stores.media.note_playback(shown.media_id, 13, [360], has_poster=False, now=edge.parts.clock())
    objects, folder = edge.parts.stores.objects, f"media/{shown.media_id}/hls"

    async def body() -> AsyncIterator[bytes]:
        yield b"#EXTM3U\n"

    for each in ("index.m3u8", "360p/index.m3u8", "360p/00000.ts"):
        await objects.put(f"{folder}/{each}", body(), "")
    link = await shown.teacher.ask("GET", f"/lessons/{shown.lesson_id}/video", 200)
    assert (await edge.visitor.get(link["hlsUrl"])).status_code == 200
    beside = link["hlsUrl"].removesuffix("index.m3u8") + name
    assert (await edge.visitor.get(beside)).status_code in (404, 422)
