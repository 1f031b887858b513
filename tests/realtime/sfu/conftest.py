"""What the tests of live video share."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from loadtests.benchmarks.media_clip import Clip, encode
from persistence.object_store import open_object_store
from persistence.recordings import PieceFiles
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import SETTINGS, Desk
from tests.realtime.sfu.rig import Rig
from tests.realtime.sfu.stage import Stage


@pytest.fixture(scope="session")
def clip() -> Clip:
    """A second of pictures and sound, encoded once."""
    return encode(1)


@pytest.fixture
def desk() -> Desk:
    """A class that allows everything."""
    return Desk()


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[MediaServer]:
    """A media server of that class."""
    media = MediaServer(SETTINGS, desk, None, time.monotonic)
    await media.start()
    yield media
    await media.close()


@pytest.fixture
async def stage(desk: Desk, tmp_path: Path) -> AsyncIterator[Stage]:
    """A media server of that class which can record."""
    files = PieceFiles(open_object_store(f"file://{tmp_path / 'objects'}"))
    media = MediaServer(SETTINGS, desk, files, time.monotonic)
    await media.start()
    yield Stage(media, desk, files)
    await media.close()


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    """Takes clients, and closes them at the end of the test."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A slot of two layers, and one viewer's line."""
    made = Rig()
    yield made
    made.close()
