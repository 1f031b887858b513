"""The Ray actor that owns a share of all grains: a shell around `Hosting`."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import structlog

from actors.archive import Stores
from actors.config import ActorConfig
from actors.dispatch import Dispatcher
from actors.envelopes import Attached, Envelope, EvictNotice, Parcel, Reply, pack_replies, unpack_envelopes
from actors.hosting import Hosting
from actors.logs import configure_logs
from actors.memory import spare_the_collector
from actors.nodes import hosts_now
from actors.orphans import end_with_parent
from actors.outgoing import Outgoing
from actors.ray_calls import RayCalls, wake_self, woken_once
from persistence.errors import StoreAway
from persistence.journal import PostgresJournal
from persistence.learning import PostgresLearningLog
from persistence.live_log import PostgresLiveLog
from persistence.live_pool import open_live_pool
from persistence.membership import PostgresMembership
from persistence.ownership import PostgresOwnership
from persistence.roster import PostgresRoster

CONNECTIONS = 7
WAKE_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class RayLinks:
    """The ways out of a host, over Ray."""

    def __init__(self, config: ActorConfig, hosts: Sequence[str]) -> None:
        calls = RayCalls(config.namespace)
        self._outgoing = Outgoing(calls)
        self._dispatcher = Dispatcher(calls, hosts, hosts_now(config).latest)

    def send(self, gateway: str, parcel: Parcel) -> None:
        """See `Links.send`."""
        self._outgoing.send(gateway, parcel)

    def lost(self, gateway: str) -> int:
        """See `Links.lost`."""
        return self._outgoing.lost(gateway)

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        """See `Links.forget`."""
        return self._outgoing.forget(gateway)

    async def execute(self, envelope: Envelope) -> Reply:
        """See `Links.execute`."""
        return await self._dispatcher.execute(envelope)


class GrainHost:
    """Owns the grains of its shards. After a restart it takes them anew under a higher epoch. `hosts` are those that were
    there when it was made, itself included."""

    def __init__(self, config: ActorConfig, name: str, hosts: Sequence[str]) -> None:
        configure_logs()
        end_with_parent()
        self._hosts = hosts
        self._config = config
        self._name = name
        self._hosting: Hosting | None = None
        self._pool: Any = None
        self._signs: Any = None
        self._starting: asyncio.Lock | None = None
        wake_self()

    @woken_once
    async def wake(self) -> None:
        """Start, however long Postgres is away: Ray makes a restarted actor anew, and nobody else may call it."""
        while self._hosting is None:
            try:
                await self._start()
            except (StoreAway, TimeoutError) as error:
                _log.warning("host_not_started", host=self._name, reason=str(error) or type(error).__name__)
                await asyncio.sleep(WAKE_SECONDS)
            except Exception:
                _log.exception("host_not_started", host=self._name)
                await asyncio.sleep(WAKE_SECONDS)

    async def ready(self) -> str:
        """Owns its shards; the answer is the run of this host."""
        return (self._hosting or await self._start()).run_id

    async def execute(self, packed: bytes) -> bytes:
        """Packed replies to packed envelopes, each durable."""
        hosting = self._hosting or await self._start()
        return pack_replies(await hosting.execute(unpack_envelopes(packed)))

    async def attach(self, gateway: str, run: str) -> Attached:
        """See `Hosting.attach`."""
        hosting = self._hosting or await self._start()
        return hosting.attach(gateway, run)

    async def health(self) -> dict[str, Any]:
        """How it goes; answered in the `health` group, whatever the classes are doing."""
        stats = self._hosting.stats() if self._hosting is not None else {}
        return {"name": self._name, "pid": os.getpid(), "started": self._hosting is not None, **stats}

    async def close(self, timeout_seconds: float) -> None:
        """Commit what was decided, keep snapshots, let go of Postgres."""
        if self._hosting is not None:
            await self._hosting.close(timeout_seconds)
            await self._pool.close()
            await self._signs.close()

    async def _start(self) -> Hosting:
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self._hosting is None:
                config = self._config
                if self._pool is None:
                    self._pool = await open_live_pool(config.database_url, CONNECTIONS)
                if self._signs is None:  # of their own: a sign of life must wait for nobody
                    self._signs = await open_live_pool(config.database_url, 1, impatient=True)
                pool, signs = self._pool, self._signs
                stores = Stores(
                    PostgresJournal(pool),
                    PostgresJournal(pool),
                    PostgresLiveLog(pool),
                    PostgresLearningLog(pool),
                    PostgresOwnership(signs),
                    PostgresMembership(signs),
                    PostgresRoster(pool),
                )
                links = RayLinks(config, self._hosts)
                hosting = Hosting(
                    self._name, stores, links, config.reconnect_grace_seconds, peers=self._hosts, seconds=time.monotonic
                )
                await hosting.start()
                self._hosting = hosting
                spare_the_collector()
            return self._hosting
