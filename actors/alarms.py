"""When the grains of a host are woken, by which clock, and since when anybody could come back."""

import asyncio
from collections.abc import Callable, Mapping

from actors.boxes import Box, Grain
from actors.clock import SteadyClock
from actors.live_grain import LiveGrain
from classroom.times import Moment
from persistence.live_log import Deadline

LOOK_SECONDS = 1.0


class Alarms:
    """The timers of a host's boxes; `wake` is called for a box whose time has come."""

    def __init__(
        self, boxes: Mapping[tuple[str, str], Box], clock: Callable[[], Moment], wake: Callable[[Box], None]
    ) -> None:
        self._boxes = boxes
        self._wake = wake
        self._clock = SteadyClock(clock, asyncio.get_running_loop().time, leapt=self._leapt)
        self._back_since = self._clock()

    def begin(self) -> None:
        """The host has its shards: from now on people can come back to their classes."""
        self._back_since = self._clock()

    async def keep(self) -> None:
        """Look at the clock, for ever: somebody may have set it while nothing else happens."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._clock()

    def now(self, box: Box) -> Moment:
        """The time of the grain in a box."""
        return (box.clock or self._clock)()

    def set_up(self, box: Box, grain: Grain) -> None:
        """For a grain that has just been read."""
        if isinstance(grain, LiveGrain):
            if grain.state.at > self.now(box):  # written by another clock, or before this one was set back
                box.clock = SteadyClock(self._clock, asyncio.get_running_loop().time, grain.state.at)
            self._hold_graces(box, grain)
        self.set(box, grain)

    def set(self, box: Box, grain: Grain) -> None:
        """To when the grain next has something to do."""
        box.arm(grain.wake_at(), self.now(box), self._wake)

    def set_for(self, box: Box, deadline: Deadline) -> None:
        """To what the store says of a grain that is not loaded."""
        box.owes_wake = True
        box.arm(deadline.due_at, self.now(box), self._wake)

    def set_later(self, box: Box) -> None:
        """To soon, and ever later while it cannot be read."""
        box.arm_later(self._wake)

    def _leapt(self) -> None:
        """The wall clock was set forward; most likely the machine slept. Timers would come too late, and nobody could come
        back meanwhile."""
        self._back_since = self._clock()
        for box in self._boxes.values():
            if isinstance(box.grain, LiveGrain):
                self._hold_graces(box, box.grain)
            box.arm_anew(self.now(box), self._wake)

    def _hold_graces(self, box: Box, grain: LiveGrain) -> None:
        """Whoever was lost could not come back while this host, or the store, was away."""
        now = self.now(box)
        grain.hold_graces(now if box.failures else Moment(now - (self._clock() - self._back_since)))
