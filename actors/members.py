"""Who of the hosts lives, as one of them sees it."""

from collections.abc import Iterable, Sequence

from persistence.membership import Member

GONE_SECONDS = 1.5
"""A host that has been silent for as long is taken for gone. It need not be: the epochs make a mistake harmless."""
GAP_SECONDS = 1.0
"""Who has not looked for as long cannot tell who was silent meanwhile."""
LATEST_SECONDS = 0.5
"""How long ago a host whose sign of life is new here may have given it."""


class Members:
    """Judges by what changes between two looks at the table, in seconds that nobody sets, so that neither a clock that jumps
    nor a store that was away makes anybody seem gone. `expected` are given the time to come."""

    def __init__(self, me: str, expected: Iterable[str], now: float) -> None:
        self._me = me
        self._seen: dict[str, int] = {}
        self._alive_at: dict[str, float] = dict.fromkeys(expected, now)
        self._looked_at = now

    def look(self, members: Sequence[Member], now: float) -> bool:
        """Take note of the table. False when the look before was too long ago to tell who was silent meanwhile."""
        without_gap = now - self._looked_at <= GAP_SECONDS
        if not without_gap:
            living = self.living(self._looked_at)
            self._alive_at.update(dict.fromkeys(living, now))
        self._looked_at = now
        for member in members:
            if member.has_left:
                self._alive_at.pop(member.host, None)
            elif member.seen != self._seen.get(member.host):
                is_old = member.host not in self._seen and member.silent_seconds > GONE_SECONDS
                if not is_old:
                    self._alive_at[member.host] = now - min(max(member.silent_seconds, 0.0), LATEST_SECONDS)
            self._seen[member.host] = member.seen
        return without_gap

    def living(self, now: float) -> tuple[str, ...]:
        """The hosts that live, oneself included, by name."""
        return tuple(sorted({self._me, *(host for host, at in self._alive_at.items() if now - at < GONE_SECONDS)}))
