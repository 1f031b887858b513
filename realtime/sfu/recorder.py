"""Records a class: what is in `main` and `loudest`, as encoded, in pieces of two seconds, each an object of its own."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from realtime.sfu.frames import Frame, Pictures, Sounds
from realtime.sfu.lanes import CLOCK_RATES
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.packets import Unwrap32, parse_header
from realtime.sfu.timeline import Track
from realtime.sfu.webm import BadPiece, Sample, picture_of, write_piece

PIECE_SECONDS = 2.0
KEPT_SECONDS = 60.0
"""So much is kept while the store is away; then the oldest goes."""
MOST_PIECE_BYTES = 8 << 20
MOST_KEPT_BYTES = 64 << 20
KEYFRAME_SECONDS = 10.0
"""A film can be entered at its keyframes only, and browsers send none unless asked."""
KEEP_SECONDS = 30.0
AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 0.25
_MOST_LATE_MS = 250
"""A layer does not come in with what the film has shown already."""

_log = structlog.get_logger(__name__)


class Pieces(Protocol):
    """Where pieces lie: `persistence.recordings.PieceFiles`."""

    async def keep(
        self, session_id: str, recording_id: str, run: str, number: int, codecs: tuple[str, ...], data: bytes
    ) -> None:
        """Store a piece with these codecs durably. Raises ConnectionError when the store is away."""
        ...


@dataclass(frozen=True, slots=True)
class _Cut:
    """Frames that will be one piece."""

    number: int
    samples: list[Sample]
    octets: int


class Line:
    """A stream that is recorded, as its tap (`realtime.sfu.streams.Tap`)."""

    def __init__(self, frames: Pictures | Sounds, rate: int, made: Callable[["Line", list[Frame], float], None]) -> None:
        self.frames = frames
        self.track = Track(rate)
        self.times = Unwrap32()
        self._made = made

    def on_packet(self, codec: str, packet: bytes, now: float) -> None:
        """A packet of the stream, in whatever order."""
        header = parse_header(packet)
        if header is not None:
            self.track.arrived(self.times.unwrap(header.timestamp), now)
            self._made(self, self.frames.add(codec, packet, now), now)

    def on_report(self, sender: str, ntp: int, timestamp: int) -> None:
        """The clock of who sends this showed `ntp` (64 bits, RFC 5905) at a timestamp of the stream."""
        self.track.reported(sender, ntp / (1 << 32), self.times.unwrap(timestamp))


class Recorder:
    """One run of one recording. `pictures`, `low_pictures` and `sound` are taps of the streams `main`, in both layers, and
    `loudest`. Of the pictures those of one layer are recorded; the other comes in with a keyframe.

    A run that is killed loses what is not stored yet: the last piece, and the one on its way. While the store is away a
    minute of pieces, and 64 MB of them, are kept; then the oldest is dropped, and the log says so.
    """

    def __init__(
        self,
        session_id: str,
        recording_id: str,
        pieces: Pieces,
        clock: Callable[[], float],
        want_keyframe: Callable[[float], None],
        piece_seconds: float = PIECE_SECONDS,
        layer: Callable[[float], str] = lambda _now: HIGH,
    ) -> None:
        """`clock`: seconds, the one that packets are timed by. `layer` says which one should be recorded: "high", or "low"
        while that is all that comes; `want_keyframe` asks who is in `main` for one in that layer."""
        self.session_id = session_id
        self.recording_id = recording_id
        self.run = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        self.pictures, self.low_pictures = (Line(Pictures(), CLOCK_RATES["video"], self._made) for _ in (HIGH, LOW))
        self.sound = Line(Sounds(), CLOCK_RATES["audio"], self._made)
        self.dropped = 0
        """Pieces that were lost because the store was away for too long."""
        self._pieces = pieces
        self._clock = clock
        self._want_keyframe = want_keyframe
        self._layer = layer
        self._shown = self._wanted = self.pictures
        self._latest = {True: -1, False: -1}  # of pictures, and of sound
        self._piece_seconds = piece_seconds
        self._began = clock()
        self._samples: list[Sample] = []
        self._octets = 0
        self._cuts: deque[_Cut] = deque()
        self._number = 0
        self._keyframe_at = self._began
        self._is_away = False
        self._is_over = asyncio.Event()
        self._came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to write, in the running loop."""
        loop = asyncio.get_running_loop()
        names = {"recorder.cut": self._cut_in_time, "recorder.write": self._write}
        self._tasks = [loop.create_task(work(), name=name) for name, work in names.items()]
        _log.info("recording_began", session_id=self.session_id, recording_id=self.recording_id, run=self.run)

    async def finish(self, timeout_seconds: float = KEPT_SECONDS) -> None:
        """Write what is left, and end. What the store did not take within the timeout is lost, and the log says so."""
        if self._is_over.is_set():
            return
        for line in self._lines:
            self._made(line, line.frames.drain(), self._clock())
        self._cut()
        self._is_over.set()
        self._came.set()
        done, late = await asyncio.wait(self._tasks, timeout=timeout_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            self.dropped += len(self._cuts)
        faults = [fault for task in done if not task.cancelled() and (fault := task.exception()) is not None]
        ends = _log.error if faults or self.dropped else _log.info
        ends(
            "recording_ended", session_id=self.session_id, recording_id=self.recording_id, run=self.run,
            pieces=self._number, pieces_lost=self.dropped, exc_info=faults[0] if faults else None,
        )  # fmt: skip

    @property
    def _lines(self) -> tuple[Line, ...]:
        return self.pictures, self.low_pictures, self.sound

    def _made(self, line: Line, frames: list[Frame], now: float) -> None:
        is_sound = line is self.sound
        for frame in frames:
            other = self._shown if is_sound else self.sound
            moment = line.track.place(line.times.unwrap(frame.timestamp), now, other.track)
            at, latest = round((moment - self._began) * 1000), self._latest[is_sound]
            if not is_sound and not self._shows(line, frame, now, late=latest - at):
                continue
            self._latest[is_sound] = at = max(latest + 1, at)
            self._samples.append(Sample(frame, at))
            self._octets += len(frame.data)
            if self._octets >= MOST_PIECE_BYTES:
                self._cut()

    def _shows(self, line: Line, frame: Frame, now: float, late: int) -> bool:
        """Whether the picture is recorded, which was taken `late` ms before the latest. Those of one codec only share a
        piece."""
        if frame.is_keyframe and line is self._wanted and late < _MOST_LATE_MS:
            self._shown = line
        if line is not self._shown:
            return False
        if frame.is_keyframe:
            self._keyframe_at = now
            if picture_of(self._samples) not in (None, frame.codec):
                self._cut()
        return True

    def _cut(self) -> None:
        """End the piece, and begin the next."""
        if not self._samples:
            return
        self._cuts.append(_Cut(self._number, self._samples, self._octets))
        self._samples, self._octets = [], 0
        self._number += 1
        most = max(1, round(KEPT_SECONDS / self._piece_seconds))
        while len(self._cuts) > most or (len(self._cuts) > 1 and sum(cut.octets for cut in self._cuts) > MOST_KEPT_BYTES):
            lost = self._cuts.popleft()
            self.dropped += 1
            self._want_keyframe(self._clock())
            _log.error("recording_piece_lost", session_id=self.session_id, recording_id=self.recording_id, piece=lost.number)
        self._came.set()

    async def _cut_in_time(self) -> None:
        cut_at = self._began
        while not self._is_over.is_set():
            now = self._clock()
            self._wanted = self.low_pictures if self._layer(now) == LOW else self.pictures
            for line in self._lines:
                self._made(line, line.frames.look(now), now)
            if now - cut_at >= self._piece_seconds:
                cut_at = now
                self._cut()
            if now - self._keyframe_at >= KEYFRAME_SECONDS or self._lacks_keyframe():
                self._keyframe_at = now
                self._want_keyframe(now)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_LOOK_SECONDS, self._piece_seconds / 4)):
                    await self._is_over.wait()

    def _lacks_keyframe(self) -> bool:
        frames = self._wanted.frames
        return self._shown is not self._wanted or (isinstance(frames, Pictures) and frames.waits)

    async def _write(self) -> None:
        while True:
            if not self._cuts:
                if self._is_over.is_set():
                    return
                self._came.clear()
                await self._came.wait()
                continue
            cut = self._cuts[0]
            if await self._store(cut):
                if self._cuts and self._cuts[0] is cut:
                    self._cuts.popleft()
            else:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _store(self, cut: _Cut) -> bool:
        """Whether the piece need not be tried again."""
        try:
            data = await asyncio.to_thread(write_piece, cut.samples)
        except BadPiece as error:
            _log.error("recording_piece_unwritten", session_id=self.session_id, piece=cut.number, reason=str(error))
            return True
        codecs = tuple(sorted({sample.frame.codec for sample in cut.samples}))
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await self._pieces.keep(self.session_id, self.recording_id, self.run, cut.number, codecs, data)
        except (ConnectionError, TimeoutError) as error:
            if not self._is_away:
                _log.warning("recording_waits_for_store", session_id=self.session_id, reason=str(error)[:200])
            self._is_away = True
            return False
        self._is_away = False
        return True
