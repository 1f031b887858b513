"""The recorder before a store that is a folder, and the film that is made of its pieces, decoded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from itertools import pairwise
from pathlib import Path

import av
import pytest
from structlog.testing import capture_logs

from persistence.object_store import open_object_store
from persistence.recordings import Piece, PieceFiles
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.recorder import KEPT_SECONDS, KEYFRAME_SECONDS, PIECE_SECONDS, Recorder
from realtime.sfu.webm import BadPiece, Joined, Joiner, Sample, read_size, write_piece
from tests.realtime.conftest import until
from tests.realtime.sfu.film import RATE, Sent, in_time, pictures, shade_of, sounds

SESSION, RECORDING = "01910000-0000-7000-8000-00000000000a", "01910000-0000-7000-8000-00000000000b"


class Store(PieceFiles):
    """Pieces in a folder; `away` makes it fail as a store does that cannot be reached."""

    def __init__(self, folder: Path) -> None:
        super().__init__(open_object_store(f"file://{folder}"))
        self.away = False
        self.tried = 0

    async def keep(
        self, session_id: str, recording_id: str, run: str, number: int, codecs: tuple[str, ...], data: bytes
    ) -> None:
        self.tried += 1
        if self.away:
            raise ConnectionError("The object store is away.")
        await super().keep(session_id, recording_id, run, number, codecs, data)


class Studio:
    """A recorder, its store, and the clock of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Store(folder / "objects")
        self.now = 1_000.0
        self.looked = 0
        self.asked: list[float] = []
        self.layer = HIGH
        self.recorder = self.begin()

    def begin(self, piece_seconds: float = PIECE_SECONDS) -> Recorder:
        """Another run."""
        self.recorder = Recorder(
            SESSION, RECORDING, self.files, self.clock, self.asked.append, piece_seconds, lambda _now: self.layer
        )
        self.recorder.start()
        return self.recorder

    def clock(self) -> float:
        """The film's time; the recorder looks at it some times a second."""
        self.looked += 1
        return self.now

    async def look(self) -> None:
        """Until the recorder has looked at the clock."""
        before = self.looked
        await until(lambda: self.looked > before, "a look at the clock")

    async def play(
        self, packets: Iterable[Sent], delay: Callable[[Sent], float] = lambda _: 0.0, low: Collection[Sent] = ()
    ) -> None:
        """Packets at their times, those in `low` as the low layer; the recorder looks each half second."""
        begin, paused_at = self.now, self.now
        for sent in sorted(packets, key=lambda sent: sent.at + delay(sent)):
            self.now = begin + sent.at + delay(sent)
            line = self.recorder.sound if sent.codec == "opus" else self.recorder.pictures
            line = self.recorder.low_pictures if sent in low else line
            line.on_packet(sent.codec, sent.data, self.now)
            if self.now - paused_at > 0.5:
                paused_at = self.now
                await self.look()
        self.now += 0.02

    async def pieces(self) -> list[Piece]:
        return await self.files.list_(SESSION, RECORDING)

    async def join(self) -> "Film":
        """All pieces in one film."""
        pieces = await self.pieces()
        codecs = {codec for piece in pieces for codec in piece.codecs}
        picture = next(iter(sorted(codecs - {"opus"})), None)
        size = None
        if picture is not None:
            size = read_size(await self.files.read(next(piece for piece in pieces if picture in piece.codecs)))
        path = self.folder / "film"
        with Joiner(path, picture, size, sound="opus" in codecs) as joiner:
            for piece in pieces:
                joiner.add(piece.run, piece.number, await self.files.read(piece))
            return Film(path, joiner.finish())


class Film:
    """A finished file, decoded."""

    def __init__(self, path: Path, joined: Joined) -> None:
        self.joined = joined
        with av.open(str(path)) as file:
            self.seconds = (file.duration or 0) / 1_000_000
            self.pictures = [(frame.time or 0.0, frame) for frame in file.decode(video=0)] if file.streams.video else []
        with av.open(str(path)) as file:
            self.sounds = [
                float((packet.pts or 0) * packet.time_base) for packet in file.demux(audio=0) if packet.size
            ]  # fmt: skip
        with av.open(str(path)) as file:
            self.decoded_sounds = sum(frame.samples for frame in file.decode(audio=0))

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """In their order, each once."""
        found: list[tuple[int, int]] = []
        for _, frame in self.pictures:
            if not found or found[-1] != (frame.width, frame.height):
                found.append((frame.width, frame.height))
        return found


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    await studio.recorder.finish(5.0)


def shades(count: int, first: int = 30) -> list[int]:
    return [first + (number * 2) % 150 for number in range(count)]


