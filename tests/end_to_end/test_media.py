"""Pictures through the whole product: published by WHIP, watched by WHEP, and back after the media node was killed."""

import asyncio
from time import perf_counter
from typing import Any

import httpx
import pytest

from loadtests.crowd import SocketCrowd
from tests.end_to_end.crowds import prepare
from tests.end_to_end.killing import find_media_node, kill
from tests.end_to_end.media_people import MediaPerson

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

FIRST_SECONDS = 60
"""The media node is made a few seconds after everything else."""
PICTURES = 5


async def test_pictures_come_and_come_back_after_the_media_node_was_killed(
    lyceum: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = await prepare(lyceum, 2, 2)
    sitting, outside = prepared.students
    path = f"/live-sessions/{prepared.session_id}"

    def person(token: str, sends: bool) -> MediaPerson:
        http = httpx.AsyncClient(base_url=lyceum.http_url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        return MediaPerson(http, path, sends)

    crowd = SocketCrowd(lyceum.realtime_url, [sitting])
    await crowd.open()
    try:
        [journey] = await crowd.join(prepared.session_id)
        assert journey.answer.outcome == "seated"
        async with (
            person(prepared.instructor_token, sends=True) as teacher,
            person(sitting.token, sends=False) as student,
            person(outside.token, sends=False) as stranger,
            person(sitting.token, sends=True) as climber,
        ):
            await teacher.open(FIRST_SECONDS)
            await student.open(FIRST_SECONDS)
            await student.until_decoded(PICTURES, 30)
            for who, code in ((stranger, "not_seated"), (climber, "not_on_stage")):
                refusal = await who.ask()
                assert (refusal.status_code, refusal.json()["errorCode"]) == (403, code)
            assert (await teacher.get("/api/health"))["checks"]["media"] == "ok"

            status = f"/api{path}/status"
            before = await student.get(status)
            assert before["you"]["outcome"] == "seated"
            port = int(lyceum.env["LYCEUM_MEDIA_UDP_PORT"]) + student.node
            assert kill(find_media_node(lyceum.pid, port)) == 1
            killed_at = perf_counter()
            await asyncio.gather(teacher.open(FIRST_SECONDS), student.open(FIRST_SECONDS))
            await student.until_decoded(1, 30)
            wait = perf_counter() - killed_at
            assert await student.get(status) == before
            record_property("seconds_to_pictures_again", wait)
            with capsys.disabled():
                print(f"\nmedia node killed: pictures again after {wait:.2f} s")

            assert await student.delete(teacher.location) == 404
            assert [await teacher.delete(teacher.location) for _ in range(2)] == [204, 404]
    finally:
        await crowd.close()


async def test_staff_who_are_banned_are_seen_no_more(lyceum: Any) -> None:
    prepared = await prepare(lyceum, 1, 1)

    def admin(name: str) -> str:
        email = f"{name}@example.org"
        made = lyceum.command(
            "user", "create", "--email", email, "--password", "long enough", "--role", "admin", "--verified"
        )
        assert made.returncode == 0, made.stderr
        return str(lyceum.command("token", email).stdout.strip())

    def client(token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=lyceum.http_url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    path = f"/live-sessions/{prepared.session_id}"
    async with (
        client(admin("admin-who-bans")) as judge,
        MediaPerson(client(admin("admin-on-camera")), path, sends=True) as camera,
        MediaPerson(client(prepared.instructor_token), path, sends=False) as teacher,
    ):
        await camera.open(FIRST_SECONDS)
        await teacher.open(FIRST_SECONDS)
        await teacher.until_decoded(PICTURES, 30)
        banned = (await camera.get("/api/auth/me"))["id"]
        answer = await judge.patch(f"/api/admin/users/{banned}/ban", json={"reason": "To see."})
        assert answer.status_code == 200, answer.text
        await camera.until_closed(10)
        assert (await camera.ask()).status_code == 403
