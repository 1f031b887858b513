"""A media server records what a foreign client publishes, as long as the class names a recording."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from persistence.object_store import open_object_store
from persistence.recordings import Piece, PieceFiles
from realtime.sfu.desk import Recording, Verdict
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.server import MediaServer
from realtime.sfu.slots import MAIN
from realtime.sfu.webm import Joiner, read_size
from tests.realtime.sfu.media_clients import CLASS, SETTINGS, Camera, Desk, who
from tests.realtime.sfu.raw_client import until
from tests.realtime.sfu.test_foreign_client import foreign

RECORDING = Recording("01910000-0000-7000-8000-00000000000b", "Knots")
SECONDS = 6.0


class Stage:
    """A server, its class, and where its pieces lie."""

    def __init__(self, server: MediaServer, desk: Desk, files: PieceFiles) -> None:
        self.server, self.desk, self.files = server, desk, files

    async def pieces(self) -> list[Piece]:
        return await self.files.list_(CLASS, RECORDING.recording_id)

    async def until(self, count: int) -> None:
        """As many pieces are there."""
        deadline = time.monotonic() + 40
        while len(await self.pieces()) < count:
            assert time.monotonic() < deadline, f"not {count} pieces within 40 s"

    async def until_quiet(self) -> None:
        """The recorder has written its last piece."""
        deadline = time.monotonic() + 40
        while self.server._recordings._running or self.server._recordings._ending:
            assert time.monotonic() < deadline, "still recording after 40 s"
            await self.pieces()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    desk, files = Desk(), PieceFiles(open_object_store(f"file://{tmp_path / 'objects'}"))
    server = MediaServer(SETTINGS, desk, files, time.monotonic)
    await server.start()
    yield Stage(server, desk, files)
    await server.close()


async def test_what_is_published_while_the_class_names_a_recording_is_a_film(stage: Stage, tmp_path: Path) -> None:
    async with foreign(sends=True) as teacher:
        await teacher.connect((await stage.server.publish(who("teacher"), teacher.offer())).answer)
        stage.desk.verdict = Verdict(recording=RECORDING)
        await stage.until(3)
        stage.desk.verdict = None  # a class that is away changes nothing
        await stage.until(4)
        stage.desk.verdict = Verdict()
        await stage.until_quiet()
    pieces = await stage.pieces()
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert len({piece.run for piece in pieces}) == 1
    assert Counter(codec for piece in pieces for codec in piece.codecs)["vp8"] >= 3

    size = read_size(await stage.files.read(next(piece for piece in pieces if "vp8" in piece.codecs)))
    with Joiner(tmp_path / "film", "vp8", size, sound=True) as joiner:
        for piece in pieces:
            joiner.add(piece.run, piece.number, await stage.files.read(piece))
        joined = joiner.finish()
    assert joined.seconds >= SECONDS
    with av.open(str(tmp_path / "film")) as film:
        times = [frame.time or 0.0 for frame in film.decode(video=0)]
    assert len(times) > 20
    assert times == sorted(set(times))
    with av.open(str(tmp_path / "film")) as film:
        assert sum(frame.samples for frame in film.decode(audio=0)) > 48_000 * joined.seconds * 0.7


async def test_the_end_of_the_server_writes_the_last_piece(stage: Stage) -> None:
    async with foreign(sends=True) as teacher:
        await teacher.connect((await stage.server.publish(who("teacher"), teacher.offer())).answer)
        stage.desk.verdict = Verdict(recording=RECORDING)
        await stage.until(1)
        ((_, recorder),) = stage.server._recordings._running.values()
        deadline = time.monotonic() + 20
        while not recorder._samples:
            assert time.monotonic() < deadline, "nothing came after the first piece"
            await asyncio.sleep(0)
        await stage.server.close()
    assert len(await stage.pieces()) == recorder._number >= 2


async def test_a_class_without_a_recording_writes_nothing(stage: Stage) -> None:
    async with foreign(sends=True) as teacher:
        await teacher.connect((await stage.server.publish(who("teacher"), teacher.offer())).answer)
        checks = len(stage.desk.checks)
        deadline = time.monotonic() + 20
        while len(stage.desk.checks) < checks + 3:
            assert time.monotonic() < deadline
            await stage.pieces()
    assert await stage.pieces() == []


async def test_the_low_layer_is_what_comes_while_the_high_one_stopped(stage: Stage) -> None:
    async with Camera(rids=("low", "high")) as camera:
        await camera.publish(stage.server, who("teacher"))
        await until(lambda: stage.server.load().rooms == 1 and stage.server._rooms[CLASS].holds.get(MAIN))
        room = stage.server._rooms[CLASS]
        await until(lambda: room.best_layer(MAIN, time.monotonic()) == HIGH and room.stream(MAIN, LOW).source is not None)
        camera.paused.add("high")
        await until(lambda: room.best_layer(MAIN, time.monotonic()) == LOW)
        camera.paused.add("low")
        await until(lambda: room.best_layer(MAIN, time.monotonic()) == HIGH)


async def test_h264_is_recorded_and_watched_by_who_has_it_and_others_hear_it(stage: Stage, tmp_path: Path) -> None:
    server = stage.server
    async with (
        foreign(sends=True, codec="video/H264") as phone,
        foreign(sends=False) as both,
        foreign(sends=False, codec="video/VP8") as old,
    ):
        await phone.connect((await server.publish(who("teacher"), phone.offer())).answer)
        for viewer, name in ((both, "ana"), (old, "ben")):
            await viewer.connect((await server.watch(who(name, "viewer"), viewer.offer(), None)).answer)
        await both.until_decoded(10)
        await until(lambda: old.frames["audio"] >= 10)
        assert old.frames["video"] == 0
        stage.desk.verdict = Verdict(recording=RECORDING)
        await stage.until(2)
        stage.desk.verdict = Verdict()
        await stage.until_quiet()

        async with foreign(sends=True, codec="video/VP8") as laptop:
            await laptop.connect((await server.publish(who("teacher"), laptop.offer())).answer)
            await old.until_decoded(10)
            seen = both.frames["video"]
            await until(lambda: both.frames["video"] >= seen + 10)

    pieces = await stage.pieces()
    size = read_size(await stage.files.read(next(piece for piece in pieces if "h264" in piece.codecs)))
    with Joiner(tmp_path / "film", "h264", size, sound=True) as joiner:
        for piece in pieces:
            joiner.add(piece.run, piece.number, await stage.files.read(piece))
        assert joiner.finish().content_type == "video/mp4"
    with av.open(str(tmp_path / "film")) as film:
        assert {stream.codec_context.name for stream in film.streams} == {"h264", "opus"}
        assert [(frame.width, frame.height) for frame in film.decode(video=0)][-1] == size == (640, 480)
