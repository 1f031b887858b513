"""The Ray actor that carries live video: a shell around `realtime.sfu.server.MediaServer`."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal
from uuid import uuid4

import structlog

from actors.admission import evictions_of
from actors.config import ActorConfig, MediaValues
from actors.logs import configure_logs
from actors.media_nodes import NodeNow
from actors.memory import spare_the_collector
from actors.orphans import end_with_parent
from actors.ray_calls import wake_self, woken_once
from persistence.denied import Denial
from realtime.sfu.desk import (
    LinkFrom,
    LinkOpened,
    LinkRefused,
    MediaClosed,
    MediaFull,
    MediaSettings,
    Opened,
    Participant,
)  # fmt: skip

WAKE_SECONDS = 0.5
START_SECONDS = 1.0
"""How long a question waits for a node that has just been started again."""
_PARTS = ("actors.clients", "actors.media_calls", "actors.media_desk", "persistence.recordings", "realtime.sfu.server")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Turned:
    """Why a media node did not do what it was asked: a value, as exceptions do not travel well."""

    why: Literal["offer", "full", "away", "origin", "slow", "link"]
    sentence: str


class MediaNode:
    """Carries classes on one UDP port. Ray starts it again; those who watched and published do so anew."""

    def __init__(self, config: ActorConfig, name: str, hosts: Sequence[str], udp_port: int) -> None:
        configure_logs()
        end_with_parent()
        self._config = config
        self._name = name
        self._hosts = hosts
        self._udp_port = udp_port
        self._run = uuid4().hex
        self._node = f"{name}@{self._run}"
        self._started = asyncio.Event()
        self._is_closing = False
        self._server: Any = None
        self._desk: Any = None
        self._links: Any = None
        self._most_viewers = 0
        self._denied: Any = None
        self._dismissals: set[asyncio.Task[None]] = set()
        wake_self()

    @woken_once
    async def wake(self) -> None:
        """Listen, however long that takes: Ray makes a restarted actor anew, and nobody else calls this."""
        while (self._server is None or self._denied is None) and not self._is_closing:
            try:
                if self._server is None:
                    await self._start()
                await self._follow_denials()  # afterwards: pictures do not wait for it
            except Exception as error:
                # Most likely the port of the one before is not free yet. Whatever it is: nobody else calls this.
                _log.warning("media_node_not_started", node=self._name, exc_info=error)
                await asyncio.sleep(WAKE_SECONDS)

    async def ready(self) -> str:
        """Listening; the answer is the name and run of this node."""
        await self._started.wait()
        return self._node

    async def look(self) -> NodeNow | Turned:
        """What is carried here now."""
        if self._server is None or self._is_closing:
            return Turned("away", f"{self._name} has not started")
        load = self._server.load()
        return NodeNow(self._node, load.viewers, load.publishers, self._most_viewers, frozenset(load.classes))

    async def publish(self, run: str, who: Participant, offer: str) -> Opened | Turned:
        """See `MediaNodes.publish`. `run` is the one that was meant."""
        if not await self._is_meant(run):
            return self._another()
        return await self._answer(self._server.publish(who, offer))

    async def watch(self, run: str, who: Participant, offer: str, origin: str | None) -> Opened | Turned:
        """See `MediaNodes.watch`."""
        if not await self._is_meant(run):
            return self._another()
        link = self._links.to(origin) if origin is not None else None
        return await self._answer(self._server.watch(who, offer, link))

    async def close_session(self, session_id: str, media_id: str, user_id: str) -> bool:
        """See `MediaNodes.close_session`."""
        if not await self._is_up():
            return False  # what was open before the restart is gone
        closed: bool = await self._server.close_session(session_id, media_id, user_id)
        return closed

    async def open_link(self, run: str, session_id: str, edge: LinkFrom) -> LinkOpened | Turned:
        """See `MediaNodes.open_link`."""
        if not await self._is_meant(run):
            return self._another()
        try:
            opened: LinkOpened = await self._server.open_link(session_id, edge)
        except LinkRefused as error:
            return Turned("link", str(error))
        except MediaClosed as error:
            return Turned("away", str(error))
        return opened

    async def health(self) -> dict[str, Any]:
        """How it goes; answered in the `health` group."""
        return {"name": self._name, "pid": os.getpid(), "started": self._server is not None, "udpPort": self._udp_port}

    async def close(self, timeout_seconds: float) -> None:
        """Take nobody new and end every session."""
        self._is_closing = True
        if self._denied is not None:
            await self._denied.close()
        if self._server is not None:
            async with asyncio.timeout(timeout_seconds):
                await self._server.close()

    async def _is_up(self) -> bool:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._started.wait()
        except TimeoutError:
            return False
        return not self._is_closing

    async def _is_meant(self, run: str) -> bool:
        return run == self._run and await self._is_up()

    def _another(self) -> Turned:
        return Turned("away", f"{self._name} was started again, or is closing")

    async def _answer(self, asking: Any) -> Opened | Turned:
        from realtime.sfu.sdp import BadOffer

        try:
            opened: Opened = await asking
        except BadOffer as error:
            return Turned("offer", str(error))
        except MediaFull as error:
            return Turned("full", str(error))
        except MediaClosed as error:
            return Turned("away", str(error))
        except ConnectionError as error:
            return Turned("origin", str(error))
        except (LinkRefused, TimeoutError) as error:  # it lives, as far as is known: its classes stay with it
            return Turned("slow", str(error))
        return opened

    async def _follow_denials(self) -> None:
        from persistence.denied_redis import RedisDenied, read_denials
        from persistence.pools import open_pool
        from persistence.redis_store import open_redis

        config = self._config
        pool = await open_pool(config.database_url, 1, least=0)
        life = config.access_token_seconds + 60
        denied = RedisDenied(open_redis(config.redis_url, 3), read_denials(pool), life, self._hear)
        await denied.start()
        self._denied = denied

    def _hear(self, news: Sequence[Denial]) -> None:
        """A class is not asked about its staff, and knows nothing of bans."""
        gone = frozenset(eviction.user_id for eviction in evictions_of(news))
        if gone:
            task = asyncio.get_running_loop().create_task(self._server.dismiss(gone))
            self._dismissals.add(task)
            task.add_done_callback(self._dismissals.discard)

    async def _start(self) -> None:
        # Here and not above: who makes this actor needs none of it, and it takes as long to import as a replica; beside the
        # loop, which says meanwhile that the run before is gone.
        await asyncio.to_thread(_import_parts)
        from actors.clients import LiveSessionsClient
        from actors.dispatch import Dispatcher
        from actors.media_calls import RayLinks
        from actors.media_desk import GrainDesk
        from actors.nodes import hosts_now
        from actors.ray_calls import RayCalls
        from persistence.object_store import open_object_store
        from persistence.recordings import PieceFiles
        from realtime.sfu.server import MediaServer

        config = self._config
        settings = await asyncio.to_thread(media_settings, config.media, self._udp_port)
        calls = RayCalls(config.namespace)
        dispatcher = Dispatcher(calls, self._hosts, hosts_now(config).latest)
        self._desk = GrainDesk(LiveSessionsClient(dispatcher), self._node)
        self._links = RayLinks(calls)
        files = PieceFiles(open_object_store(config.jobs.objects_url))
        server = MediaServer(settings, self._desk, files, asyncio.get_running_loop().time)
        await server.start()
        self._most_viewers = settings.most_viewers
        self._server = server
        self._started.set()
        spare_the_collector()
        _log.info("media_node_started", node=self._node, udp_port=self._udp_port, address=settings.public_address)


def _import_parts() -> None:
    """What `MediaNode` uses once it has started."""
    for name in _PARTS:
        import_module(name)


def media_settings(values: MediaValues, udp_port: int) -> MediaSettings:
    """Where a node of this machine listens and what it tells browsers. Blocks when a name must be looked up; raises OSError
    when it cannot be."""
    public = socket.gethostbyname(values.public_address) if values.public_address else own_address(values.address)
    return MediaSettings(values.address, public, udp_port, values.most_viewers)


def own_address(bind: str) -> str:
    """The IPv4 address at which others reach a listener on `bind`: that one, or, bound to all, the address from which this
    machine speaks with the rest of the world."""
    if bind != "0.0.0.0":  # noqa: S104 - compared with, not listened on
        return bind
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documentation, RFC 5737: asks for a route, and sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
