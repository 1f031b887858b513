"""A class that is larger than one media node, through the whole product: carried by two, each of which dies."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import psutil
import pytest

from loadtests.crowd import SocketCrowd
from tests.end_to_end.crowds import prepare
from tests.end_to_end.killing import find_media_node, kill
from tests.end_to_end.media_people import MediaPerson
from tests.end_to_end.operating import RunningLyceum, running, settings_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

FIRST_SECONDS = 60
AGAIN_SECONDS = 60
PICTURES = 5
A_NODE = 2
"""Viewers that a node takes."""


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[RunningLyceum]:
    """A system with two media nodes that take few viewers."""
    folder = Path(tempfile.mkdtemp(prefix="lyceum-e2e-"))
    settings = settings_for(folder / "data", LYCEUM_MEDIA_WORKERS="2", LYCEUM_MEDIA_MOST_VIEWERS=str(A_NODE))
    try:
        with running(settings, folder) as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def media_node(lyceum: RunningLyceum, number: int) -> list[psutil.Process]:
    """The process of one of the media nodes; nothing while it does not listen."""
    return find_media_node(lyceum.pid, int(lyceum.env["LYCEUM_MEDIA_UDP_PORT"]) + number)


@dataclass
class Lesson:
    """A class with somebody who publishes, viewers that fill both nodes, and one more."""

    teacher: MediaPerson
    viewers: list[MediaPerson]
    late: MediaPerson

    def at(self, number: int) -> list[MediaPerson]:
        """The viewers on a node."""
        return [each for each in self.viewers if each.node == number]


@asynccontextmanager
async def lesson(lyceum: RunningLyceum) -> AsyncIterator[Lesson]:
    """A class whose students sit."""
    prepared = await prepare(lyceum, 2 * A_NODE + 1, 2 * A_NODE + 1)
    path = f"/live-sessions/{prepared.session_id}"
    async with AsyncExitStack() as stack:
        crowd = SocketCrowd(lyceum.realtime_url, prepared.students)
        await crowd.open()
        stack.push_async_callback(crowd.close)
        assert {each.answer.outcome for each in await crowd.join(prepared.session_id)} == {"seated"}

        async def person(token: str, sends: bool) -> MediaPerson:
            http = httpx.AsyncClient(base_url=lyceum.http_url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
            await stack.enter_async_context(http)
            return await stack.enter_async_context(MediaPerson(http, path, sends))

        teacher = await person(prepared.instructor_token, sends=True)
        *viewers, late = [await person(student.token, sends=False) for student in prepared.students]
        yield Lesson(teacher, viewers, late)


async def test_a_class_larger_than_a_node_is_carried_by_two_and_each_of_them_may_die(
    two_nodes: RunningLyceum, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with lesson(two_nodes) as room:
        await both_listen(two_nodes)
        await room.teacher.open(FIRST_SECONDS)
        for viewer in room.viewers:
            await viewer.see(PICTURES, FIRST_SECONDS)
        origin = room.teacher.node
        edge = 1 - origin
        assert [len(room.at(each)) for each in (origin, edge)] == [A_NODE, A_NODE]

        refusal = await room.late.ask()
        assert (refusal.status_code, refusal.json()["errorCode"]) == (503, "media_full")
        assert refusal.headers["retry-after"] == "1"

        async def seen_again(who: list[MediaPerson]) -> float:
            began = perf_counter()
            await asyncio.gather(*(each.see(1, AGAIN_SECONDS) for each in who))
            return perf_counter() - began

        near = room.at(origin)
        assert kill(media_node(two_nodes, edge)) == 1
        seen = [each.decoded["video"] for each in near]
        edge_seconds = await seen_again(room.at(edge))
        assert [len(room.at(each)) for each in (origin, edge)] == [A_NODE, A_NODE]
        for viewer, before in zip(near, seen, strict=True):  # nobody at the origin noticed
            await viewer.until_decoded(before + PICTURES, 30)

        assert kill(media_node(two_nodes, origin)) == 1
        began = perf_counter()
        await asyncio.gather(room.teacher.open(AGAIN_SECONDS), seen_again(room.viewers))
        origin_seconds = perf_counter() - began
        assert [len(room.at(each)) for each in (origin, edge)] == [A_NODE, A_NODE]
        for name, wait in (("edge", edge_seconds), ("origin", origin_seconds)):
            record_property(f"seconds_to_pictures_again_{name}", wait)
            with capsys.disabled():
                print(f"\n{name} of two media nodes killed: everybody has pictures again after {wait:.2f} s")


async def both_listen(lyceum: RunningLyceum) -> None:
    """Return when both nodes do: they are made a few seconds after everything else."""
    async with asyncio.timeout(FIRST_SECONDS):
        while True:
            if media_node(lyceum, 0) and media_node(lyceum, 1):
                return
            await asyncio.sleep(0.2)  # other processes, which tell nobody here