async def test_two_sources_of_different_sizes_make_one_film(studio: Studio) -> None:
    first = pictures("vp8", 320, 240, shades(125), number=65_000, timestamp=2**32 - 90_000)
    last = first[-1]
    number = int.from_bytes(last.data[2:4], "big") + 1
    timestamp = int.from_bytes(last.data[4:8], "big") + 9_000
    second = pictures("vp8", 640, 360, shades(125), number=number, timestamp=timestamp, at=5.1)
    await studio.play(in_time(first, second, sounds(10.0, number=7, timestamp=2**32 - 4_800)))
    await studio.recorder.finish()
    pieces = await studio.pieces()
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert len(pieces) >= 4
    assert {piece.codecs for piece in pieces} == {("opus", "vp8")}

    film = await studio.join()
    assert film.joined.content_type == "video/webm"
    assert film.seconds == pytest.approx(10.1, rel=0.05)
    assert film.joined.seconds == pytest.approx(film.seconds, abs=0.1)
    assert film.sizes == [(320, 240), (640, 360)]
    assert len(film.pictures) == 250
    for (_, frame), shade in zip(film.pictures, 2 * shades(125), strict=True):
        assert abs(shade_of(frame) - shade) < 8
    times = [at for at, _ in film.pictures]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert times[125] - times[124] == pytest.approx(0.1, abs=0.02)
    assert len(film.sounds) == 500
    assert all(step == pytest.approx(0.02, abs=0.0031) for step in (b - a for a, b in pairwise(film.sounds)))
    assert film.decoded_sounds == pytest.approx(10.0 * 48_000, rel=0.01)


async def test_the_low_layer_is_recorded_while_the_high_one_is_not_sent(studio: Studio) -> None:
    """A browser without bandwidth sends no high layer for four seconds, then one again."""
    low = pictures("vp8", 160, 120, shades(250), every=25)
    before = pictures("vp8", 640, 480, shades(75), every=25)
    after = pictures("vp8", 640, 480, shades(75), number=900, timestamp=7 * 90_000, at=7.0, every=25)
    sound = sounds(10.0)
    for begin, end, layer in ((0.0, 4.0, HIGH), (4.0, 7.0, LOW), (7.0, 10.1, HIGH)):
        studio.layer = layer
        await studio.look()
        now = [sent for sent in in_time(low, before, after, sound) if begin <= sent.at < end]
        part = [Sent(sent.at - begin, sent.codec, sent.data) for sent in now]
        studio.now = 1_000.0 + begin
        await studio.play(part, low={made for made, sent in zip(part, now, strict=True) if sent in low})
    await studio.recorder.finish()
    film = await studio.join()
    assert film.sizes == [(640, 480), (160, 120), (640, 480)]
    times = [at for at, _ in film.pictures]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.1
    assert film.seconds == pytest.approx(10.0, abs=0.1)
    for at, frame in film.pictures:  # each where it was taken: its shade says when that was
        number = round((at - film.pictures[0][0]) * RATE)
        number -= 7 * RATE if at > 7.0 and frame.width == 640 else 0
        assert abs(shade_of(frame) - shades(250)[number]) < 12


async def test_sound_that_was_muted_and_pictures_stay_together(studio: Studio) -> None:
    film = pictures("vp8", 320, 240, shades(300), every=50)
    first, second = sounds(4.0), sounds(4.0, number=200, timestamp=4 * 48_000, at=8.0)  # it counts on as if without a pause
    await studio.play(in_time(film, first, second))
    await studio.recorder.finish()
    made = await studio.join()
    assert (len(made.pictures), len(made.sounds)) == (300, 400)
    assert made.sounds[200] - made.sounds[0] == pytest.approx(8.0, abs=0.05)
    assert made.pictures[200][0] - made.pictures[0][0] == pytest.approx(8.0, abs=0.05)
    assert made.seconds == pytest.approx(12.0, abs=0.1)


async def test_h264_becomes_an_mp4(studio: Studio) -> None:
    await studio.play(in_time(pictures("h264", 640, 360, shades(150), every=75), sounds(6.0)))
    await studio.recorder.finish()
    film = await studio.join()
    assert film.joined.content_type == "video/mp4"
    assert (len(film.pictures), film.sizes) == (150, [(640, 360)])
    assert film.seconds == pytest.approx(6.0, rel=0.05)
    assert len(film.sounds) == 300


async def test_sound_alone_is_recorded(studio: Studio) -> None:
    await studio.play(sounds(5.0))
    await studio.recorder.finish()
    film = await studio.join()
    assert film.pictures == []
    assert film.seconds == pytest.approx(5.0, rel=0.05)


async def test_sound_and_pictures_stay_together_on_a_jittery_way(studio: Studio) -> None:
    film_sent, sound_sent = pictures("vp8", 320, 240, shades(100)), sounds(4.0)

    def delay(sent: Sent) -> float:
        return 0.03 + (sent.data[3] * 37 % 16) / 200

    await studio.play(in_time(film_sent, sound_sent), delay)
    await studio.recorder.finish()
    film = await studio.join()
    assert (len(film.pictures), len(film.sounds)) == (100, 200)
    for number in range(100):
        assert film.pictures[number][0] - number / RATE == pytest.approx(film.sounds[2 * number] - number / RATE, abs=0.1)


