"""How fast somebody may go: a token bucket, told the time."""


class Bucket:
    """`burst` at once and `rate` a second after that. Starts full."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._level = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more is allowed at `now` (seconds of a clock that never goes back); if so it is counted."""
        level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if level < 1.0:
            self._level = level
            return False
        self._level = level - 1.0
        return True
