"""Which host owns the shards: what callers who knock at the wrong door are told, and what a host has lost unawares."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from persistence.errors import StoreAway
from persistence.ownership import Owner, Ownership

READ_SECONDS = 8.0
PAUSE_SECONDS = 1.0
CHECK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Owners:
    """Read when somebody asks in vain, once a second at most."""

    def __init__(self, ownership: Ownership, host: str) -> None:
        self._ownership = ownership
        self._host = host
        self._known: dict[int, str] = {}
        self._reading: asyncio.Task[None] | None = None

    def find(self, shard_id: int) -> str | None:
        """The owner as far as it is known now; it may be known in a moment."""
        owner = self._known.get(shard_id)
        if owner is None and (self._reading is None or self._reading.done()):
            self._reading = asyncio.get_running_loop().create_task(self._read())
        return owner

    async def check(self, epochs: Mapping[int, int], lose: Callable[[int], None]) -> None:
        """For ever: `lose` each shard of `epochs` that somebody has claimed under a later epoch. The fence keeps its former
        owner from writing; this keeps it from answering for longer than about a second what needs no writing."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for owner in await self._owners():
                if owner.epoch > epochs.get(owner.shard_id, owner.epoch):
                    lose(owner.shard_id)

    def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        await self._owners()
        await asyncio.sleep(PAUSE_SECONDS)

    async def _owners(self) -> Sequence[Owner]:
        try:
            async with asyncio.timeout(READ_SECONDS):
                owners = await self._ownership.owners()
        except (StoreAway, TimeoutError) as error:
            _log.warning("owners_unread", host=self._host, reason=str(error) or type(error).__name__)
            return ()
        # Whoever owns a shard under this host's own name is who callers already find by it.
        self._known = {owner.shard_id: owner.host for owner in owners if owner.host != self._host}
        return owners
