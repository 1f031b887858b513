"""Hosts that answer a dispatcher as a test says."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from actors.envelopes import LIVE, Envelope, Reply, pack_replies, unpack_envelopes
from classroom.answers import Accepted
from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.live.commands import TakeSeat

SAM = Caller(UserId("sam"), "Sam", Role.STUDENT)
DONE = Accepted("done", b"{}")


def envelope(number: int, grain: str = "class") -> Envelope:
    return Envelope(LIVE, grain, SAM, TakeSeat(), f"c{number}")


def numbers(envelopes: Sequence[Envelope]) -> list[int]:
    return [int((each.command_id or "c-1")[1:]) for each in envelopes]


class Hosts:
    """Hosts that answer as the test says; every call is written down."""

    def __init__(self, answer: Callable[[str, Sequence[Envelope]], Awaitable[Sequence[Reply]]] | None = None) -> None:
        self.calls: defaultdict[str, list[list[int]]] = defaultdict(list)
        self.under_way = 0
        self.most_under_way = 0
        self._answer = answer or all_done

    async def call(self, host: str, payload: bytes) -> bytes:
        envelopes = unpack_envelopes(payload)
        self.calls[host].append(numbers(envelopes))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return pack_replies(await self._answer(host, envelopes))
        finally:
            self.under_way -= 1


async def all_done(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
    return [DONE] * len(envelopes)


async def never(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
    await asyncio.Event().wait()
    raise AssertionError
