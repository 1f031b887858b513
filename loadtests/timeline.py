"""Requests by second: counts and a histogram of waits each, small enough to be sent to the master and merged there."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_STEP = math.log(1.04)  # a percentile is off by 2 % at most


@dataclass
class Waits:
    """A histogram of milliseconds, with failures counted beside it."""

    count: int = 0
    failures: int = 0
    longest: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def note(self, milliseconds: float, failed: bool) -> None:
        """One request."""
        self.count += 1
        if failed:
            self.failures += 1
            return
        self.longest = max(self.longest, milliseconds)
        bucket = math.floor(math.log(max(milliseconds, 0.01)) / _STEP)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def add(self, other: "Waits") -> None:
        """Take another histogram in."""
        self.count += other.count
        self.failures += other.failures
        self.longest = max(self.longest, other.longest)
        for bucket, number in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + number

    def within(self, share: float) -> float | None:
        """The milliseconds within which `share` (0..1] of the answered requests were answered; None without any."""
        wanted = math.ceil(share * sum(self.buckets.values()))
        if wanted == 0:
            return None
        for bucket in sorted(self.buckets):
            wanted -= self.buckets[bucket]
            if wanted <= 0:
                return min(math.exp((bucket + 0.5) * _STEP), self.longest)
        raise AssertionError("A share is at most 1.")


class Timeline:
    """Waits by second (since 1970) and name of the request."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, str], Waits] = {}

    def note(self, moment: float, name: str, milliseconds: float, failed: bool) -> None:
        """One request that was answered at `moment`."""
        self._cells.setdefault((int(moment), name), Waits()).note(milliseconds, failed)

    def take(self) -> list[Any]:
        """What was noted since the last call, to be sent."""
        cells, self._cells = self._cells, {}
        return [
            [second, name, waits.count, waits.failures, waits.longest, list(waits.buckets.items())]
            for (second, name), waits in cells.items()
        ]

    def merge(self, sent: Iterable[Sequence[Any]]) -> None:
        """Take in what another timeline's `take` gave."""
        for second, name, count, failures, longest, buckets in sent:
            waits = Waits(count, failures, longest, {int(bucket): number for bucket, number in buckets})
            self._cells.setdefault((second, name), Waits()).add(waits)

    @property
    def seconds(self) -> list[int]:
        """Every second from the first request to the last."""
        known = {second for second, _ in self._cells}
        return list(range(min(known), max(known) + 1)) if known else []

    def by_name(self) -> dict[str, Waits]:
        """All seconds together, by name."""
        names: dict[str, Waits] = {}
        for (_, name), waits in sorted(self._cells.items()):
            names.setdefault(name, Waits()).add(waits)
        return names

    def by_second(self, names: frozenset[str] | None = None) -> dict[int, Waits]:
        """The requests of these names (all, without names) together, by second."""
        seconds: dict[int, Waits] = {}
        for (second, name), waits in self._cells.items():
            if names is None or name in names:
                seconds.setdefault(second, Waits()).add(waits)
        return seconds
