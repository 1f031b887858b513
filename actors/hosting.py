"""The heart of a host, without Ray: grains, their mailboxes, the journal behind them and what goes out after a commit."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import structlog

from actors.envelopes import INBOX, LIVE, Deliver, Envelope, EvictNotice, NotOwner, Parcel, Reply
from actors.inbox_grain import InboxGrain, told
from actors.live_grain import LiveGrain, published
from actors.shards import shard_of
from actors.turns import Call, Item, Notice, Resume, Turn
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import SessionId, Topic, UserId
from classroom.live.commands import Disconnect, Tick
from classroom.ports import Batch, Entered
from classroom.refusals import Unavailable
from classroom.times import SECOND, Moment
from classroom.topics import LiveTopic, UserTopic
from persistence.batches import Committed
from persistence.errors import StoreAway
from persistence.ids import new_id
from persistence.journal import JournalPort
from persistence.live_log import LiveLog, Loaded
from persistence.ownership import Ownership
from persistence.roster import Roster

MAILBOX = 20_000
IDLE_SECONDS = 300.0
SWEEP_SECONDS = 1.0
GATEWAY_SILENT_SECONDS = 10.0
ANSWERS_REMEMBERED = 8_192
STORE_SECONDS = 8.0
NOTICE_SECONDS = 60.0

_log = structlog.get_logger(__name__)
_HOST = Caller(UserId("host"), "host", Role.ADMIN)
_AWAY = Refused(Unavailable())

Grain = LiveGrain | InboxGrain


def wall_clock() -> Moment:
    """Now, as this machine knows it."""
    return Moment(time.time_ns() // 1000)


class Links(Protocol):
    """Ways out of a host."""

    def send(self, gateway: str, parcel: Parcel) -> None:
        """Hand a parcel to a gateway. Never waits; what is lost on the way the gateway finds out by the offsets."""
        ...

    async def execute(self, envelope: Envelope) -> Reply:
        """Have the owner of a grain on any host do something."""
        ...


@dataclass(frozen=True)
class Stores:
    """Everything durable that a host works on."""

    journal: JournalPort
    log: LiveLog
    ownership: Ownership
    roster: Roster


@dataclass
class _Box:
    """A grain with its mailbox. `busy` while something is read for it; `flying` are the turns under way, in order."""

    kind: str
    id: str
    shard_id: int
    grain: Grain | None = None
    mailbox: deque[Item] = field(default_factory=deque)
    busy: bool = False
    flying: deque[Turn] = field(default_factory=deque)
    timer: asyncio.TimerHandle | None = None
    wake_at: Moment | None = None
    used_at: float = 0.0
    notifying: int = 0
    """Notices on their way to inboxes."""


class Hosting:
    """Grains of the shards that this host owns. Everything runs in one event loop."""

    def __init__(
        self, name: str, shards: Sequence[int], stores: Stores, links: Links, grace_seconds: int = 60,
        clock: Callable[[], Moment] = wall_clock,
    ) -> None:  # fmt: skip
        self.name = name
        self.run_id = uuid4().hex
        self._shards = tuple(shards)
        self._stores = stores
        self._links = links
        self._grace = grace_seconds * SECOND
        self._clock = clock
        self._epochs: dict[int, int] = {}
        self._owners: dict[int, str] = {}
        self._boxes: dict[tuple[str, str], _Box] = {}
        self._parcels: dict[str, tuple[list[Batch], list[EvictNotice], list[Topic]]] = {}
        self._gateways: dict[str, tuple[str, float]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._started_at = _now()
        self._answered = 0

    async def start(self) -> None:
        """Claim the shards, wake what is due, and begin to commit. Raises StoreAway when Postgres is away."""
        self._epochs = await self._stores.ownership.claim(self.name, self._shards)
        deadlines = await self._stores.log.deadlines(self._shards)
        self._spawn(self._stores.journal.run())
        self._spawn(self._sweep())
        for deadline in deadlines:
            self._arm(self._box(deadline.kind, deadline.grain_id), deadline.due_at)
        _log.info("host_started", host=self.name, shards=len(self._epochs), deadlines=len(deadlines))

    async def execute(self, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        """Answers to all envelopes, in their order, once each is durable."""
        call = Call(len(envelopes), asyncio.get_running_loop())
        touched: dict[int, _Box] = {}
        for index, envelope in enumerate(envelopes):
            box = self._accept(Item(envelope, call, index))
            if box is not None:
                touched[id(box)] = box
        for box in touched.values():
            self._drain(box)
        self._answered += len(envelopes)
        return await call.done

    def attach(self, gateway: str, run: str) -> str:
        """A gateway says that it lives, under which run; the answer is the run of this host. A new run of a gateway
        means that the sockets of the earlier one are gone."""
        earlier = self._gateways.get(gateway)
        if earlier is not None and earlier[0] != run:
            for box in self._boxes.values():
                for gateways in box.grain.followers.values() if box.grain is not None else ():
                    gateways.discard(gateway)
        self._gateways[gateway] = (run, _now())
        return self.run_id

    async def close(self, timeout_seconds: float) -> None:
        """Commit what was decided, keep snapshots of what is loaded, stop."""
        async with asyncio.timeout(timeout_seconds):
            await self._stores.journal.close()
            for box in list(self._boxes.values()):
                await self._keep(box)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def abandon(self) -> None:
        """Stop at once, as a crash would: nothing is flushed, nothing more is sent."""
        for task in self._tasks:
            task.cancel()
        for box in self._boxes.values():
            if box.timer is not None:
                box.timer.cancel()
        self._boxes.clear()
        self._parcels.clear()
        self._epochs.clear()

    def stats(self) -> dict[str, float]:
        """Counters for operators; safe to read from another thread."""
        journal = self._stores.journal.stats
        return {
            "grains": len(self._boxes),
            "shards": len(self._epochs),
            "envelopes": self._answered,
            "commits": journal.commits,
            "events": journal.events,
            "commit_seconds": journal.commit_seconds,
            "pending": journal.pending,
        }

    # -- in ------------------------------------------------------------------------------------------------------

    def _accept(self, item: Item) -> _Box | None:
        envelope = item.envelope
        shard_id = shard_of(envelope.kind, envelope.grain_id)
        if shard_id not in self._epochs:
            item.answer(NotOwner(shard_id, self._owners.get(shard_id)))
            return None
        box = self._box(envelope.kind, envelope.grain_id)
        if len(box.mailbox) >= MAILBOX:
            item.answer(_AWAY)
            return None
        box.mailbox.append(item)
        return box

    def _box(self, kind: str, grain_id: str) -> _Box:
        key = (kind, grain_id)
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = _Box(kind, grain_id, shard_of(kind, grain_id))
        box.used_at = _now()
        return box

    def _drain(self, box: _Box) -> None:
        if box.busy or not box.mailbox:
            return
        if box.grain is None:
            box.busy = True
            self._spawn(self._read(box, self._load(box)))
            return
        now = self._clock()
        ready = box.grain.ready(box.mailbox, now)
        if ready:
            self._turn(box, box.grain, [box.mailbox.popleft() for _ in range(ready)], now)
        if box.mailbox and isinstance(box.grain, LiveGrain):
            box.busy = True
            self._spawn(self._read(box, self._enrol(box.grain, box.grain.unknown_students(box.mailbox, now))))

    async def _read(self, box: _Box, reading: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await reading
        except (StoreAway, TimeoutError) as error:
            _log.warning("grain_unread", kind=box.kind, grain=box.id, reason=str(error))
            self._drop(box, _AWAY)
            return
        except Exception:
            _log.exception("grain_unreadable", kind=box.kind, grain=box.id)
            self._drop(box, _AWAY)
            return
        box.busy = False
        self._drain(box)

    async def _load(self, box: _Box) -> None:
        log, epoch = self._stores.log, self._epochs[box.shard_id]
        if box.kind == LIVE:
            loaded = await log.load(SessionId(box.id))
            recent = await log.recent_commands(SessionId(box.id), ANSWERS_REMEMBERED) if _has_events(loaded) else ()
            grain = LiveGrain(box.id, box.shard_id, epoch, loaded, recent, self._grace, new_id)
            box.grain = grain
            self._notify(box, grain.unsent)
        else:
            head = await log.inbox_head(UserId(box.id))
            recent = await log.inbox_recent_commands(UserId(box.id), ANSWERS_REMEMBERED) if head else ()
            box.grain = InboxGrain(box.id, box.shard_id, epoch, head, recent)

    async def _enrol(self, grain: LiveGrain, unknown: Sequence[UserId]) -> None:
        found = await self._stores.roster.find_students(grain.state.known.course_id, unknown)
        grain.enrol(unknown, list(found), self._clock())

    # -- decide and commit ---------------------------------------------------------------------------------------

    def _turn(self, box: _Box, grain: Grain, items: Sequence[Item], now: Moment) -> None:
        try:
            turn = grain.work(items, now)
        except Exception:
            # A fault in a rule: what memory holds can no longer be trusted, what the log holds can.
            _log.exception("turn_failed", kind=box.kind, grain=box.id)
            for item in items:
                item.answer(_AWAY)
            self._drop(box, _AWAY)
            return
        if turn.write is not None:
            box.flying.append(turn)
            future = self._stores.journal.append(turn.write)
            future.add_done_callback(partial(self._settled, box, turn))
        elif box.flying:
            box.flying[-1].absorb(turn)
        else:
            self._finish(box, turn)
        self._arm(box, grain.wake_at())

    def _settled(self, box: _Box, turn: Turn, future: "asyncio.Future[Committed]") -> None:
        verdict = future.result()
        if turn in box.flying:
            box.flying.remove(turn)
        if verdict is Committed.YES:
            self._finish(box, turn)
            return
        if verdict is Committed.FENCED:
            self._epochs.pop(box.shard_id, None)
            _log.warning("shard_lost", host=self.name, shard=box.shard_id)
        reply: Reply = NotOwner(box.shard_id, None) if verdict is Committed.FENCED else _AWAY
        for item, _ in turn.replies:
            item.answer(reply)
        for resume in turn.resumes:
            resume.item.answer(reply)
        self._drop(box, reply)

    def _drop(self, box: _Box, reply: Reply) -> None:
        """Forget what memory holds of a grain; the next command reads what is really durable."""
        if self._boxes.get((box.kind, box.id)) is box:
            del self._boxes[box.kind, box.id]
        if box.timer is not None:
            box.timer.cancel()
        grain, box.grain = box.grain, None
        while box.mailbox:
            box.mailbox.popleft().answer(reply)
        if grain is not None:
            for view, gateways in grain.followers.items():
                for gateway in gateways:
                    self._post(gateway, resync=[_topic(box, view)])
        if box.kind == LIVE and box.shard_id in self._epochs:
            # Its deadlines must not be forgotten with it.
            self._arm(self._box(box.kind, box.id), Moment(self._clock() + SECOND))

    def _finish(self, box: _Box, turn: Turn) -> None:
        for item, reply in turn.replies:
            item.answer(reply)
        if box.grain is not None:
            for view, batch in turn.batches:
                box.grain.rings[view].extend(batch.first_offset, batch.events)
                for gateway in box.grain.followers[view]:
                    self._post(gateway, batches=[batch])
        if turn.evictions:
            for gateway in self._gateways:
                self._post(gateway, evictions=turn.evictions)
        for resume in turn.resumes:
            self._resume(box, resume)
        # A snapshot cuts the log's tail, and with it the notices that a crash would make us send again.
        if turn.snapshot is not None and not turn.notices and not box.notifying:
            self._spawn(self._save(box.id, *turn.snapshot))
        self._notify(box, turn.notices)

    # -- out -----------------------------------------------------------------------------------------------------

    def _post(
        self,
        gateway: str,
        batches: Sequence[Batch] = (),
        evictions: Sequence[EvictNotice] = (),
        resync: Sequence[Topic] = (),
    ) -> None:
        if not self._parcels:
            asyncio.get_running_loop().call_soon(self._flush)
        parcel = self._parcels.get(gateway)
        if parcel is None:
            parcel = self._parcels[gateway] = ([], [], [])
        parcel[0].extend(batches)
        parcel[1].extend(evictions)
        parcel[2].extend(resync)

    def _flush(self) -> None:
        parcels, self._parcels = self._parcels, {}
        for gateway, parcel in parcels.items():
            self._links.send(gateway, Parcel(self.name, self.run_id, *parcel))

    def _resume(self, box: _Box, resume: Resume) -> None:
        ring = box.grain.rings[resume.view] if box.grain is not None else None
        events = ring.between(resume.since.offset, resume.offset) if ring is not None else None
        if events is None:
            self._spawn(self._resume_from_log(box, resume))
        else:
            resume.item.answer(Entered(resume.epoch, resume.offset, recovered=True, events=events, snapshot=None))

    async def _resume_from_log(self, box: _Box, resume: Resume) -> None:
        log, missed = self._stores.log, resume.offset - resume.since.offset
        try:
            async with asyncio.timeout(STORE_SECONDS):
                if box.kind == LIVE:
                    entries = await log.after(SessionId(box.id), resume.view, resume.since.offset, missed)
                    events = [published(entry, resume.view) for entry in entries]
                else:
                    entries = await log.inbox_after(UserId(box.id), resume.since.offset, missed)
                    events = [told(entry) for entry in entries]
        except (StoreAway, TimeoutError) as error:
            _log.warning("resume_unread", kind=box.kind, grain=box.id, reason=str(error))
            resume.item.answer(_AWAY)
            return
        resume.item.answer(Entered(resume.epoch, resume.offset, recovered=True, events=events, snapshot=None))

    def _notify(self, box: _Box, notices: Sequence[Notice]) -> None:
        for notice in notices:
            envelope = Envelope(INBOX, notice.user_id, _HOST, Deliver(notice.type, notice.data), notice.command_id)
            box.notifying += 1
            if shard_of(INBOX, notice.user_id) in self._epochs:
                call = Call(1, asyncio.get_running_loop())
                call.done.add_done_callback(partial(self._notified, box, envelope))
                inbox = self._accept(Item(envelope, call, 0))
                if inbox is not None:
                    self._drain(inbox)
            else:
                self._spawn(self._deliver(box, envelope))

    def _notified(self, box: _Box, envelope: Envelope, future: "asyncio.Future[Sequence[Reply]]") -> None:
        if isinstance(future.result()[0], Refused | NotOwner):
            self._spawn(self._deliver(box, envelope))
        else:
            box.notifying -= 1

    async def _deliver(self, box: _Box, envelope: Envelope) -> None:
        """Until it is in the inbox, for a minute at most; after a crash the class's tail sends it again."""
        until = _now() + NOTICE_SECONDS
        while _now() < until:
            if not isinstance(await self._links.execute(envelope), Refused | NotOwner):
                box.notifying -= 1
                return
            await asyncio.sleep(0.5)
        _log.warning("notice_undelivered", user=envelope.grain_id, notice=envelope.command_id)

    async def _save(self, grain_id: str, offset: int, state: bytes) -> None:
        try:
            await self._stores.log.save_snapshot(SessionId(grain_id), offset, state)
        except StoreAway as error:
            _log.warning("snapshot_unsaved", grain=grain_id, reason=str(error))

    # -- time ----------------------------------------------------------------------------------------------------

    def _arm(self, box: _Box, wake_at: Moment | None) -> None:
        if wake_at == box.wake_at and box.timer is not None:
            return
        if box.timer is not None:
            box.timer.cancel()
            box.timer = None
        box.wake_at = wake_at
        if wake_at is not None:
            delay = max(0.0, (wake_at - self._clock()) / SECOND)
            box.timer = asyncio.get_running_loop().call_later(delay, self._wake, box)

    def _wake(self, box: _Box) -> None:
        box.timer = box.wake_at = None
        tick = Item(Envelope(box.kind, box.id, _HOST, Tick(), None), None, 0)
        accepted = self._accept(tick)
        if accepted is not None:
            self._drain(accepted)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = _now()
            for gateway, (_, seen) in list(self._gateways.items()):
                if now - seen > GATEWAY_SILENT_SECONDS:
                    del self._gateways[gateway]
            if now - self._started_at > GATEWAY_SILENT_SECONDS:
                self._lose_dead_gateways()
            for box in [box for box in self._boxes.values() if now - box.used_at > IDLE_SECONDS]:
                await self._unload(box)

    def _lose_dead_gateways(self) -> None:
        alive = {run for run, _ in self._gateways.values()}
        for box in list(self._boxes.values()):
            if not isinstance(box.grain, LiveGrain) or not box.grain.state.connections:
                continue
            for run, held in box.grain.gateways_present().items():
                if run not in alive:
                    for user_id, connection in held:
                        gone = Caller(user_id, "", Role.STUDENT)
                        self._accept(Item(Envelope(LIVE, box.id, gone, Disconnect(connection), None), None, 0))
            self._drain(box)

    async def _unload(self, box: _Box) -> None:
        if box.grain is None or self._in_use(box):
            return
        await self._keep(box)
        if self._in_use(box):
            return
        box.grain = None
        if box.timer is None:
            self._boxes.pop((box.kind, box.id), None)

    def _in_use(self, box: _Box) -> bool:
        followed = box.grain is not None and any(box.grain.followers.values())
        return bool(followed or box.busy or box.flying or box.mailbox or box.notifying)

    async def _keep(self, box: _Box) -> None:
        if isinstance(box.grain, LiveGrain) and box.grain.changed and not box.flying:
            await self._save(box.id, *box.grain.save())

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("host_task_failed", host=self.name, exc_info=task.exception())


def _now() -> float:
    """The loop's own clock: what timers and patience are measured by."""
    return asyncio.get_running_loop().time()


def _has_events(loaded: Loaded) -> bool:
    return loaded.snapshot is not None or bool(loaded.tail)


def _topic(box: _Box, view: str) -> Topic:
    return Topic(str(LiveTopic(SessionId(box.id), view) if box.kind == LIVE else UserTopic(UserId(box.id))))
