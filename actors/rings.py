"""The latest publications of a topic, encoded, so that who was away for a moment costs no query."""

from collections import deque
from collections.abc import Sequence

KEPT = 512


class Ring:
    """A gapless run of encoded events, the last 512 of a topic as far as they were encoded here."""

    def __init__(self) -> None:
        self._events: deque[bytes] = deque(maxlen=KEPT)
        self._last = 0

    def extend(self, first_offset: int, events: Sequence[bytes]) -> None:
        """Add events; what is kept starts anew when they do not follow."""
        if first_offset != self._last + 1:
            self._events.clear()
        self._events.extend(events)
        self._last = first_offset + len(events) - 1

    def between(self, after: int, upto: int) -> list[bytes] | None:
        """The events `after + 1` to `upto`; None when they are not all here."""
        if after >= upto:
            return []
        first = self._last - len(self._events) + 1
        if after + 1 < first or upto > self._last:
            return None
        return list(self._events)[after + 1 - first : upto + 1 - first]
