"""A media server records what a foreign client publishes, as long as the class names a recording."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import av

from realtime.sfu.desk import Verdict
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.slots import MAIN
from tests.realtime.sfu.media_clients import CLASS, Camera, who
from tests.realtime.sfu.raw_client import until
from tests.realtime.sfu.stage import RECORDING, Stage
from tests.realtime.sfu.test_foreign_client import foreign

SECONDS = 6.0


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

    joined = await stage.join("vp8", tmp_path / "film")
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

    assert (await stage.join("h264", tmp_path / "film")).content_type == "video/mp4"
    with av.open(str(tmp_path / "film")) as film:
        assert {stream.codec_context.name for stream in film.streams} == {"h264", "opus"}
        assert (film.streams.video[0].width, film.streams.video[0].height) == (640, 480)
        assert {(frame.width, frame.height) for frame in film.decode(video=0)} == {(640, 480)}
