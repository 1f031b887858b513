"""Membership's twin."""

import asyncio
from collections.abc import Sequence

from persistence.membership import Member
from persistence.memory.live_tables import LiveTables


class MemoryMembership:
    """A `Membership` in a dictionary; the loop's clock is the store's."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def enter(self, host: str, run: str) -> Sequence[Member]:
        """See `Membership.enter`."""
        self._tables.reach()
        return self._note(host, run)

    async def note(self, host: str, run: str) -> Sequence[Member] | None:
        """See `Membership.note`."""
        self._tables.reach()
        known = self._tables.hosts.get(host)
        return self._note(host, run) if known is None or known[0] == run else None

    async def leave(self, host: str, run: str) -> None:
        """See `Membership.leave`."""
        self._tables.reach()
        known = self._tables.hosts.get(host)
        if known is not None and known[0] == run:
            self._tables.hosts[host] = (*known[:2], True)

    def _note(self, host: str, run: str) -> list[Member]:
        now = asyncio.get_running_loop().time()
        members = [
            Member(name, of, int(at * 1_000_000), now - at, has_left)
            for name, (of, at, has_left) in sorted(self._tables.hosts.items())
        ]
        self._tables.hosts[host] = (run, now, False)
        return members
