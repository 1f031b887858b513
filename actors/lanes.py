"""What waits for one host: in order, few calls under way, and an eye on a host that falls silent."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import takewhile

import structlog

from actors.envelopes import LATER, Envelope, Reply
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
PATIENCE_SECONDS = 8.0
SILENT_SECONDS = 1.0
"""A host answers within half a second, if only `Later`. One that has not after a whole one may be gone."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.15
WATCH_SECONDS = 0.25

UNAVAILABLE = Refused(Unavailable())

_log = structlog.get_logger(__name__)

Hear = Callable[[Reply], None]


class Waiting:
    """An envelope that wants an answer; `number` is its place in the order in which all were handed in. Only the call with
    which it left last may answer it."""

    __slots__ = ("envelope", "flight", "hear", "number", "renew", "since", "ticket", "tries")

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
        self.flight: Flight | None = None

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


class Flight:
    """One call under way."""

    __slots__ = ("batch", "sent_at")

    def __init__(self, batch: list[Waiting], sent_at: float) -> None:
        self.batch = batch
        self.sent_at = sent_at

    @property
    def mine(self) -> list[Waiting]:
        """Those of the batch that were not sent by another call since."""
        return [waiting for waiting in self.batch if waiting.flight is self]


class Lane:
    """What waits for one host, in order. While the host is away one call at a time knocks, so that nothing overtakes.
    `doubt` is called every moment while the host is away or silent."""

    def __init__(self, host: str, send: "Callable[[Lane, Flight], None]", doubt: "Callable[[Lane], None]") -> None:
        self.host = host
        self.queue: deque[Waiting] = deque()
        self._send = send
        self._doubt = doubt
        self._flying: list[Flight] = []
        self._scheduled = False
        self._watching = False
        self._resting = False
        self._is_away = False
        self._pause = FIRST_PAUSE

    @property
    def is_suspect(self) -> bool:
        """Whether the host is away or silent, as far as is known here."""
        return self._is_away or self._silent(asyncio.get_running_loop().time() - SILENT_SECONDS)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits here, and nothing is under way."""
        return not self.queue and not self._flying

    def add(self, waiting: Waiting) -> None:
        """To the end."""
        self.queue.append(waiting)
        if len(self.queue) >= FULL and self._may_send():
            self._leave()
        else:
            self._schedule()
        if not self._watching:
            self._watch()

    def put_back(self, batch: Iterable[Waiting]) -> None:
        """To where they were in the order."""
        self.queue = deque(sorted([*batch, *self.queue], key=lambda waiting: waiting.number))
        self._schedule()
        if not self._watching:
            self._watch()

    def answered(self, flight: Flight) -> None:
        """The host took the batch."""
        if self._is_away:
            _log.info("host_back", host=self.host)
        self._is_away = False
        self._pause = FIRST_PAUSE
        self._land(flight)
        self._leave()

    def failed(self, flight: Flight, reason: str) -> None:
        """Nobody knows what became of the batch: it goes again, after a rest."""
        if not self._is_away:
            _log.warning("host_away", host=self.host, reason=reason[:200])
        self._is_away = True
        self._land(flight)
        batch = flight.mine
        for waiting in batch:
            waiting.ticket = None
        if not self._resting:
            self._resting = True
            self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
            asyncio.get_running_loop().call_later(self._pause, self._rested)
        self.put_back(batch)
        self._doubt(self)

    def give_up(self, is_elsewhere: Callable[[Waiting], bool]) -> list[Waiting]:
        """Those that wait for another host now, also out of calls that it is silent about."""
        given_up = [waiting for waiting in self.queue if is_elsewhere(waiting)]
        if given_up:
            self.queue = deque(waiting for waiting in self.queue if not is_elsewhere(waiting))
        latest = asyncio.get_running_loop().time() - SILENT_SECONDS
        for flight in [flight for flight in self._flying if flight.sent_at <= latest]:
            lost = [waiting for waiting in flight.mine if waiting.hear is not None and is_elsewhere(waiting)]
            for waiting in lost:
                waiting.flight = None
            given_up += lost
            if not any(waiting.hear is not None for waiting in flight.mine):
                self._flying.remove(flight)  # whatever comes of it, nobody waits for it
        return given_up

    def _land(self, flight: Flight) -> None:
        if flight in self._flying:
            self._flying.remove(flight)

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
            batch: list[Waiting] = []
            flight = Flight(batch, asyncio.get_running_loop().time())
            while self.queue and len(batch) < BATCH:
                waiting = self.queue.popleft()
                if waiting.hear is not None:
                    waiting.flight = flight
                    batch.append(waiting)
            if batch:
                self._flying.append(flight)
                self._send(self, flight)

    def _silent(self, latest: float) -> bool:
        return any(flight.sent_at <= latest for flight in self._flying)

    def _watch(self) -> None:
        """Answer who has waited for too long. Everything is in order, so only the fronts need a look."""
        self._watching = bool(self.queue or self._flying)
        if not self._watching:
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() - PATIENCE_SECONDS
        batches = [self.queue, *(flight.batch for flight in self._flying)]
        late = [each for batch in batches for each in takewhile(lambda one: one.since <= latest, batch)]
        for waiting in late:  # who hears this may hand in something at once
            waiting.settle(UNAVAILABLE)
        while self.queue and self.queue[0].hear is None:
            self.queue.popleft()
        if self.is_suspect:
            self._doubt(self)
        loop.call_later(WATCH_SECONDS, self._watch)
