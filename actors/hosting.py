"""The heart of a host, without Ray: grains, their mailboxes, the journal behind them and what goes out after a commit."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import structlog

from actors.aftermath import Aftermath
from actors.alarms import Alarms
from actors.archive import Archive, Stores
from actors.boxes import Box, Grain
from actors.clock import wall_clock
from actors.correlation import about
from actors.deadlines import Deadlines
from actors.deferred import Deferred
from actors.envelopes import COURSE, INBOX, LATER, OWNERS, Attached, Envelope, NotOwner, Owned, Reply
from actors.keeping import Keeping
from actors.listeners import Listeners, Sender
from actors.live_grain import LiveGrain
from actors.postman import Mail, Postman
from actors.progress_grain import CourseGrain
from actors.reading import Reading
from actors.recounting import Recounting
from actors.shards import shard_of
from actors.shares import SURE_SECONDS, Shares
from actors.turns import Call, Item, Turn
from actors.watch import Watch
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.live.commands import Tick
from classroom.progress.commands import Look
from classroom.refusals import Unavailable
from classroom.times import SECOND, Moment
from persistence.batches import Committed
from persistence.errors import StoreAway

MAILBOX = 20_000
TURN = 500
"""What a grain decides at once. One turn is one write: a larger one would hold up the loop, gain nothing, and on a slow
disk outlast the commit's limit again and again."""
CALL_SECONDS = 0.5
KEEPERS_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)
_HOST = Caller(UserId("host"), "host", Role.ADMIN)
_AWAY = Refused(Unavailable())


class Links(Sender, Mail, Protocol):
    """Ways out of a host: to the gateways, and to grains of other hosts."""


