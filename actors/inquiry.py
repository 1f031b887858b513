"""While a host is away or silent, another one that lives is asked who owns its shards now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count

import structlog

from actors.envelopes import OWNERS, Envelope, Owned, pack_envelopes, unpack_replies
from classroom.callers import Caller, Role
from classroom.ids import UserId

ASK_SECONDS = 1.0

_log = structlog.get_logger(__name__)
_ASKER = Caller(UserId("dispatcher"), "dispatcher", Role.ADMIN)


class Inquiry:
    """One question at a time about each host, each to another of the hosts; `learn` hears the owners that were named."""

    def __init__(
        self, call: Callable[[str, bytes], Awaitable[bytes]], learn: Callable[[str, Mapping[int, str]], None]
    ) -> None:
        self._call = call
        self._learn = learn
        self._turn = count()
        self._asking: dict[str, asyncio.Task[None]] = {}

    def ask(self, suspect: str, others: Sequence[str]) -> None:
        """One of the others, unless a question is under way."""
        if others and suspect not in self._asking:
            host = others[next(self._turn) % len(others)]
            task = self._asking[suspect] = asyncio.get_running_loop().create_task(self._ask(suspect, host))
            task.add_done_callback(lambda _: self._asking.pop(suspect, None))

    async def _ask(self, suspect: str, host: str) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                packed = await self._call(host, pack_envelopes([Envelope(OWNERS, "", _ASKER, None, None)]))
            for reply in unpack_replies(packed):
                if isinstance(reply, Owned):
                    self._learn(suspect, reply.owners)
        except Exception as error:
            # It is away as well, most likely. Whatever it is: the next question goes to the next host.
            _log.info("owners_unknown", suspect=suspect, asked=host, reason=str(error)[:200] or type(error).__name__)
