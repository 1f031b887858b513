"""Which host owns the shards that are not this host's: what callers who knock at the wrong door are told."""

import asyncio

import structlog

from persistence.errors import StoreAway
from persistence.ownership import Ownership

READ_SECONDS = 8.0
PAUSE_SECONDS = 1.0

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

    def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                owners = await self._ownership.owners()
        except (StoreAway, TimeoutError) as error:
            _log.warning("owners_unread", host=self._host, reason=str(error) or type(error).__name__)
        else:
            # Whoever owns a shard under this host's own name is who callers already find by it.
            self._known = {owner.shard_id: owner.host for owner in owners if owner.host != self._host}
        await asyncio.sleep(PAUSE_SECONDS)
