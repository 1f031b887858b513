"""A network between clients, hosts, gateways and stores that delays, loses, doubles and reorders messages, by a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, TypeVar

from actors.archive import Stores
from actors.attachments import ATTACH_PATIENCE
from actors.dispatch import HostAway
from actors.envelopes import Attached
from actors.local import AT_HOST, Life
from actors.outgoing import GatewayAway
from persistence.batches import Bundle, Committed
from persistence.errors import StoreAway
from persistence.journal import GroupCommit, JournalPort
from persistence.memory.live_journal import MemoryCommits
from persistence.memory.live_tables import LiveTables
from tests.actors.school import School

T = TypeVar("T")


@dataclass(frozen=True)
class Faults:
    """How likely each fault is for one message, and for one commit."""

    slow: float = 0.3
    very_slow: float = 0.01
    lost: float = 0.04
    answer_lost: float = 0.04
    doubled: float = 0.04
    crash_before_answer: float = 0.01
    crash_after_commit: float = 0.01
    store_lost: float = 0.01
    store_answer_lost: float = 0.01


CALM = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0)


class Network:
    """Put between the parts of a school. A message is slow on its own, so later ones overtake it; a lost one is an error
    after a while or silence until the sender's patience ends; a doubled one arrives a second time, a little later.
    What a store was asked it does, whatever has become of who asked, and its answer takes its time.

    Parcels keep their order: that is what their port promises. Whoever waits for a lost one is told that it did not arrive.
    `carried` sees every call to a host; `writing` is called with what a commit is about to write, and what it returns when
    that is written.
    """

    def __init__(self, school: School, rng: random.Random, faults: Faults) -> None:
        self.happened: Counter[str] = Counter()
        self.faults = faults
        self.carried: Callable[[bytes], None] = lambda _: None
        self.writing: Callable[[Bundle], Callable[[], None] | None] = lambda _: None
        self.messages = 0
        self.broken: list[str] = []
        """Writes of hosts that had lost the shard. Most would not fit the log's end either, but that is luck."""
        self._school = school
        self._rng = rng
        self._lyceum = school.lyceum
        self._call, self._attach, self._deliver = self._lyceum.call, self._lyceum.attach, self._lyceum.deliver
        self._stores = self._lyceum.stores
        self._copies: set[asyncio.Task[Any]] = set()
        self._attaching: dict[str, list[float]] = {}
        self._unattached_at: dict[str, float] = {}
        self._queues: dict[str, asyncio.Lock] = {}
        self._trace = blake2b(digest_size=8)
        lyceum: Any = self._lyceum
        lyceum.call, lyceum.attach, lyceum.deliver, lyceum.stores = self.call, self.attach, self.deliver, self.stores
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
        self.carried(payload)
        await self._travel()
        if self._strikes("lost"):
            await self._silence()
            raise HostAway("lost on the way")
        copies = []
        if self._strikes("doubled"):
            self.carried(payload)
            copies.append(self._again(host, lambda: self._call(host, payload), 0.5))
        answer = await self._call(host, payload)
        if copies:
            await asyncio.wait(copies)
        if self._strikes("crash_before_answer"):
            self._school.kill(host)
            raise HostAway("killed before the answer")
        if self._strikes("answer_lost"):
            await self._silence()
            raise HostAway("the answer was lost")
        await self._travel()
        return answer

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        """A gateway tells a host that it lives."""
        self._note("attach", host, gateway.encode())
        since = asyncio.get_running_loop().time()
        under_way = self._attaching.setdefault(run, [])
        under_way.append(since)
        try:
            return await self._attach_somehow(host, gateway, run)
        except BaseException:
            self._unattached_at[run] = asyncio.get_running_loop().time()
            raise
        finally:
            under_way.remove(since)

    def is_reaching(self, run: str, seconds: float) -> bool:
        """Whether every sign of life of this run of a gateway arrived in the last seconds."""
        now = asyncio.get_running_loop().time()
        late = any(now - since > ATTACH_PATIENCE for since in self._attaching.get(run, ()))
        return not late and now - self._unattached_at.get(run, 0.0) > seconds

    async def _attach_somehow(self, host: str, gateway: str, run: str) -> Attached:
        await self._travel()
        if self._strikes("lost"):
            await self._silence()
            raise HostAway("lost on the way")
        if self._strikes("doubled"):
            self._again(host, lambda: self._attach(host, gateway, run), 2.0)
        attached = await self._attach(host, gateway, run)
        if self._strikes("answer_lost"):
            raise HostAway("the answer was lost")
        await self._travel()
        return attached

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

    def stores(self) -> Stores:
        """What a host works on, far away."""
        near = self._stores()
        stores = (near.log, near.learning, near.ownership, near.membership, near.roster)
        far: list[Any] = [_Far(store, self) for store in stores]
        return Stores(near.journal, near.course_journal, *far)

    async def ask_store(self, work: Callable[[], Awaitable[T]]) -> T:
        """A store does something. Raises StoreAway when it does not hear it, or nobody hears its answer."""
        if self._strikes("store_lost"):
            raise StoreAway("lost on the way to the store")
        if self._rng.random() >= self.faults.slow:
            done = await work()
        else:
            task = asyncio.get_running_loop().create_task(self._ask_from_afar(work), context=Context())
            self._keep(task)
            done = await asyncio.shield(task)
        if self._strikes("store_answer_lost"):
            raise StoreAway("the store's answer was lost")
        return done

    async def _ask_from_afar(self, work: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self._way())
        done = await work()
        await asyncio.sleep(self._way())
        return done

    def _journal(self, tables: LiveTables) -> JournalPort:
        return GroupCommit(_CrashingCommits(tables, self))

    async def commit(
        self, host: str | None, bundles: Sequence[Bundle], write: Callable[[], Awaitable[Sequence[Committed]]]
    ) -> Sequence[Committed]:
        """What happens around one commit of a host."""
        store = self._school.store
        await store.open.wait()
        if store.losing == "before":
            raise StoreAway("the commit was lost")
        done = [self.writing(bundle) for bundle in bundles]

        async def write_and_tell() -> Sequence[Committed]:
            verdicts = await write()
            for bundle, verdict, tell in zip(bundles, verdicts, done, strict=True):
                if verdict is not Committed.YES:
                    continue
                owner, epoch = self._school.tables.shards[bundle.shard_id]
                if bundle.epoch != epoch:
                    self.broken.append(f"{host} wrote under epoch {bundle.epoch}, but {owner} owns it under {epoch}")
                if tell is not None:
                    tell()
            self.happened["stale_write_refused"] += verdicts.count(Committed.FENCED)
            return verdicts

        verdicts = await self.ask_store(write_and_tell)
        if self._strikes("crash_after_commit"):
            self._school.kill(*([host] if host is not None and self._rng.random() < 0.5 else []))
        if store.losing == "after":
            raise StoreAway("the answer was lost")
        return verdicts

    def name_of(self, life: Life | None) -> str | None:
        """The host whose life this is."""
        return self._lyceum.host_in(life)

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
            await asyncio.sleep(self._way())

    def _way(self) -> float:
        """Mostly a twentieth of a second, sometimes many seconds."""
        return self._rng.expovariate(0.5 if self._rng.random() < self.faults.very_slow else 20)

    async def _silence(self) -> None:
        """Mostly the sender is told soon; sometimes never, until its patience ends."""
        await asyncio.sleep(self._rng.random() / 2 if self._rng.random() < 0.8 else 60)

    def _again(self, host: str, send: Callable[[], Awaitable[Any]], seconds: float) -> "asyncio.Task[None]":
        """A copy, at most so much later. It is for the process that it was sent to: Ray brings none to the one that follows.
        Nobody sends a command again that was answered, so a call's answer waits for its copy."""
        life = self._lyceum.running(host)

        async def later() -> None:
            await asyncio.sleep(self._rng.random() * seconds)
            if life is None or self._lyceum.running(host) is not life:
                self.happened["copy_lost"] += 1
                return
            try:
                await send()
            except HostAway:
                self.happened["copy_lost"] += 1

        task = asyncio.get_running_loop().create_task(later(), context=Context())
        self._keep(task)
        return task

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._copies.add(task)
        task.add_done_callback(self._let_go, context=Context())  # not with who asked, who may have crashed

    def _let_go(self, task: "asyncio.Task[Any]") -> None:
        self._copies.discard(task)
        if not task.cancelled():
            task.exception()  # who asked hears of it, if anybody still listens


class _Far:
    """A store behind the network."""

    def __init__(self, store: Any, network: Network) -> None:
        self._store = store
        self._network = network

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._store, name)

        def ask(*words: Any, **named: Any) -> Awaitable[Any]:
            return self._network.ask_store(partial(asked, *words, **named))

        self.__dict__[name] = ask
        return ask


class _CrashingCommits(MemoryCommits):
    def __init__(self, tables: LiveTables, network: Network) -> None:
        super().__init__(tables)
        self._network = network
        self._life = AT_HOST.get()

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        host = self._network.name_of(self._life)
        return await self._network.commit(host, bundles, partial(self._really, bundles))

    async def _really(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        return await super().commit(bundles)