class Hosting:
    """Grains of the shards that this host owns. Everything runs in one event loop. `peers` are the hosts that are expected
    to live."""

    def __init__(
        self, name: str, stores: Stores, links: Links, grace_seconds: int = 60,
        clock: Callable[[], Moment] = wall_clock, peers: Iterable[str] = (), seconds: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.run_id = uuid4().hex
        self._stores = stores
        self._shares = Shares(stores.ownership, stores.membership, name, self.run_id, peers, seconds)
        self._epochs = self._shares.epochs
        self._boxes: dict[tuple[str, str], Box] = {}
        self._alarms = Alarms(self._boxes, clock, self._wake)
        self._archive = Archive(stores, grace_seconds * SECOND)
        self._keeping = Keeping(self._boxes, self._archive)
        self._listeners = Listeners(name, self.run_id, links)
        self._watch = Watch(self._listeners, self._boxes, self._tell)
        self._postman = Postman(links, self._take, self._spawn)
        self._deferred = Deferred(self.run_id)
        self._deadlines = Deadlines(name, stores.log, self._epochs, self._box, self._alarms)
        self._aftermath = Aftermath(self._listeners, self._postman, self._archive, self._spawn)
        self._reading = Reading(
            self._archive,
            self._alarms,
            self._epochs,
            self._postman,
            self._listeners,
            self._keeping,
            self._spawn,
            self._drain,
        )
        self._recounting = Recounting(self._archive, self._alarms, TURN, self._ask_all)
        self._unsettled: dict[int, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._taking: asyncio.Task[Any] | None = None
        self._ended = False
        self._answered = 0
        self._fenced = 0

    async def start(self) -> None:
        """Take the shards that fall to this host, wake what is due, and begin to commit. Raises StoreAway when Postgres is
        away."""
        await self._shares.begin()
        self._alarms.begin()
        self._taking = self._spawn(self._shares.keep(self._gain_shards, self._lose_shard, self._looked))
        try:
            due = await self._deadlines.read(tuple(self._epochs))
        except BaseException:
            self.abandon()
            raise
        self._spawn(self._stores.journal.run())
        self._spawn(self._stores.course_journal.run())
        for keep in (self._watch.keep, self._keeping.unload_idle, self._alarms.keep):
            self._spawn(self._keep_on(keep))
        _log.info("host_started", host=self.name, shards=len(self._epochs), deadlines=due)

    async def execute(self, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        """Answers to all envelopes, in their order, each durable. What takes longer than half a second is `Later`."""
        call = Call(len(envelopes), asyncio.get_running_loop())
        touched: dict[Box, None] = {}
        for index, envelope in enumerate(envelopes):
            box = self._accept(Item(envelope, call, index))
            if box is not None:
                touched[box] = None
        for box in touched:
            self._drain(box)
        self._answered += len(envelopes)
        await asyncio.wait((call.done,), timeout=CALL_SECONDS)
        return call.done.result() if call.done.done() else call.put_off(self._deferred)

    def attach(self, gateway: str, run: str) -> Attached:
        """A gateway says that it lives, under which run. When the token is not the one before, it has to follow the topics
        of this host anew and say which connections it really holds; likewise for a shard whose epoch is another."""
        if self._listeners.attach(gateway, run):
            self._watch.let_go(gateway)
        hosts = tuple(sorted({*self._shares.owners().values()}))
        return Attached(self._listeners.token(gateway), dict(self._epochs), hosts)

    async def close(self, timeout_seconds: float) -> None:
        """Take no more shards, commit what was decided, keep snapshots of what is loaded, give the shards up, stop."""
        if self._taking is not None:
            self._taking.cancel()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._stores.journal.close()
                await self._stores.course_journal.close()
                for box in list(self._boxes.values()):
                    await self._keeping.keep(box)
                await self._shares.leave()
        except (StoreAway, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            _log.warning("host_closed_early", host=self.name, seconds=timeout_seconds, reason=reason)
        for box in self._boxes.values():
            box.answer_waiting(NotOwner(box.shard_id, None))
        self._aftermath.refuse_held()
        self.abandon()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def abandon(self) -> None:
        """Stop at once, as a crash would: nothing is flushed, nothing more is sent."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        for box in self._boxes.values():
            box.stop_timer()
        self._listeners.close()
        self._boxes.clear()
        self._epochs.clear()

    def stats(self) -> dict[str, float]:
        """Counters for operators; safe to read from another thread."""
        journal, courses = self._stores.journal.stats, self._stores.course_journal.stats
        return {
            "grains": len(self._boxes),
            "shards": len(self._epochs),
            "envelopes": self._answered,
            "commits": journal.commits + courses.commits,
            "events": journal.events + courses.events,
            "commit_seconds": journal.commit_seconds + courses.commit_seconds,
            "pending": journal.pending + courses.pending,
            "fenced": self._fenced,
        }

    # -- in ------------------------------------------------------------------------------------------------------

    def _accept(self, item: Item) -> Box | None:
        envelope = item.envelope
        if envelope.kind == LATER:
            item.answer(self._deferred.fetch(envelope.grain_id))
            return None
        if envelope.kind == OWNERS:
            item.answer(Owned(self._shares.owners()))
            return None
        shard_id = shard_of(envelope.kind, envelope.grain_id)
        if shard_id not in self._epochs:
            item.answer(NotOwner(shard_id, self._shares.find(shard_id)))
            return None
        box = self._box(envelope.kind, envelope.grain_id)
        if len(box.mailbox) >= MAILBOX:
            item.answer(_AWAY)
            return None
        box.mailbox.append(item)
        return box

    def _take(self, item: Item) -> bool:
        if shard_of(item.envelope.kind, item.envelope.grain_id) not in self._epochs:
            return False
        box = self._accept(item)
        if box is not None:
            self._drain(box)
        return True

    def _box(self, kind: str, grain_id: str) -> Box:
        key = (kind, grain_id)
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = Box(kind, grain_id, shard_of(kind, grain_id))
        box.used_at = asyncio.get_running_loop().time()
        return box

    def _drain(self, box: Box) -> None:
        while box.mailbox and not box.busy and not self._ended and box.shard_id not in self._unsettled:
            grain, now = box.grain, self._alarms.now(box)
            if grain is None and box.flying:
                return  # what was decided before is on its way to the store: only then is there something to read
            if self._reading.begins(box, now):
                return
            if grain is not None and self._turn(box, grain, now) >= TURN:
                asyncio.get_running_loop().call_soon(self._drain, box)  # the journal, and others, come between
                return

    async def _ask_all(self, box: Box, looks: Sequence[Look]) -> None:
        call = Call(len(looks), asyncio.get_running_loop())
        for index, look in enumerate(looks):
            self._accept(Item(Envelope(box.kind, box.id, _HOST, look, None), call, index))
        self._drain(box)
        await call.done

    # -- decide and commit ---------------------------------------------------------------------------------------

    def _turn(self, box: Box, grain: Grain, now: Moment) -> int:
        turn = Turn()
        try:
            grain.work(box.mailbox, now, turn, at_most=1 if box.one_by_one else TURN)
        except Exception:
            taken = [item.envelope for item in turn.taken]
            _log.exception("turn_failed", kind=box.kind, grain=box.id, items=len(taken), **about(taken))
            self._part(box, turn)
            return 0
        box.one_by_one = max(0, box.one_by_one - len(turn.taken))
        if turn.write is not None:
            if isinstance(grain, LiveGrain) and grain.wants_snapshot and not turn.notices and not box.tells_somebody:
                turn.snapshot = grain.save()
                grain.saved(grain.offset)
            box.flying.append(turn)
            journal = self._stores.course_journal if box.kind == COURSE else self._stores.journal
            future = journal.append(turn.write)
            future.add_done_callback(partial(self._settled, box, grain, turn))
        elif box.flying:
            box.flying[-1].absorb(turn)
        elif self._shares.are_sure:
            self._aftermath.finish(box, grain, turn)
        else:
            self._aftermath.hold(box, grain, turn)
        self._alarms.set(box, grain)
        if isinstance(grain, CourseGrain) and grain.wants_recount():
            self._spawn(self._recounting.run(box, grain))
        return len(turn.taken)

    def _part(self, box: Box, turn: Turn) -> None:
        """A fault in a rule: what memory holds can no longer be trusted, what the log holds can. Whose fault it was is
        found by deciding one by one, so that nobody else suffers."""
        if not turn.taken:
            box.answer_waiting(_AWAY)  # nobody's command: it would fail again for ever
        elif len(turn.taken) == 1:
            turn.taken[0].answer(_AWAY)
            box.one_by_one = max(0, box.one_by_one - 1)
        else:
            box.mailbox.extendleft(reversed(turn.taken))
            box.one_by_one = len(turn.taken)
        self._forget(box)

    def _settled(self, box: Box, grain: Grain, turn: Turn, future: "asyncio.Future[Committed]") -> None:
        box.flying.remove(turn)
        verdict = future.result()
        if self._ended:
            return
        if verdict is Committed.YES:
            box.failures = 0
            if isinstance(grain, CourseGrain) and turn.write is not None:
                grain.settled(turn.write)
            self._aftermath.finish(box, grain, turn)
        else:
            turn.refuse(NotOwner(box.shard_id, None) if verdict is Committed.FENCED else _AWAY)
            if verdict is Committed.FENCED:
                self._fenced += 1
                if turn.write is not None and self._epochs.get(box.shard_id) == turn.write.epoch:
                    self._lose_shard(box.shard_id)
            elif box.grain is grain:
                self._forget(box)
        if box.grain is not grain:
            self._drain(box)  # commands may have waited for this

    def _looked(self) -> None:
        if self._shares.are_sure:
            self._aftermath.release()
        else:
            self._aftermath.refuse_held()

    # -- forget --------------------------------------------------------------------------------------------------

    def _forget(self, box: Box) -> None:
        """Drop what memory holds of a grain; the next command reads what is really durable."""
        grain, box.grain = box.grain, None
        if grain is None:
            return
        for view, gateways in grain.followers.items():
            for gateway in gateways:
                self._listeners.resync(gateway, box.topic(view))
        if box.kind != INBOX:
            # Its deadlines, and what it had to tell, must not be forgotten with it.
            box.owes_wake = True
            self._alarms.set_later(box)

    def _gain_shards(self, epochs: Mapping[int, int], from_living: frozenset[int]) -> None:
        self._alarms.begin()
        if from_living:
            # Who had them may go on answering from memory for a moment: nothing must change before it knows.
            unsettled = {shard_id: epochs[shard_id] for shard_id in from_living}
            self._unsettled.update(unsettled)
            asyncio.get_running_loop().call_later(SURE_SECONDS, self._settle, unsettled)
        self._spawn(self._deadlines.read_in_the_end(tuple(epochs)))

    def _settle(self, epochs: Mapping[int, int]) -> None:
        settled = {shard_id for shard_id, epoch in epochs.items() if self._unsettled.get(shard_id) == epoch}
        for shard_id in settled:
            del self._unsettled[shard_id]
        for box in [box for box in self._boxes.values() if box.shard_id in settled]:
            self._drain(box)

    async def _keep_on(self, keep: Callable[[], Awaitable[None]]) -> None:
        """What a host keeps doing, it does again after a fault."""
        while True:
            try:
                await keep()
            except Exception:
                _log.exception("keeper_failed", host=self.name)
            await asyncio.sleep(KEEPERS_PAUSE_SECONDS)

    def _lose_shard(self, shard_id: int) -> None:
        if self._epochs.pop(shard_id, None) is None:
            return
        self._unsettled.pop(shard_id, None)
        _log.debug("shard_lost", host=self.name, shard=shard_id)
        for box in [box for box in self._boxes.values() if box.shard_id == shard_id]:
            self._forget(box)
            box.answer_waiting(NotOwner(shard_id, None))
            box.stop_timer()
            del self._boxes[box.kind, box.id]

    # -- time and tasks ------------------------------------------------------------------------------------------

    def _wake(self, box: Box) -> None:
        box.woken()
        accepted = self._accept(Item(Envelope(box.kind, box.id, _HOST, Tick(), None), None, 0))
        if accepted is not None:
            self._drain(accepted)

    def _tell(self, box: Box, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._accept(Item(envelope, None, 0))
        self._drain(box)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any] | None":
        if self._ended:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("host_task_failed", host=self.name, exc_info=task.exception())
