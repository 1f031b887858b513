"""An event loop whose time is made up: when everything waits, its clock jumps to the next timer. Eight seconds of
patience cost no second of a test, and the same test always takes the same turns."""

import asyncio
import selectors
from contextvars import Context, copy_context
from typing import Any

from actors.local import AT_HOST, Life


class _Jumping(selectors.SelectSelector):
    """Waits for nothing but time, and never really."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits for ever: nothing is ready and no timer is armed")
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits for timers and for itself only."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        self._parked: dict[Life, list[_Parkable]] = {}
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def freeze(self, life: Life) -> None:
        """Whatever this life of a host would do waits: the host stands still, as a stopped process does."""
        self._parked.setdefault(life, [])

    def thaw(self, life: Life) -> None:
        """It goes on."""
        for handle in self._parked.pop(life, []):
            handle.go_on(self)

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        parkable = self._parkable(callback, args, context)
        if parkable is None:
            return super().call_soon(callback, *args, context=context)
        parkable.handle = super().call_soon(parkable.run, self, context=context)
        return parkable.handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        parkable = self._parkable(callback, args, context)
        if parkable is None:
            return super().call_at(when, callback, *args, context=context)
        parkable.handle = timer = super().call_at(when, parkable.run, self, context=context)
        return timer

    def park(self, parkable: "_Parkable") -> bool:
        """Whether it has to wait."""
        parked = self._parked.get(parkable.life)
        if parked is not None:
            parked.append(parkable)
        return parked is not None

    def _parkable(self, callback: Any, args: tuple[Any, ...], context: Context | None) -> "_Parkable | None":
        context = context if context is not None else copy_context()
        life = context.get(AT_HOST)
        return _Parkable(life, callback, args, context) if life is not None else None


class _Parkable:
    """Something to call for a host, unless the host stands still."""

    def __init__(self, life: Life, callback: Any, args: tuple[Any, ...], context: Context) -> None:
        self.life = life
        self.handle: asyncio.Handle | None = None
        self._call = callback, args, context

    def run(self, loop: VirtualLoop) -> None:
        callback, args, _ = self._call
        if not loop.park(self):
            callback(*args)

    def go_on(self, loop: VirtualLoop) -> None:
        callback, args, context = self._call
        if self.handle is None or not self.handle.cancelled():
            loop.call_soon(callback, *args, context=context)
