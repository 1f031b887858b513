"""Which classes of this node are recorded: a recorder for each, as long as the class names a recording."""

import asyncio
from collections.abc import Callable
from functools import partial

from realtime.sfu.desk import Recording
from realtime.sfu.layers import LOW
from realtime.sfu.recorder import Line, Pieces, Recorder
from realtime.sfu.room import Room
from realtime.sfu.slots import LOUDEST, MAIN
from realtime.sfu.streams import Stream

CLOSE_SECONDS = 5.0


class Recordings:
    """The recorders of one media server."""

    def __init__(self, pieces: Pieces | None, clock: Callable[[], float]) -> None:
        """Without `pieces` nothing is recorded."""
        self._pieces = pieces
        self._clock = clock
        self._running: dict[str, tuple[Room, Recorder]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def follow(self, room: Room, wanted: Recording | None) -> None:
        """Record the room under this name, from now on; None: no more. What runs already goes on."""
        if self._pieces is None:
            return
        before = self._running.get(room.session_id)
        if before is not None:
            if wanted is not None and before[0] is room and before[1].recording_id == wanted.recording_id:
                return
            self._end(*self._running.pop(room.session_id))
        if wanted is None:
            return
        recorder = Recorder(
            room.session_id,
            wanted.recording_id,
            self._pieces,
            self._clock,
            partial(_want_keyframe, room),
            layer=partial(room.best_layer, MAIN),
        )
        self._running[room.session_id] = room, recorder
        recorder.start()
        now = self._clock()
        for stream, line in _taps(room, recorder):
            stream.tap(line, now)

    async def close(self) -> None:
        """Write every last piece; what the store does not take within five seconds is lost."""
        for room, recorder in self._running.values():
            self._end(room, recorder)
        self._running.clear()
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    def _end(self, room: Room, recorder: Recorder) -> None:
        for stream, line in _taps(room, recorder):
            stream.untap(line)
        task = asyncio.get_running_loop().create_task(recorder.finish(), name=f"media.recording.{room.session_id}")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _taps(room: Room, recorder: Recorder) -> tuple[tuple[Stream, Line], ...]:
    return (
        (room.stream(MAIN), recorder.pictures),
        (room.stream(MAIN, LOW), recorder.low_pictures),
        (room.stream(LOUDEST), recorder.sound),
    )


def _want_keyframe(room: Room, now: float) -> None:
    source = room.stream(MAIN, room.best_layer(MAIN, now)).source
    if source is not None:
        source.want_keyframe(now)
