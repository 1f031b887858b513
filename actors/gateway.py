"""The Ray actor that holds the sockets of a node: a shell around `realtime.gateway.Gateway`."""

import asyncio
import os
import time
from typing import Any
from uuid import uuid4

import structlog

from actors.clients import TopicsClient, address
from actors.config import ActorConfig
from actors.dispatch import Dispatcher, HostAway
from actors.envelopes import Parcel, unpack
from actors.logs import configure_logs
from actors.memory import spare_the_collector
from actors.ray_calls import RayCalls, wake_self
from classroom.callers import Caller
from classroom.ids import SessionId, Topic
from classroom.times import Moment
from classroom.topics import parse_topic
from persistence.redis_store import RedisGatewayDirectory, RedisTickets, open_redis
from persistence.tokens import AccessTokens
from realtime.gateway import Evict
from realtime.gateway import Gateway as Sockets
from realtime.settings import GatewaySettings

ATTACH_SECONDS = 0.5
ATTACH_PATIENCE = 3.0

_log = structlog.get_logger(__name__)


class Gateway:
    """Takes the sockets of one node. A restarted one listens by itself; clients come back to it."""

    def __init__(self, config: ActorConfig, name: str) -> None:
        configure_logs()
        self._config = config
        self._name = name
        self._run = uuid4().hex
        self._host_runs: dict[str, str] = {}
        self._sockets: Sockets | None = None
        self._attaching: asyncio.Task[None] | None = None
        self._starting: asyncio.Lock | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        wake_self()

    async def wake(self) -> None:
        """Listen, however long that takes: Ray makes a restarted actor anew, and clients knock at the old port."""
        while self._sockets is None:
            try:
                await self._start()
            except OSError as error:
                _log.warning("gateway_not_started", gateway=self._name, reason=str(error))
                await asyncio.sleep(ATTACH_SECONDS)

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
        if self._attaching is not None:
            self._attaching.cancel()
        if self._sockets is not None:
            await self._sockets.drain(timeout_seconds)

    async def _start(self) -> None:
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self._sockets is not None:
                return
            config = self._config
            calls = RayCalls(config.namespace)
            dispatcher = Dispatcher(calls, config.grain_hosts)
            topics = TopicsClient(dispatcher, self._name, self._run)
            redis = open_redis(config.redis_url)
            tokens = AccessTokens(config.secret_key)
            settings = GatewaySettings(
                name=self._name,
                bind=config.realtime_bind,
                port=config.realtime_port,
                url=config.realtime_url,
                allowed_origins=config.allowed_origins,
            )

            def identify(token: str) -> Caller | None:
                claims = tokens.check(token, Moment(time.time_ns() // 1000))
                return claims.caller if claims is not None else None

            sockets = Sockets(settings, identify, RedisTickets(redis), topics, topics, RedisGatewayDirectory(redis))
            # Hosts must know this run before it follows anything: it is how they tell its sockets from an earlier one's.
            await asyncio.gather(*(self._attach(calls, topics, sockets, host, dispatcher) for host in dispatcher.hosts))
            await sockets.start()
            self._sockets = sockets
            spare_the_collector()
            self._attaching = asyncio.get_running_loop().create_task(self._keep_attached(calls, topics, sockets, dispatcher))

    async def _keep_attached(self, calls: RayCalls, topics: TopicsClient, sockets: Sockets, dispatcher: Dispatcher) -> None:
        while True:
            await asyncio.sleep(ATTACH_SECONDS)
            await asyncio.gather(*(self._attach(calls, topics, sockets, host, dispatcher) for host in dispatcher.hosts))

    async def _attach(
        self, calls: RayCalls, topics: TopicsClient, sockets: Sockets, host: str, dispatcher: Dispatcher
    ) -> None:
        try:
            async with asyncio.timeout(ATTACH_PATIENCE):
                run = await calls.attach(host, self._name, self._run)
        except (HostAway, TimeoutError) as error:
            _log.info("host_unattached", gateway=self._name, host=host, reason=str(error))
            return
        known = self._host_runs.get(host)
        self._host_runs[host] = run
        if known is not None and known != run:
            _log.info("host_restarted", gateway=self._name, host=host)
            mine = [topic for topic in sockets.topics() if _owner(dispatcher, topic) == host]
            await sockets.resync(mine)
            task = asyncio.get_running_loop().create_task(topics.reconcile(host))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _owner(dispatcher: Dispatcher, topic: Topic) -> str | None:
    parsed = parse_topic(topic)
    return dispatcher.owner(*address(parsed)) if parsed is not None else None
