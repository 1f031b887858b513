"""A network between clients, hosts and gateways that delays, loses, doubles and reorders messages, by a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from actors.dispatch import HostAway
from actors.outgoing import GatewayAway
from persistence.batches import Bundle, Committed
from persistence.errors import StoreAway
from persistence.journal import GroupCommit, JournalPort
from persistence.memory.live_journal import MemoryCommits
from persistence.memory.live_tables import LiveTables
from tests.actors.school import School


@dataclass(frozen=True)
class Faults:
    """How likely each fault is for one message, and for one commit."""

    slow: float = 0.3
    lost: float = 0.04
    answer_lost: float = 0.04
    doubled: float = 0.04
    crash_before_answer: float = 0.01
    crash_after_commit: float = 0.01


CALM = Faults(0, 0, 0, 0, 0, 0)


class Network:
    """Put between the parts of a school. A message is slow on its own, so later ones overtake it; a lost one is an error
    after a while or silence until the sender's patience ends; a doubled one arrives a second time, up to two seconds later.

    Parcels keep their order: that is what their port promises. Whoever waits for a lost one is told that it did not arrive.
    """

    def __init__(self, school: School, rng: random.Random, faults: Faults) -> None:
        self.happened: Counter[str] = Counter()
        self.faults = faults
        self._school = school
        self._rng = rng
        self._lyceum = school.lyceum
        self._call, self._attach, self._deliver = self._lyceum.call, self._lyceum.attach, self._lyceum.deliver
        self._copies: set[asyncio.Task[Any]] = set()
        self._queues: dict[str, asyncio.Lock] = {}
        self._trace = blake2b(digest_size=8)
        self.messages = 0
        lyceum: Any = self._lyceum
        lyceum.call, lyceum.attach, lyceum.deliver = self.call, self.attach, self.deliver
        lyceum._journal = self._journal

    @property
    def fingerprint(self) -> str:
        """Of every message, with its moment and size: equal when two runs took the same turns."""
        return self._trace.hexdigest()

    async def settle(self) -> None:
        """From now on everything arrives; returns when the last copy has."""
        self.faults = CALM
        while self._copies:
            await asyncio.wait(self._copies)

    async def call(self, host: str, payload: bytes) -> bytes:
        """A host is asked."""
        self._note("call", host, payload)
        await self._travel()
        if self._strikes("lost"):
            await self._silence()
            raise HostAway("lost on the way")
        if self._strikes("doubled"):
            self._again(host, lambda: self._call(host, payload))
        answer = await self._call(host, payload)
        if self._strikes("crash_before_answer"):
            self._school.kill(host)
            raise HostAway("killed before the answer")
        if self._strikes("answer_lost"):
            await self._silence()
            raise HostAway("the answer was lost")
        await self._travel()
        return answer

    async def attach(self, host: str, gateway: str, run: str) -> str:
        """A gateway tells a host that it lives."""
        self._note("attach", host, gateway.encode())
        await self._travel()
        if self._strikes("lost"):
            await self._silence()
            raise HostAway("lost on the way")
        if self._strikes("doubled"):
            self._again(host, lambda: self._attach(host, gateway, run))
        token = await self._attach(host, gateway, run)
        if self._strikes("answer_lost"):
            raise HostAway("the answer was lost")
        await self._travel()
        return token

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """A host sends what happened to a gateway."""
        self._note("parcel", gateway, parcel)
        async with self._queues.setdefault(gateway, asyncio.Lock()):
            await self._travel()
            if self._strikes("lost"):
                raise GatewayAway("lost on the way")
            await self._deliver(gateway, parcel)
            if self._strikes("doubled"):
                await self._deliver(gateway, parcel)
        if self._strikes("answer_lost"):
            raise GatewayAway("the answer was lost")

    def _journal(self, tables: LiveTables) -> JournalPort:
        return GroupCommit(_CrashingCommits(tables, self))

    async def commit(self, write: Any) -> Sequence[Committed]:
        """What happens around one commit."""
        await self._school.store.open.wait()
        await self._travel()
        losing = self._school.store.losing
        if losing == "before":
            raise StoreAway("the commit was lost")
        written: Sequence[Committed] = await write()
        if self._strikes("crash_after_commit"):
            self._school.kill()
        if losing == "after":
            raise StoreAway("the answer was lost")
        return written

    def _note(self, kind: str, to: str, payload: bytes) -> None:
        self.messages += 1
        self._trace.update(f"{kind} {to} {len(payload)} {asyncio.get_running_loop().time():.9f}\n".encode())

    def _strikes(self, fault: str) -> bool:
        if self._rng.random() >= getattr(self.faults, fault):
            return False
        self.happened[fault] += 1
        return True

    async def _travel(self) -> None:
        if self._rng.random() < self.faults.slow:
            await asyncio.sleep(self._rng.expovariate(20))

    async def _silence(self) -> None:
        """Mostly the sender is told soon; sometimes never, until its patience ends."""
        await asyncio.sleep(self._rng.random() / 2 if self._rng.random() < 0.8 else 60)

    def _again(self, host: str, send: Callable[[], Awaitable[Any]]) -> None:
        """A copy is for the process that it was sent to: Ray brings none to the one that follows it."""
        life = self._lyceum.running(host)

        async def later() -> None:
            await asyncio.sleep(self._rng.random() * 2)
            if life is None or self._lyceum.running(host) is not life:
                self.happened["copy_lost"] += 1
                return
            try:
                await send()
            except HostAway:
                self.happened["copy_lost"] += 1

        task = asyncio.ensure_future(later())
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)


class _CrashingCommits(MemoryCommits):
    def __init__(self, tables: LiveTables, network: Network) -> None:
        super().__init__(tables)
        self._network = network

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        async def write() -> Sequence[Committed]:
            return await super(_CrashingCommits, self).commit(bundles)

        return await self._network.commit(write)
