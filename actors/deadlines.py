"""The deadlines that the store holds for the grains of a host's shards, and the alarms set for them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from actors.alarms import Alarms
from actors.archive import STORE_SECONDS
from actors.boxes import Box
from actors.shards import shard_of
from persistence.errors import StoreAway
from persistence.live_log import LiveLog

PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Deadlines:
    """Reads them when a host gets shards. `epochs` are of the shards that it owns, `box_of` makes the box of a grain."""

    def __init__(
        self, host: str, log: LiveLog, epochs: Mapping[int, int], box_of: Callable[[str, str], Box], alarms: Alarms
    ) -> None:
        self._host = host
        self._log = log
        self._epochs = epochs
        self._box_of = box_of
        self._alarms = alarms

    async def read(self, shards: Sequence[int]) -> int:
        """Set an alarm for each deadline in these shards; how many there are. Raises StoreAway and TimeoutError."""
        async with asyncio.timeout(STORE_SECONDS):
            found = await self._log.deadlines(shards)
        for deadline in found:
            if shard_of(deadline.kind, deadline.grain_id) in self._epochs:
                box = self._box_of(deadline.kind, deadline.grain_id)
                if box.grain is None:
                    self._alarms.set_for(box, deadline)
        return len(found)

    async def read_in_the_end(self, shards: Sequence[int]) -> None:
        """The same, however long the store is away."""
        while True:
            try:
                await self.read(shards)
                return
            except (StoreAway, TimeoutError) as error:
                _log.warning("deadlines_unread", host=self._host, reason=str(error) or type(error).__name__)
            except Exception:
                _log.exception("deadlines_unread", host=self._host)
            await asyncio.sleep(PAUSE_SECONDS)
