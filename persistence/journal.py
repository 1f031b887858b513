"""The journal: gathers what all grains of a host decided while the last commit was under way, and commits it at once."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import asyncpg
import structlog

from persistence.batches import Batch, Bundle, Committed, Key, Write, key_of, weight_of
from persistence.errors import StoreAway
from persistence.journal_postgres import COMMIT_SECONDS, PostgresCommits

__all__ = ["Committed", "GroupCommit", "JournalPort", "JournalStats", "PostgresJournal", "Write"]

MAX_PENDING = 50_000
MAX_BATCH = 1_000  # a larger one saves nothing an event, and encoding it holds up the loop for longer
_PAUSE_SECONDS = 0.05

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class JournalStats:
    """What a journal has done since it was made. All but `commits` and `commit_seconds` count events, and a write
    without events as one."""

    commits: int
    events: int
    last_batch: int
    commit_seconds: float
    pending: int
    fenced: int
    unknown: int
    refused: int


class JournalPort(Protocol):
    """Where grains make their decisions durable."""

    def append(self, write: Write) -> asyncio.Future[Committed]:
        """Join the batch that gathers. Never blocks. Writes of one grain are committed in the order of these calls.

        The future is shared by all writes of the grain in the batch, never raises and cannot be cancelled; callbacks
        run in the order of the batch. After anything but YES, what the grain has appended since, and what it appends until
        the callbacks have run, is not written either: they must drop the grain.
        """
        ...

    async def run(self) -> None:
        """Commit batch after batch until `close`; to be run once, as a task of the host."""
        ...

    async def close(self) -> None:
        """Commit what is pending, then end `run`. Appends are refused from now on."""
        ...

    @property
    def pending(self) -> int:
        """Events that wait for a commit to begin."""
        ...

    @property
    def stats(self) -> JournalStats:
        """What was done so far."""
        ...


class Commits(Protocol):
    """Writes one batch."""

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        """Write the bundles at once and durably, but for those that are fenced or do not fit their log, of which nothing is
        written; an answer a bundle. Raises StoreAway when the outcome is not known."""
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


class GroupCommit:
    """The queue of a journal: a `JournalPort` over anything that can write a batch.

    At most `max_pending` events wait; batches are cut at about `max_batch` events. What was decided on top of a write that
    was not made must not be written, even where its offset fits: when a grain's write is turned down, its later ones are
    as well, and when a batch's outcome is not known, all that waits is answered UNKNOWN.
    """

    def __init__(self, commits: Commits, max_pending: int = MAX_PENDING, max_batch: int = MAX_BATCH) -> None:
        self._commits = commits
        self._max_pending = max_pending
        self._max_batch = max_batch
        self._waiting: deque[Batch] = deque()
        self._turned_down: dict[Key, Committed] = {}
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._closing = False
        self._away = False
        self._counts = dict.fromkeys(Committed, 0)
        self._pending = self._commits_done = self._last_batch = 0
        self._commit_seconds = 0.0

    def append(self, write: Write) -> asyncio.Future[Committed]:
        """See `JournalPort.append`."""
        loop = asyncio.get_running_loop()
        if self._turned_down and (verdict := self._turned_down.get(key_of(write))) is not None:
            return self._refuse(write, verdict, loop)
        weight = weight_of(write)
        if self._closing or self._pending + weight > self._max_pending:
            return self._refuse(write, Committed.REFUSED, loop)
        waiting = self._waiting
        if not waiting or waiting[-1].weight >= self._max_batch:
            waiting.append(Batch())
        answer = waiting[-1].add(write, loop)
        if answer is None:
            return self._refuse(write, Committed.UNKNOWN, loop)
        self._pending += weight
        self._wake.set()
        return answer

    async def run(self) -> None:
        """See `JournalPort.run`."""
        self._running = True
        try:
            while True:
                while self._waiting:
                    batch = self._waiting.popleft()
                    self._pending -= batch.weight
                    await self._commit(batch)
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
        finally:
            self._closing = True
            self._lose_all()
            await self._commits.close()
            self._ended.set()

    async def close(self) -> None:
        """See `JournalPort.close`."""
        self._closing = True
        self._wake.set()
        if self._running:
            await self._ended.wait()
        else:
            self._lose_all()

    @property
    def pending(self) -> int:
        """See `JournalPort.pending`."""
        return self._pending

    @property
    def stats(self) -> JournalStats:
        """See `JournalPort.stats`."""
        return JournalStats(
            commits=self._commits_done,
            events=self._counts[Committed.YES],
            last_batch=self._last_batch,
            commit_seconds=self._commit_seconds,
            pending=self._pending,
            fenced=self._counts[Committed.FENCED],
            unknown=self._counts[Committed.UNKNOWN],
            refused=self._counts[Committed.REFUSED],
        )

    async def _commit(self, batch: Batch) -> None:
        started = perf_counter()
        bundles = batch.bundles
        if not bundles:  # all were turned down meanwhile
            return
        try:
            verdicts = await self._commits.commit(bundles)
        except BaseException as error:
            for bundle in bundles:
                self._answer(bundle, Committed.UNKNOWN)
            self._lose_all()
            if not isinstance(error, Exception):
                raise
            self._report(error)
            # The store is likely away: gather for a moment instead of knocking as fast as the loop turns.
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        self._report(None)
        self._commit_seconds += perf_counter() - started
        self._commits_done += 1
        self._last_batch = batch.weight
        for bundle, verdict in zip(bundles, verdicts, strict=True):
            self._answer(bundle, verdict)

    def _answer(self, bundle: Bundle, verdict: Committed) -> None:
        self._counts[verdict] += bundle.weight
        bundle.answer.set_result(verdict)
        if verdict is Committed.YES:
            return
        for batch in self._waiting:
            later = batch.take(bundle.key)
            if later is not None:
                self._pending -= later.weight
                self._counts[verdict] += later.weight
                later.answer.set_result(verdict)
        self._turn_down(bundle.key, verdict, bundle.answer.get_loop())

    def _refuse(self, write: Write, verdict: Committed, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Committed]:
        answer: asyncio.Future[Committed] = loop.create_future()
        answer.set_result(verdict)
        self._counts[verdict] += weight_of(write)
        self._turn_down(key_of(write), verdict, loop)
        return answer

    def _turn_down(self, key: Key, verdict: Committed, loop: asyncio.AbstractEventLoop) -> None:
        """Take nothing more from the grain until the callbacks of its answers, which run first, have dropped it."""
        self._turned_down[key] = verdict
        loop.call_soon(self._turned_down.pop, key, None)

    def _report(self, error: Exception | None) -> None:
        """Say once that the store went away and once that it is back; a fault of ours is said each time."""
        if isinstance(error, StoreAway):
            if not self._away:
                _log.warning("journal_store_away", reason=str(error), unknown=self._counts[Committed.UNKNOWN])
            self._away = True
        elif error is not None:
            _log.error("journal_commit_failed", exc_info=error)
        elif self._away:
            _log.info("journal_store_back", unknown=self._counts[Committed.UNKNOWN])
            self._away = False

    def _lose_all(self) -> None:
        while self._waiting:
            batch = self._waiting.popleft()
            self._pending -= batch.weight
            for bundle in batch.bundles:
                self._answer(bundle, Committed.UNKNOWN)


class PostgresJournal(GroupCommit):
    """A `JournalPort` on Postgres. Keeps one connection of `pool` for itself while it runs; a commit that is not
    confirmed within `commit_seconds` is answered UNKNOWN."""

    def __init__(
        self,
        pool: "asyncpg.Pool[Any]",
        *,
        max_pending: int = MAX_PENDING,
        max_batch: int = MAX_BATCH,
        commit_seconds: float = COMMIT_SECONDS,
    ) -> None:
        super().__init__(PostgresCommits(pool, commit_seconds), max_pending, max_batch)
