"""When the lessons of a course change, everybody in it is counted anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from actors.alarms import Alarms
from actors.archive import Archive
from actors.boxes import Box
from actors.progress_grain import CourseGrain
from classroom.ids import UserId
from classroom.progress.commands import Look
from persistence.errors import StoreAway

PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Recounting:
    """`ask` puts looks at learners into a box's mailbox, behind what is there, and returns when all are answered."""

    def __init__(
        self, archive: Archive, alarms: Alarms, at_once: int, ask: Callable[[Box, Sequence[Look]], Awaitable[object]]
    ) -> None:
        self._archive = archive
        self._alarms = alarms
        self._at_once = at_once
        self._ask = ask

    async def run(self, box: Box, grain: CourseGrain) -> None:
        """Have everybody counted anew whose figures are for another outline; whoever comes meanwhile is not held up."""
        after: UserId | None = None
        while box.grain is grain:
            try:
                if after is None:
                    await self._archive.renew(grain, partial(self._alarms.now, box))
                outdated = await self._archive.outdated(grain, after, self._at_once)
            except StoreAway as error:
                _log.warning("recount_put_off", grain=grain.id, reason=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if not outdated or box.grain is not grain:
                return
            after = outdated[-1]
            await self._ask(box, [Look(user_id) for user_id in outdated])
