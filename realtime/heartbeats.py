"""Who has to be looked after when: a wheel of one-second slots, so that 20,000 sockets need one timer."""

from typing import Generic, TypeVar

_T = TypeVar("_T")


class Wheel(Generic[_T]):
    """Holds things until their second comes. Seconds are counted by `turn`, which is called once a second."""

    def __init__(self, slots: int) -> None:
        self._slots: list[list[_T]] = [[] for _ in range(slots)]
        self._at = 0

    def put(self, thing: _T, seconds: float) -> None:
        """Hold `thing` for `seconds`, rounded up; at least one, at most the wheel's round."""
        ahead = min(max(int(-(-seconds // 1)), 1), len(self._slots) - 1)
        self._slots[(self._at + ahead) % len(self._slots)].append(thing)

    def turn(self) -> list[_T]:
        """One second has passed: what was held until now."""
        self._at = (self._at + 1) % len(self._slots)
        due, self._slots[self._at] = self._slots[self._at], []
        return due
