"""The way from any process to the owner of a grain: gathers, sends, retries with the same ids, and learns who owns what."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import count, takewhile
from typing import Protocol
from uuid import uuid4

import structlog

from actors.envelopes import LATER, Envelope, Later, NotOwner, Reply, pack_envelopes, unpack_replies
from actors.shards import assign, host_names, shard_of
from classroom.answers import Refused
from classroom.refusals import Unavailable

IN_FLIGHT = 3
WORTH_A_CALL = 64
"""A call costs as much as a dozen joins. So while one is under way a further one leaves only when it carries many: a
stampede overlaps with its commits, and a trickle gathers (over REST that is a third more joins a second). What is slow
does not hold the others up: the host answers `Later` for it."""
FULL = 256
FULL_IN_FLIGHT = 12
"""A stampede of thousands of sockets is read in one turn of the loop, which takes as long as deciding and committing it. So
a full call leaves in the middle of the turn: the host works while the rest is still being read."""
BATCH = 2 * FULL
WAITING = 50_000
PATIENCE_SECONDS = 8.0
DROPPED_SECONDS = 2.0
"""How long a grain that was dropped is asked again before its `Unavailable` is passed on."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.4
WATCH_SECONDS = 0.25

_UNAVAILABLE = Refused(Unavailable())

_log = structlog.get_logger(__name__)


class HostAway(Exception):
    """A host did not answer. What was sent may or may not have been done."""


class HostTransport(Protocol):
    """Carries one batch to one host."""

    def call(self, host: str, payload: bytes) -> Awaitable[bytes]:
        """The host's packed replies to packed envelopes, which are on their way when this returns, if that is possible
        without waiting. Raises HostAway, now or when awaited."""
        ...


Hear = Callable[[Reply], None]


class _Waiting:
    """An envelope that wants an answer; `number` is its place in the order in which all were handed in."""

    __slots__ = ("envelope", "hear", "number", "renew", "since", "ticket", "tries")

    def __init__(
        self, number: int, envelope: Envelope, hear: Hear, renew: Callable[[], Envelope] | None, since: float
    ) -> None:
        self.number = number
        self.envelope = envelope
        self.hear: Hear | None = hear
        self.renew = renew
        self.since = since
        self.tries = 0
        self.ticket: str | None = None

    @property
    def outgoing(self) -> Envelope:
        """What to send: the envelope, or the ticket for its late answer."""
        if self.ticket is not None:
            return Envelope(LATER, self.ticket, self.envelope.caller, None, None)
        return self.envelope if self.renew is None else self.renew()

    def leave(self) -> None:
        """Nobody wants the answer any more."""
        self.hear = None

    def settle(self, reply: Reply) -> None:
        """Answer, once."""
        hear, self.hear = self.hear, None
        if hear is None:
            return
        try:
            hear(reply)
        except Exception:
            _log.exception("reply_unheard", kind=self.envelope.kind, grain=self.envelope.grain_id)


