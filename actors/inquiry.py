"""While a host is away or silent, another one that lives is asked who owns its shards now; when that one says nothing
either, it is found out which hosts there are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count

import structlog

from actors.envelopes import OWNERS, Envelope, Owned, pack_envelopes, unpack_replies
from classroom.callers import Caller, Role
from classroom.ids import UserId

ASK_SECONDS = 1.0
DISCOVER_SECONDS = 2.0
"""Between two times of finding out which hosts there are: nodes come and go more slowly."""

Discover = Callable[[], Awaitable[Sequence[str]]]
"""The names of the hosts that there are now, owners or not. Ends soon, whatever happens."""

_log = structlog.get_logger(__name__)
_ASKER = Caller(UserId("dispatcher"), "dispatcher", Role.ADMIN)


class Inquiry:
    """One question at a time about each host, each to another of the hosts; `learn` hears the owners that were named."""

    def __init__(
        self,
        call: Callable[[str, bytes], Awaitable[bytes]],
        learn: Callable[[str, Mapping[int, str]], None],
        discover: Discover | None = None,
    ) -> None:
        self.found: tuple[str, ...] = ()
        """The hosts that were there when it was last found out; none while nobody had to."""
        self._call = call
        self._learn = learn
        self._discover = discover
        self._turn = count()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._discovering: asyncio.Task[None] | None = None
        self._discovered_at = -DISCOVER_SECONDS

    def ask(self, suspect: str, others: Sequence[str]) -> None:
        """One of the others, unless a question is under way."""
        if not others:
            self._look_around()
        elif suspect not in self._asking:
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
            self._look_around()

    def _look_around(self) -> None:
        now = asyncio.get_running_loop().time()
        is_looking = self._discovering is not None and not self._discovering.done()
        if self._discover is not None and not is_looking and now - self._discovered_at >= DISCOVER_SECONDS:
            self._discovered_at = now
            self._discovering = asyncio.get_running_loop().create_task(self._find(self._discover))

    async def _find(self, discover: Discover) -> None:
        try:
            self.found = tuple(await discover())
        except Exception:
            _log.exception("hosts_unknown")