async def test_a_recorder_that_is_killed_leaves_all_whole_pieces(studio: Studio) -> None:
    await studio.play(in_time(pictures("vp8", 320, 240, shades(130)), sounds(5.2)))
    killed = studio.recorder
    await until(lambda: killed._number == 2 and not killed._cuts, "two pieces")
    for task in killed._tasks:
        task.cancel()
    await asyncio.wait(killed._tasks)
    kept = await studio.pieces()
    assert {piece.run for piece in kept} == {killed.run}

    studio.begin()
    await studio.play(in_time(pictures("vp8", 640, 360, shades(75), timestamp=77, number=9), sounds(3.0)))
    await studio.recorder.finish()
    assert studio.recorder.run > killed.run
    film = await studio.join()
    assert film.sizes == [(320, 240), (640, 360)]
    assert 4.0 + 3.0 - 0.1 <= film.seconds <= 5.2 + 3.0 + 0.1
    assert len([frame for _, frame in film.pictures if frame.width == 640]) == 75


async def test_nothing_is_lost_while_the_store_is_away_for_less_than_a_minute(studio: Studio) -> None:
    studio.files.away = True
    with capture_logs() as logs:
        await studio.play(in_time(pictures("vp8", 320, 240, shades(100)), sounds(4.0)))
        assert await studio.pieces() == []
        studio.files.away = False
        await studio.recorder.finish()
    assert [entry["event"] for entry in logs].count("recording_waits_for_store") == 1
    assert studio.recorder.dropped == 0
    film = await studio.join()
    assert (len(film.pictures), len(film.sounds)) == (100, 200)


async def test_of_a_store_away_for_longer_the_newest_minute_is_kept(studio: Studio) -> None:
    studio.files.away = True
    with capture_logs() as logs:
        await studio.recorder.finish()
        studio.begin(6.0)
        for piece in range(14):
            await studio.play(sounds(0.1, number=5 * piece, timestamp=6 * 48_000 * piece))
            studio.now += 6.0
            await until(lambda: studio.recorder._number == piece + 1, "a piece")  # noqa: B023 - awaited here
        assert len(studio.recorder._cuts) == KEPT_SECONDS / 6
        studio.files.away = False
        await studio.recorder.finish()
    lost = [entry["piece"] for entry in logs if entry["event"] == "recording_piece_lost"]
    assert lost == list(range(4))
    assert [piece.number for piece in await studio.pieces()] == list(range(4, 14))
    assert (await studio.join()).joined.seconds > 0


async def test_a_store_that_stays_away_does_not_keep_the_recorder(studio: Studio) -> None:
    studio.files.away = True
    await studio.play(sounds(1.0))
    with capture_logs() as logs:
        await studio.recorder.finish(0.2)
    ended = next(entry for entry in logs if entry["event"] == "recording_ended")
    assert (ended["pieces_lost"], ended["log_level"]) == (1, "error")


async def test_keyframes_are_asked_for_now_and_then_and_after_a_loss(studio: Studio) -> None:
    sent = pictures("vp8", 320, 240, shades(50))
    await studio.play(sent)
    assert studio.asked == []
    studio.now += KEYFRAME_SECONDS
    await until(lambda: bool(studio.asked), "a request for a keyframe")
    studio.asked.clear()
    later = pictures("vp8", 320, 240, shades(75), number=1_000, timestamp=12 * 90_000)
    await studio.play(sent for sent in later if int.from_bytes(sent.data[2:4], "big") != 1_010)
    await until(lambda: bool(studio.asked), "a request for a keyframe")


async def test_a_change_of_codec_begins_a_piece_and_the_film_has_one_codec(studio: Studio) -> None:
    vp8 = pictures("vp8", 320, 240, shades(75))
    h264 = pictures("h264", 320, 240, shades(50), number=500, timestamp=3 * 90_000, at=3.0)
    await studio.play(in_time(vp8, h264, sounds(5.0)))
    await studio.recorder.finish()
    assert all(not {"vp8", "h264"} <= set(piece.codecs) for piece in await studio.pieces())
    film = await studio.join()
    assert len(film.pictures) == 50  # H.264 is the first by name


async def test_a_broken_piece_is_named_and_the_others_are_joined(studio: Studio, tmp_path: Path) -> None:
    await studio.play(sounds(5.0))
    await studio.recorder.finish()
    pieces = await studio.pieces()
    with Joiner(tmp_path / "film", None, None, sound=True) as joiner:
        for piece in pieces:
            joiner.add(piece.run, piece.number, await studio.files.read(piece))
        with pytest.raises(BadPiece, match="cannot be read"):
            joiner.add("another", 0, b"no piece at all")
        assert joiner.finish().seconds == pytest.approx(5.0, rel=0.05)
    with pytest.raises(BadPiece):
        read_size(b"nothing")


def test_frames_that_no_file_can_hold_are_refused() -> None:
    from realtime.sfu.frames import Frame

    with pytest.raises(BadPiece, match="cannot be written"):
        write_piece([Sample(Frame("vp8", b"x", 0, is_keyframe=True, width=0, height=0), 0)])
