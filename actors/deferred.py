"""Answers that took too long for the call in which they were asked for: one slow class must not hold up a whole call."""

import asyncio
from collections import OrderedDict
from itertools import count

from actors.envelopes import Later, Reply

KEPT_SECONDS = 20.0


class Slot:
    """Where one late answer goes."""

    __slots__ = ("reply", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.reply: Reply | None = None


class Deferred:
    """Tickets for late answers. Who does not come for one within twenty seconds has stopped waiting long ago."""

    def __init__(self, host_run: str) -> None:
        self._run = host_run
        self._numbers = count()
        self._slots: OrderedDict[str, Slot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    def issue(self) -> tuple[str, Slot]:
        """A ticket, and the slot that its answer is to be put into."""
        now = asyncio.get_running_loop().time()
        while self._slots and next(iter(self._slots.values())).since < now - KEPT_SECONDS:
            self._slots.popitem(last=False)
        ticket = f"{self._run}:{next(self._numbers)}"
        slot = self._slots[ticket] = Slot(now)
        return ticket, slot

    def fetch(self, ticket: str) -> Reply:
        """The answer if it is there, once; otherwise `Later`, without a ticket when this host never gave this one out."""
        slot = self._slots.get(ticket)
        if slot is None:
            return Later(None)
        if slot.reply is None:
            return Later(ticket)
        del self._slots[ticket]
        return slot.reply
