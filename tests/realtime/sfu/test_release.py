"""What is over is freed at once: a long class must not wait for the collector to get its memory back."""

import gc
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from realtime.sfu.desk import MediaSettings
from realtime.sfu.dtls import Dtls
from realtime.sfu.peers import Peer
from realtime.sfu.server import MediaServer
from realtime.sfu.viewer import Viewer
from tests.realtime.sfu.media_clients import CLASS, Camera, Desk, Watcher, who
from tests.realtime.sfu.raw_client import until

HEAVY = (Dtls, Peer, Viewer)
_OF_THE_CLIENTS = 2
_WITH_BOTH = {"Dtls": 2 + _OF_THE_CLIENTS, "Peer": 2, "Viewer": 1}


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> dict[str, int]:
    """How many objects of a media session there are in this process."""
    found = [type(one) for one in gc.get_objects()]
    return {kind.__name__: found.count(kind) for kind in HEAVY}


@pytest.mark.usefixtures("_no_collector")
async def test_a_session_that_ended_is_freed_without_the_collector() -> None:
    media = MediaServer(MediaSettings("127.0.0.1", "127.0.0.1"), Desk(), None, time.monotonic)
    await media.start()
    try:
        before = alive()
        async with AsyncExitStack() as clients:
            camera, watcher = await clients.enter_async_context(Camera()), await clients.enter_async_context(Watcher())
            shown = await camera.publish(media, who("teacher"))
            watched = await watcher.watch(media, who("student", "viewer"))
            await until(lambda: len(watcher.of("main")) > 5)
            assert {kind: number - before[kind] for kind, number in alive().items()} == _WITH_BOTH
            await media.close_session(CLASS, watched.media_id, "student")
            await media.close_session(CLASS, shown.media_id, "teacher")
            await until(lambda: alive() == {**before, "Dtls": before["Dtls"] + _OF_THE_CLIENTS})
    finally:
        await media.close()
