"""Twins of what Redis holds: tickets and the directory of gateways."""

import secrets
import time
from collections.abc import Callable, Sequence

from classroom.callers import Caller


class MemoryTickets:
    """`classroom.ports.Tickets` in memory. At most 10,000 at a time: the oldest go first."""

    _LIMIT = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[Caller, float]] = {}

    async def issue(self, caller: Caller, ttl_seconds: int) -> str | None:
        """A ticket that works once."""
        while len(self._held) >= self._LIMIT:
            del self._held[next(iter(self._held))]
        ticket = secrets.token_urlsafe(24)
        self._held[ticket] = (caller, self._clock() + ttl_seconds)
        return ticket

    async def redeem(self, ticket: str) -> Caller | None:
        """Who the ticket was made for; None when it is unknown, used or too old."""
        caller, good_until = self._held.pop(ticket, (None, 0.0))
        return caller if self._clock() < good_until else None


class MemoryGatewayDirectory:
    """`classroom.ports.GatewayDirectory` in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._gateways: dict[str, tuple[str, float]] = {}

    async def register(self, name: str, url: str, ttl_seconds: int) -> None:
        """Say that the gateway `name` takes sockets at `url` for the next `ttl_seconds`."""
        self._gateways[name] = (url, self._clock() + ttl_seconds)

    async def list_urls(self) -> Sequence[str]:
        """The addresses of the gateways that registered lately."""
        self._gateways = {name: held for name, held in self._gateways.items() if held[1] > self._clock()}
        return tuple(dict.fromkeys(url for _, (url, _) in sorted(self._gateways.items())))
