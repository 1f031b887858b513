"""What a grain needs from the stores before it can decide its next command."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import structlog

from actors.alarms import Alarms
from actors.archive import Archive
from actors.boxes import Box
from actors.correlation import about
from actors.keeping import Keeping
from actors.listeners import Listeners
from actors.live_grain import LiveGrain
from actors.postman import Postman
from actors.progress_grain import CourseGrain
from classroom.answers import Refused
from classroom.refusals import Unavailable
from classroom.times import Moment
from persistence.errors import StoreAway

_log = structlog.get_logger(__name__)
_AWAY = Refused(Unavailable())


class Reading:
    """Reads for one box at a time, in a task of `spawn`; when it is done `go_on` takes up the box's mailbox again. Who waits
    for what could not be read is refused for the moment."""

    def __init__(
        self, archive: Archive, alarms: Alarms, epochs: Mapping[int, int], postman: Postman, listeners: Listeners,
        keeping: Keeping, spawn: Callable[[Coroutine[Any, Any, Any]], object], go_on: Callable[[Box], None],
    ) -> None:  # fmt: skip
        self._archive = archive
        self._alarms = alarms
        self._epochs = epochs
        self._postman = postman
        self._listeners = listeners
        self._keeping = keeping
        self._spawn = spawn
        self._go_on = go_on

    def begins(self, box: Box, now: Moment) -> bool:
        """Whether something must be read before the next command in the mailbox; it is being read from now on."""
        grain = box.grain
        reading: Callable[[], Awaitable[None]]
        if grain is None:
            reading = partial(self._load, box)
        elif isinstance(grain, LiveGrain) and grain.must_ask(box.mailbox[0], now):
            reading = partial(self._enrol, box, grain)
        elif isinstance(grain, CourseGrain) and grain.must_ask(box.mailbox[0], now):
            reading = partial(self._archive.inform, grain, box.mailbox, partial(self._alarms.now, box))
        else:
            return False
        box.busy = True
        self._spawn(self._read(box, reading))
        return True

    async def _read(self, box: Box, reading: Callable[[], Awaitable[None]]) -> None:
        try:
            await reading()
        except StoreAway as error:
            _log.warning("grain_unread", kind=box.kind, grain=box.id, reason=str(error), **about(box.waiting))
            box.answer_waiting(_AWAY)
        except Exception:
            _log.exception("grain_unreadable", kind=box.kind, grain=box.id, **about(box.waiting))
            box.answer_waiting(_AWAY)
        box.busy = False
        if box.grain is None and box.owes_wake and not box.mailbox and box.shard_id in self._epochs:
            self._alarms.set_later(box)
        self._go_on(box)
        self._keeping.tidy(box)

    async def _load(self, box: Box) -> None:
        epoch = self._epochs.get(box.shard_id)
        if epoch is None:
            return  # lost meanwhile, and everybody was told
        grain = await self._archive.load(box, epoch)
        if self._epochs.get(box.shard_id) != epoch:
            return  # what was read is another owner's to go on from
        if isinstance(grain, LiveGrain | CourseGrain) and box.owes_wake:
            grain.doubt_deadline()
        box.grain, box.owes_wake = grain, False
        self._alarms.set_up(box, grain)
        if isinstance(grain, LiveGrain | CourseGrain):
            self._postman.send(box, grain.unsent)
        if isinstance(grain, LiveGrain):
            self._listeners.evict(grain.unsent_evictions)

    async def _enrol(self, box: Box, grain: LiveGrain) -> None:
        clock = partial(self._alarms.now, box)
        await self._archive.enrol(grain, grain.unknown_students(box.mailbox, clock()), clock)
