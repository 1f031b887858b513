"""What becomes of grains that nobody needs: snapshots are kept of what was loaded, and memory is freed."""

import asyncio
from collections.abc import MutableMapping

from actors.archive import Archive
from actors.boxes import Box
from actors.live_grain import LiveGrain
from actors.progress_grain import CourseGrain

IDLE_SECONDS = 300.0
NOBODY_SECONDS = 5.0
SWEEP_SECONDS = 1.0
MARK_SWEEPS = 5
"""So seldom it is noted which milestones were told: after a crash those since are told again, and known by their ids."""


class Keeping:
    """Unloads the grains of a host's boxes, and lets go of the boxes themselves."""

    def __init__(self, boxes: MutableMapping[tuple[str, str], Box], archive: Archive) -> None:
        self._boxes = boxes
        self._archive = archive
        self._sweeps = 0

    async def unload_idle(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = asyncio.get_running_loop().time()
            self._sweeps += 1
            for box in list(self._boxes.values()):
                if self._sweeps % MARK_SWEEPS == 0 and not await self._mark(box):
                    break
                nobody = box.grain is not None and box.grain.is_nobody
                idle = now - box.used_at > (NOBODY_SECONDS if nobody else IDLE_SECONDS)
                if idle and not await self._unload(box):
                    break  # the store is away: later

    async def keep(self, box: Box) -> bool:
        """Save what no snapshot holds, unless something is still under way; False when that cannot be done now."""
        grain = box.grain
        if isinstance(grain, CourseGrain):
            return await self._mark(box)
        if not isinstance(grain, LiveGrain) or not grain.changed or not box.resting or box.tells_somebody:
            return True
        offset, state = grain.save()
        grain.saved(offset)
        return await self._archive.save(grain, offset, state)

    def tidy(self, box: Box) -> None:
        """Let go of a box in which there is nothing and for which nothing waits."""
        if box.grain is None and box.timer is None and box.resting and self._boxes.get((box.kind, box.id)) is box:
            del self._boxes[box.kind, box.id]

    async def _mark(self, box: Box) -> bool:
        grain = box.grain
        if not isinstance(grain, CourseGrain) or not grain.owes_mark or box.tells_somebody:
            return True
        return await self._archive.mark(grain)

    async def _unload(self, box: Box) -> bool:
        if box.may_unload():
            if not await self.keep(box):
                return False
            if box.may_unload():
                box.grain = None
                box.owes_wake = box.timer is not None
        self.tidy(box)
        return True
