"""The Ray actor that holds the sockets of a node: a shell around `realtime.gateway.Gateway`."""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from actors.admission import Admission, evictions_of
from actors.attachments import Attachments
from actors.clients import TopicsClient
from actors.config import ActorConfig
from actors.dispatch import Dispatcher
from actors.envelopes import Parcel, unpack
from actors.logs import configure_logs
from actors.memory import spare_the_collector
from actors.nodes import hosts_now
from actors.orphans import end_with_parent
from actors.placement import keep_placing
from actors.ray_calls import RayCalls, wake_self, woken_once
from classroom.ids import SessionId
from classroom.times import Moment
from persistence.denied import Denial
from persistence.denied_redis import RedisDenied, read_denials
from persistence.pools import open_pool
from persistence.redis_store import RedisGatewayDirectory, RedisTickets, open_redis
from persistence.tokens import AccessTokens
from realtime.gateway import Evict
from realtime.gateway import Gateway as Sockets
from realtime.settings import GatewaySettings

WAKE_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class Gateway:
    """Takes the sockets of one node. A restarted one listens by itself; clients come back to it."""

    def __init__(self, config: ActorConfig, name: str, hosts: Sequence[str]) -> None:
        configure_logs()
        end_with_parent()
        self._hosts = hosts
        self._config = config
        self._name = name
        self._run = uuid4().hex
        self._sockets: Sockets | None = None
        self._denied: RedisDenied | None = None
        self._attaching: asyncio.Task[None] | None = None
        self._placing: asyncio.Task[None] | None = None
        self._starting: asyncio.Lock | None = None
        wake_self()

    @woken_once
    async def wake(self) -> None:
        """Listen, however long that takes: Ray makes a restarted actor anew, and clients knock at the old port."""
        while self._sockets is None:
            try:
                await self._start()
            except Exception as error:
                # Most likely the port of the one before is not free yet. Whatever it is: nobody else calls this.
                _log.warning("gateway_not_started", gateway=self._name, exc_info=error)
                await asyncio.sleep(WAKE_SECONDS)

    async def ready(self) -> str:
        """Listening; the answer is the run of this gateway."""
        if self._sockets is None:
            await self._start()
        return self._run

    async def deliver(self, packed: bytes) -> None:
        """Events for the topics that are followed here."""
        if self._sockets is None:
            return  # a restarted gateway follows nothing yet
        parcel: Parcel = unpack(packed)
        self._sockets.deliver(parcel.batches)
        if parcel.evictions:
            self._sockets.evict([Evict(eviction.user_id, SessionId(eviction.session_id)) for eviction in parcel.evictions])
        if parcel.resync:
            await self._sockets.resync(list(parcel.resync))

    async def health(self) -> dict[str, Any]:
        """How it goes; answered in the `health` group."""
        stats = dict(self._sockets.stats()) if self._sockets is not None else {}
        return {"name": self._name, "pid": os.getpid(), "started": self._sockets is not None, **stats}

    async def drain(self, timeout_seconds: float) -> None:
        """Take nobody new, send everybody away with 1012."""
        for task in (self._attaching, self._placing):
            if task is not None:
                task.cancel()
        if self._sockets is not None:
            await self._sockets.drain(timeout_seconds)
        if self._denied is not None:
            await self._denied.close()

    def _hear(self, news: Sequence[Denial]) -> None:
        if self._sockets is not None:
            self._sockets.evict(evictions_of(news))

    async def _start(self) -> None:
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self._sockets is not None:
                return
            config = self._config
            calls = RayCalls(config.namespace)
            dispatcher = Dispatcher(calls, self._hosts, hosts_now(config).latest)
            topics = TopicsClient(dispatcher, self._name, self._run)
            redis = open_redis(config.redis_url)
            settings = GatewaySettings(
                name=self._name,
                bind=config.realtime_bind,
                port=config.realtime_port,
                url=config.realtime_url,
                allowed_origins=config.allowed_origins,
            )
            if self._denied is None:  # once, however often the rest has to be begun anew
                pool = await open_pool(config.database_url, 1, least=0)
                life = config.access_token_seconds + 60
                self._denied = RedisDenied(open_redis(config.redis_url, 3), read_denials(pool), life, self._hear)
                await self._denied.start()
            admission = Admission(AccessTokens(config.secret_key), RedisTickets(redis), self._denied, _now)
            sockets = Sockets(settings, admission.identify, admission, topics, topics, RedisGatewayDirectory(redis))

            async def renew(host: str, shards: frozenset[int]) -> None:
                await sockets.resync(topics.renew(host, shards, sockets.topics()))

            attachments = Attachments(calls, topics.hosts, self._name, self._run, renew, topics.settle_doubts, topics.doubt)
            # Hosts must know this run before it follows anything: it is how they tell its sockets from an earlier one's.
            await attachments.attach()
            await sockets.start()
            self._sockets = sockets
            spare_the_collector()
            loop = asyncio.get_running_loop()
            self._attaching = loop.create_task(attachments.keep())
            self._placing = loop.create_task(keep_placing(partial(_extend, config)))


def _now() -> Moment:
    return Moment(time.time_ns() // 1_000)


def _extend(config: ActorConfig, known: frozenset[str]) -> frozenset[str]:
    from actors.cluster import extend  # which makes gateways

    return extend(config, known)