class Dispatcher:
    """Sends envelopes to the hosts of their grains.

    All envelopes of one turn of the loop leave in one call a host, or in several full ones; while a call to a host is under
    way, more gather (at most 50,000), and leave when they are many or when it returns. What a lost host was sent is sent
    again, with the same command ids and before everything that was handed in later; what a host answers `Later` is
    fetched later. After eight seconds it is `Unavailable`.
    """

    def __init__(self, transport: HostTransport, hosts: int) -> None:
        self._transport = transport
        self._owners = assign(host_names(hosts))
        self._lanes = {host: _Lane(host, self._spawn) for host in host_names(hosts)}
        self._run = uuid4().hex
        self._numbers = count()
        self._handed_in = count()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts."""
        return tuple(self._lanes)

    def owner(self, kind: str, grain_id: str) -> str:
        """The host that owns a grain, as far as is known here."""
        return self._owners[shard_of(kind, grain_id)]

    def fresh_command_id(self) -> str:
        """An id for a command that came without one, so that it can be retried."""
        return f"{self._run}:{next(self._numbers)}"

    def post(self, envelope: Envelope, hear: Hear, renew: Callable[[], Envelope] | None = None) -> None:
        """Have the owner answer: `hear` is called once, with its reply, within eight seconds, and never before this returns
        unless too many wait already. Costs neither a task nor a future.

        An envelope that is sent again may be overtaken by later ones. `renew` is for one that must be true when it leaves:
        it makes it anew, for the same grain, each time.
        """
        self._hand_in(_Waiting(next(self._handed_in), envelope, hear, renew, asyncio.get_running_loop().time()))

    def submit(self, envelope: Envelope, renew: Callable[[], Envelope] | None = None) -> "asyncio.Future[Reply]":
        """`post` for who would rather await: the future never raises. Who stops waiting is not sent again."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()

        def hear(reply: Reply) -> None:
            if not answer.done():
                answer.set_result(reply)

        waiting = _Waiting(next(self._handed_in), envelope, hear, renew, loop.time())
        answer.add_done_callback(lambda _: waiting.leave())
        self._hand_in(waiting)
        return answer

    async def execute(self, envelope: Envelope) -> Reply:
        """The owner's answer, within eight seconds."""
        return await self.submit(envelope)

    def _hand_in(self, waiting: _Waiting) -> None:
        lane = self._lane(waiting)
        if len(lane.queue) >= WAITING:
            waiting.settle(_UNAVAILABLE)
        else:
            lane.add(waiting)

    def _lane(self, waiting: _Waiting) -> "_Lane":
        return self._lanes[self.owner(waiting.envelope.kind, waiting.envelope.grain_id)]

    def _spawn(self, lane: "_Lane", batch: list[_Waiting]) -> None:
        call: Awaitable[bytes]
        try:
            call = self._transport.call(lane.host, pack_envelopes([waiting.outgoing for waiting in batch]))
        except Exception as error:
            call = _failed(error)
        task = asyncio.get_running_loop().create_task(self._receive(lane, batch, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _receive(self, lane: "_Lane", batch: list[_Waiting], call: Awaitable[bytes]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                packed = await call
            replies = unpack_replies(packed)
            if len(replies) != len(batch):
                raise ValueError(f"{len(replies)} replies to {len(batch)} envelopes")
        except (HostAway, TimeoutError) as error:
            lane.failed(batch, str(error) or type(error).__name__)
        except Exception as error:
            _log.exception("host_call_failed", host=lane.host)
            lane.failed(batch, type(error).__name__)
        else:
            self._answer(lane, batch, replies)
            lane.answered(batch)

    def _answer(self, lane: "_Lane", batch: list[_Waiting], replies: list[Reply]) -> None:
        again: list[_Waiting] = []
        late: list[_Waiting] = []
        dropped = asyncio.get_running_loop().time() - DROPPED_SECONDS
        for waiting, reply in zip(batch, replies, strict=True):
            if isinstance(reply, Later):
                waiting.ticket = reply.ticket
                late.append(waiting)
            elif isinstance(reply, NotOwner):
                if reply.owner in self._lanes:
                    self._owners[reply.shard_id] = reply.owner
                again.append(waiting)
            elif isinstance(reply, Refused) and isinstance(reply.refusal, Unavailable) and waiting.since > dropped:
                again.append(waiting)
            else:
                waiting.settle(reply)
        loop = asyncio.get_running_loop()
        if late:
            loop.call_later(_pause(late), lane.put_back, late)  # the ticket is of this host
        if again:
            loop.call_later(_pause(again), self._send_again, again)

    def _send_again(self, batch: list[_Waiting]) -> None:
        lanes: dict[_Lane, list[_Waiting]] = {}
        for waiting in batch:
            waiting.ticket = None
            lanes.setdefault(self._lane(waiting), []).append(waiting)
        for lane, mine in lanes.items():
            lane.put_back(mine)


class _Lane:
    """What waits for one host, in order. While the host is away one call at a time knocks, so that nothing overtakes."""

    def __init__(self, host: str, send: "Callable[[_Lane, list[_Waiting]], None]") -> None:
        self.host = host
        self.queue: deque[_Waiting] = deque()
        self._send = send
        self._flying: list[list[_Waiting]] = []
        self._scheduled = False
        self._watching = False
        self._resting = False
        self._is_away = False
        self._pause = FIRST_PAUSE

    def add(self, waiting: _Waiting) -> None:
        """To the end."""
        self.queue.append(waiting)
        if len(self.queue) >= FULL and self._may_send():
            self._leave()
        else:
            self._schedule()
        if not self._watching:
            self._watch()

    def put_back(self, batch: Iterable[_Waiting]) -> None:
        """To where they were in the order."""
        self.queue = deque(sorted([*batch, *self.queue], key=lambda waiting: waiting.number))
        self._schedule()
        if not self._watching:
            self._watch()

    def answered(self, batch: list[_Waiting]) -> None:
        """The host took the batch."""
        if self._is_away:
            _log.info("host_back", host=self.host)
        self._is_away = False
        self._pause = FIRST_PAUSE
        self._flying.remove(batch)
        self._leave()

    def failed(self, batch: list[_Waiting], reason: str) -> None:
        """Nobody knows what became of the batch: it goes again, after a rest."""
        if not self._is_away:
            _log.warning("host_away", host=self.host, reason=reason[:200])
        self._is_away = True
        self._flying.remove(batch)
        for waiting in batch:
            waiting.ticket = None
        if not self._resting:
            self._resting = True
            self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
            asyncio.get_running_loop().call_later(self._pause, self._rested)
        self.put_back(batch)

    def _rested(self) -> None:
        self._resting = False
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._may_send():
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _may_send(self) -> bool:
        flying, waiting = len(self._flying), len(self.queue)
        if self._resting or not flying:
            return not self._resting
        if self._is_away:
            return False
        return (flying < IN_FLIGHT and waiting >= WORTH_A_CALL) or (flying < FULL_IN_FLIGHT and waiting >= FULL)

    def _leave(self) -> None:
        self._scheduled = False
        while self.queue and self._may_send():
            batch: list[_Waiting] = []
            while self.queue and len(batch) < BATCH:
                waiting = self.queue.popleft()
                if waiting.hear is not None:
                    batch.append(waiting)
            if batch:
                self._flying.append(batch)
                self._send(self, batch)

    def _watch(self) -> None:
        """Answer who has waited for too long. Everything is in order, so only the fronts need a look."""
        self._watching = bool(self.queue or self._flying)
        if not self._watching:
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() - PATIENCE_SECONDS
        late = [each for batch in (self.queue, *self._flying) for each in takewhile(lambda one: one.since <= latest, batch)]
        for waiting in late:  # who hears this may hand in something at once
            waiting.settle(_UNAVAILABLE)
        while self.queue and self.queue[0].hear is None:
            self.queue.popleft()
        loop.call_later(WATCH_SECONDS, self._watch)


async def _failed(error: Exception) -> bytes:
    raise error


def _pause(batch: list[_Waiting]) -> float:
    """How long these rest before they are sent again; longer each time."""
    for waiting in batch:
        waiting.tries += 1
    return min(FIRST_PAUSE * 1.5 ** min(waiting.tries for waiting in batch), LONGEST_PAUSE)
