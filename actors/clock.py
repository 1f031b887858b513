"""The time that a host goes by: the wall clock's, but never backwards."""

import time
from collections.abc import Callable

from classroom.times import SECOND, Moment

PACE = 0.9
LEAP = 1 * SECOND


def wall_clock() -> Moment:
    """Now, as this machine knows it."""
    return Moment(time.time_ns() // 1000)


class SteadyClock:
    """Says what `wall` says. When the wall is set back it goes on at nine tenths of its speed until the wall has caught up,
    so that whatever waits for a moment sees it come. `seconds` is a clock that nobody sets. `leapt` is called when the wall
    was set forward by more than a second."""

    def __init__(
        self, wall: Callable[[], Moment], seconds: Callable[[], float], at_least: int = 0,
        leapt: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._wall = wall
        self._seconds = seconds
        self._leapt = leapt
        self._since = seconds()
        self._then = max(wall(), at_least)
        self._is_slow = False

    def __call__(self) -> Moment:
        seconds, wall = self._seconds(), self._wall()
        passed = (seconds - self._since) * SECOND
        slow = Moment(self._then + int(passed * PACE))
        if wall < slow:
            self._is_slow = True
            return slow
        # Who goes slowly is met by the wall from behind: what is more than that was set.
        leapt = wall - (slow if self._is_slow else self._then + passed) > LEAP
        self._is_slow = False
        self._since, self._then = seconds, wall
        if leapt and self._leapt is not None:
            self._leapt()
        return wall
