"""The whole way of a command in one process, without Ray: real grains and hosts on stores in memory."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, TypeVar

from actors.archive import Stores
from actors.clients import CourseProgressClient, LiveSessionsClient, TopicsClient
from actors.clock import wall_clock
from actors.dispatch import Dispatcher, HostAway
from actors.envelopes import Attached, Envelope, EvictNotice, Parcel, Reply, pack_replies, unpack, unpack_envelopes
from actors.hosting import Hosting
from actors.outgoing import GatewayAway, Outgoing
from actors.shards import host_names
from classroom.times import Moment
from persistence.journal import JournalPort
from persistence.memory.live_journal import MemoryJournal
from persistence.memory.live_learning import MemoryLearningLog
from persistence.memory.live_log import MemoryLiveLog
from persistence.memory.live_membership import MemoryMembership
from persistence.memory.live_ownership import MemoryOwnership
from persistence.memory.live_records import MemoryRoster
from persistence.memory.live_tables import LiveTables

T = TypeVar("T")
Receiver = Callable[[Parcel], None]


class Life:
    """One life of a host, from its start until it is killed."""

    def __init__(self) -> None:
        self.killed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


AT_HOST: ContextVar[Life | None] = ContextVar("at_host", default=None)
"""The host whose work this is; None outside of hosts."""


class LocalLyceum:
    """Hosts, gateways and a REST replica of one deployment in one loop; each knows only what it learned itself of who owns
    what. A host can be killed (what it held in memory is gone) and comes back when next called. `dispatcher`, `live` and
    `progress` are the replica's."""

    def __init__(
        self, tables: LiveTables | None = None, hosts: int = 2, grace_seconds: int = 60,
        clock: Callable[[], Moment] = wall_clock, journal: Callable[[LiveTables], JournalPort] = MemoryJournal,
    ) -> None:  # fmt: skip
        self.tables = tables or LiveTables()
        self._names = host_names(hosts)
        self._grace = grace_seconds
        self._clock = clock
        self._journal = journal
        self._hosts: dict[str, Hosting] = {}
        self._lives: dict[str, Life] = {}
        self._links: dict[str, _LocalLinks] = {}
        self._receivers: dict[str, Receiver] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._has_begun = False
        self.dispatcher = Dispatcher(self, self._names, self.discover)
        self.live = LiveSessionsClient(self.dispatcher)
        self.progress = CourseProgressClient(self.dispatcher)

    def topics(self, gateway: str, run: str, receive: Receiver) -> TopicsClient:
        """The ports of one gateway whose parcels go to `receive`."""
        self.reconnect(gateway, receive)
        return TopicsClient(Dispatcher(self, self._names, self.discover), gateway, run)

    def reconnect(self, gateway: str, receive: Receiver) -> None:
        """What is sent to a gateway goes to `receive` from now on."""
        self._receivers[gateway] = receive

    def disconnect(self, gateway: str) -> None:
        """A gateway is gone: what is sent to it does not arrive."""
        self._receivers.pop(gateway, None)

    async def host(self, name: str) -> Hosting:
        """A host, started if it is not there; all of them when none ever was. Raises HostAway when it is killed then."""
        if name not in self._hosts:
            names = {name} if self._has_begun else {name, *self._names}
            self._has_begun = True
            for each in names - self._starting.keys():
                starting = asyncio.get_running_loop().create_task(self._start(each), context=Context())
                self._starting[each] = starting
                starting.add_done_callback(partial(self._started, each))
            await asyncio.shield(self._starting[name])
        hosting = self._hosts.get(name)
        if hosting is None:
            raise HostAway("killed")
        return hosting

    async def discover(self) -> Sequence[str]:
        """See `inquiry.Discover`."""
        return sorted({*self._names, *self._hosts})

    def stores(self) -> Stores:
        """What a host of its own works on; all share the tables."""
        tables = self.tables
        return Stores(
            self._journal(tables),
            self._journal(tables),
            MemoryLiveLog(tables),
            MemoryLearningLog(tables),
            MemoryOwnership(tables),
            MemoryMembership(tables),
            MemoryRoster(tables),
        )

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        """See `attachments.Hosts.attach`."""
        hosting = await self.host(host)
        return await self._inside(host, _attach(hosting, gateway, run))

    async def call(self, host: str, payload: bytes) -> bytes:
        """See `HostTransport.call`."""
        hosting = await self.host(host)
        return pack_replies(await self._inside(host, hosting.execute(unpack_envelopes(payload))))

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """See `GatewayTransport.deliver`."""
        receive = self._receivers.get(gateway)
        if receive is None:
            raise GatewayAway(gateway)
        Context().run(receive, unpack(parcel))  # what the gateway begins is no work of the host

    def kill(self, host: str) -> None:
        """Forget everything that a host held in memory; calls under way fail."""
        hosting = self._hosts.pop(host, None)
        if hosting is not None:
            hosting.abandon()
            self._links.pop(host).cut()
            self._lives.pop(host).killed.set_result(None)

    async def close(self) -> None:
        """End all hosts in order."""
        for hosting in list(self._hosts.values()):
            await hosting.close(5.0)
        self._hosts.clear()

    async def _start(self, name: str) -> None:
        links = _LocalLinks(self, self._names)
        self._lives[name] = Life()
        hosting = await self._inside(name, self._make(name, links))
        self._hosts[name] = hosting
        self._links[name] = links

    def _started(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._starting[name]
        if not task.cancelled():
            task.exception()  # whoever waits for this host has it

    async def _make(self, name: str, links: "_LocalLinks") -> Hosting:
        hosting = Hosting(name, self.stores(), links, self._grace, self._clock, self._names)
        await hosting.start()
        return hosting

    async def _inside(self, host: str, work: Coroutine[Any, Any, T]) -> T:
        """Do something as a part of the host. Raises HostAway when it is killed meanwhile."""
        context, life = Context(), self._lives[host]
        context.run(AT_HOST.set, life)
        working = asyncio.get_running_loop().create_task(work, context=context)
        both: tuple[asyncio.Future[Any], ...] = (working, life.killed)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if life.killed.done() and not working.done():
            working.cancel()
            raise HostAway("killed")
        return working.result()


async def _attach(hosting: Hosting, gateway: str, run: str) -> Attached:
    return hosting.attach(gateway, run)


class _LocalLinks:
    """The ways out of one host; none once it was killed."""

    def __init__(self, lyceum: LocalLyceum, hosts: Sequence[str]) -> None:
        self._lyceum: LocalLyceum | None = lyceum
        self._outgoing = Outgoing(self)
        self._dispatcher = Dispatcher(self, hosts, lyceum.discover)

    def cut(self) -> None:
        """Its host is gone, and with it whatever it had sent but not delivered."""
        self._lyceum = None

    def send(self, gateway: str, parcel: Parcel) -> None:
        self._outgoing.send(gateway, parcel)

    def lost(self, gateway: str) -> int:
        """See `Links.lost`."""
        return self._outgoing.lost(gateway)

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        """See `Links.forget`."""
        return self._outgoing.forget(gateway)

    async def execute(self, envelope: Envelope) -> Reply:
        return await self._dispatcher.execute(envelope)

    async def call(self, host: str, payload: bytes) -> bytes:
        if self._lyceum is None:
            raise HostAway("the caller was killed")
        return await self._lyceum.call(host, payload)

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        if self._lyceum is None:
            raise GatewayAway("the caller was killed")
        await self._lyceum.deliver(gateway, parcel)
