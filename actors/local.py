"""The whole way of a command in one process, without Ray: real grains and hosts on stores in memory."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.clients import LiveSessionsClient, TopicsClient
from actors.dispatch import Dispatcher, HostAway
from actors.envelopes import Envelope, Parcel, Reply, pack_replies, unpack, unpack_envelopes
from actors.hosting import Hosting, Stores
from actors.outgoing import GatewayAway, Outgoing
from actors.shards import assign, host_names
from persistence.memory.live_journal import MemoryJournal
from persistence.memory.live_log import MemoryLiveLog
from persistence.memory.live_ownership import MemoryOwnership
from persistence.memory.live_records import MemoryRoster
from persistence.memory.live_tables import LiveTables

Receiver = Callable[[Parcel], None]


class LocalLyceum:
    """Hosts, dispatcher and gateways of one deployment in one loop. A host can be killed (what it held in memory is
    gone) and comes back when next called."""

    def __init__(self, tables: LiveTables | None = None, hosts: int = 2, grace_seconds: int = 60) -> None:
        self.tables = tables or LiveTables()
        self._count = hosts
        self._grace = grace_seconds
        self._hosts: dict[str, Hosting] = {}
        self._killed: dict[str, asyncio.Future[None]] = {}
        self._receivers: dict[str, Receiver] = {}
        self._starting = asyncio.Lock()
        self.dispatcher = Dispatcher(self, hosts)
        self.live = LiveSessionsClient(self.dispatcher)

    def topics(self, gateway: str, run: str, receive: Receiver) -> TopicsClient:
        """The ports of one gateway whose parcels go to `receive`."""
        self._receivers[gateway] = receive
        return TopicsClient(self.dispatcher, gateway, run)

    async def attach(self, host: str, gateway: str, run: str) -> str:
        """A gateway says that it lives; the host's run."""
        return (await self._host(host)).attach(gateway, run)

    async def call(self, host: str, payload: bytes) -> bytes:
        """See `HostTransport.call`."""
        hosting = await self._host(host)
        answering = asyncio.ensure_future(hosting.execute(unpack_envelopes(payload)))
        killed: asyncio.Future[Any] = self._killed[host]
        await asyncio.wait((answering, killed), return_when=asyncio.FIRST_COMPLETED)
        if killed.done():
            answering.cancel()
            raise HostAway("killed")
        return pack_replies(answering.result())

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """See `GatewayTransport.deliver`."""
        receive = self._receivers.get(gateway)
        if receive is None:
            raise GatewayAway(gateway)
        receive(unpack(parcel))

    def kill(self, host: str) -> None:
        """Forget everything that a host held in memory; calls under way fail."""
        hosting = self._hosts.pop(host, None)
        if hosting is not None:
            hosting.abandon()
            self._killed.pop(host).set_result(None)

    async def close(self) -> None:
        """End all hosts in order."""
        for hosting in self._hosts.values():
            await hosting.close(5.0)
        self._hosts.clear()

    async def _host(self, name: str) -> Hosting:
        async with self._starting:
            hosting = self._hosts.get(name)
            if hosting is None:
                tables = self.tables
                stores = Stores(MemoryJournal(tables), MemoryLiveLog(tables), MemoryOwnership(tables), MemoryRoster(tables))
                mine = [shard for shard, host in assign(host_names(self._count)).items() if host == name]
                hosting = Hosting(name, mine, stores, _LocalLinks(self), self._grace)
                await hosting.start()
                self._hosts[name] = hosting
                self._killed[name] = asyncio.get_running_loop().create_future()
            return hosting


class _LocalLinks:
    def __init__(self, lyceum: LocalLyceum) -> None:
        self._outgoing = Outgoing(lyceum)
        self._dispatcher = Dispatcher(lyceum, lyceum._count)

    def send(self, gateway: str, parcel: Parcel) -> None:
        self._outgoing.send(gateway, parcel)

    async def execute(self, envelope: Envelope) -> Reply:
        return await self._dispatcher.execute(envelope)
