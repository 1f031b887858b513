"""An event loop whose time is made up: when everything waits, its clock jumps to the next timer. Eight seconds of
patience cost no second of a test, and the same test always takes the same turns."""

import asyncio
from heapq import heappop
from typing import Any

from actors.local import AT_HOST, Life


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits for timers and for itself only."""

    _ready: Any
    _scheduled: list[Any]
    _timer_cancelled_count: int

    def __init__(self) -> None:
        self._now = 1_000.0
        self._parked: dict[Life, list[asyncio.Handle]] = {}
        super().__init__()

    def time(self) -> float:
        return self._now

    def freeze(self, life: Life) -> None:
        """Whatever this life of a host would do waits: the host stands still, as a stopped process does."""
        self._parked.setdefault(life, [])

    def thaw(self, life: Life) -> None:
        """It goes on."""
        self._ready.extend(handle for handle in self._parked.pop(life, []) if not handle.cancelled())

    def _hear_outside(self) -> None:
        """Threads and sockets, without waiting for them."""
        self._process_events(self._selector.select(0))  # type: ignore[attr-defined] # the base class's

    def _run_once(self) -> None:
        """One turn, as the base class takes it, but that it never waits and passes over who stands still."""
        self._hear_outside()
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise RuntimeError("everybody waits for ever: nothing is ready and no timer is armed")
            self._now = max(self._now, scheduled[0]._when)
        now = self._now
        while scheduled and scheduled[0]._when <= now:
            handle = heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if self._parked and (parked := self._parked.get(handle._context.get(AT_HOST))) is not None:
                parked.append(handle)
            else:
                handle._run()
