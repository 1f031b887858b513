"""A store and hosts that a test can bring into trouble: held or lost commits, hosts that stay down or stand still."""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from typing import Any, TypeVar

from actors.dispatch import HostAway
from actors.envelopes import INBOX
from actors.hosting import Hosting
from actors.local import Life, LocalLyceum
from persistence.batches import Bundle, Committed
from persistence.errors import StoreAway
from persistence.journal import GroupCommit, JournalPort
from persistence.memory.live_journal import MemoryCommits
from persistence.memory.live_tables import LiveTables
from tests.actors.virtual import VirtualLoop

T = TypeVar("T")


class Store:
    """What happens to commits: held while `open` is clear; `losing` says whether the next ones are written although
    nobody hears of it ("after"), or not written ("before"); so many with something for an inbox are not written."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.losing: str | None = None
        self.losing_inboxes = 0
        self.commits = 0
        self.largest = 0
        self.seconds_an_event = 0.0

    def journal(self, tables: LiveTables) -> JournalPort:
        return GroupCommit(_Commits(tables, self))


class _Commits(MemoryCommits):
    def __init__(self, tables: LiveTables, store: Store) -> None:
        super().__init__(tables)
        self._store = store

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        await self._store.open.wait()
        self._store.commits += 1
        weight = sum(bundle.weight for bundle in bundles)
        self._store.largest = max(self._store.largest, weight)
        if self._store.seconds_an_event:
            await asyncio.sleep(weight * self._store.seconds_an_event)
        if self._store.losing == "before":
            raise StoreAway("the commit was lost")
        if self._store.losing_inboxes and any(bundle.kind == INBOX for bundle in bundles):
            self._store.losing_inboxes -= 1
            raise StoreAway("an inbox was lost")
        written = await super().commit(bundles)
        if self._store.losing == "after":
            raise StoreAway("the answer was lost")
        return written


class Lyceum(LocalLyceum):
    """Hosts that can stay down for a while."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.down: set[str] = set()

    @property
    def alive(self) -> list[str]:
        """The hosts that run now."""
        return sorted(self._hosts)

    def host_in(self, life: Life | None) -> str | None:
        """Whose life this is, if it is not over."""
        return next((name for name, each in self._lives.items() if each is life), None)

    def running(self, name: str) -> Hosting | None:
        """A host that is up."""
        return self._hosts.get(name)

    async def host(self, name: str) -> Hosting:
        if name in self.down:
            raise HostAway("down")
        if name in self._hosts:
            return self._hosts[name]
        # Nobody's work: who called it may crash meanwhile.
        starting = asyncio.get_running_loop().create_task(super().host(name), context=Context())
        starting.add_done_callback(_heed, context=Context())
        try:
            await asyncio.shield(starting)
        except (StoreAway, TimeoutError) as error:
            raise HostAway(f"not started: {error}") from error
        if name not in self._hosts:
            raise HostAway("killed as soon as it had started")
        return self._hosts[name]

    def freeze(self, name: str) -> None:
        """It stands still, as a stopped process does: it neither hears nor does anything, and knows nothing of it."""
        if name in self._hosts:
            virtual_loop().freeze(self._lives[name])

    def thaw(self, name: str) -> None:
        """It goes on where it stood still."""
        if name in self._lives:
            virtual_loop().thaw(self._lives[name])

    def kill(self, host: str) -> None:
        life = self._lives.get(host)
        super().kill(host)
        if life is not None:
            virtual_loop().thaw(life)  # what was cancelled has to end

    async def close(self) -> None:
        for name in list(self._lives):
            self.thaw(name)
        await super().close()


def _heed(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()  # whoever still waits has it


def virtual_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
