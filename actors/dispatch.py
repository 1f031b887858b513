"""The way from any process to the owner of a grain: gathers, sends, retries with the same ids, and learns who owns what."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Protocol
from uuid import uuid4

import structlog

from actors.envelopes import Envelope, Later, NotOwner, Reply, pack_envelopes, unpack_replies
from actors.inquiry import Discover, Inquiry
from actors.lanes import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE_SECONDS, UNAVAILABLE, Flight, Hear, Lane, Waiting
from actors.shards import assign, shard_of
from classroom.answers import Refused
from classroom.refusals import Unavailable

WAITING = 50_000
DROPPED_SECONDS = 2.0
"""How long a grain that was dropped is asked again before its `Unavailable` is passed on."""
LANES = 32
"""So many lanes stay though nothing is in them: who owned something once may do so again, and can be asked."""

_log = structlog.get_logger(__name__)


class HostAway(Exception):
    """A host did not answer. What was sent may or may not have been done."""


class HostTransport(Protocol):
    """Carries one batch to one host."""

    def call(self, host: str, payload: bytes) -> Awaitable[bytes]:
        """The host's packed replies to packed envelopes, which are on their way when this returns, if that is possible
        without waiting. Raises HostAway, now or when awaited."""
        ...


class Dispatcher:
    """Sends envelopes to the hosts of their grains.

    All envelopes of one turn of the loop leave in one call a host, or in several full ones; while a call to a host is under
    way, more gather (at most 50,000), and leave when they are many or when it returns. What a lost host was sent is sent
    again, with the same command ids and before everything that was handed in later; what a host answers `Later` is
    fetched later. After eight seconds it is `Unavailable`.

    `hosts` are those that are known at first. Others become known by what hosts answer; while one is away, or has been
    silent for a second, another is asked who owns its shards now; when that one says nothing either, `discover` finds out
    whom else to ask.
    """

    def __init__(self, transport: HostTransport, hosts: Sequence[str], discover: Discover | None = None) -> None:
        self._transport = transport
        self._owners = assign(hosts)
        self._lanes: dict[str, Lane] = {}
        self._inquiry = Inquiry(self._call, self._learn_of, discover)
        self._run = uuid4().hex
        self._numbers = count()
        self._handed_in = count()
        self._doubts = count()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the hosts that own something, as far as is known here."""
        return tuple(sorted(set(self._owners.values())))

    def owner(self, kind: str, grain_id: str) -> str:
        """The host that owns a grain, as far as is known here."""
        return self._owners[shard_of(kind, grain_id)]

    def learn(self, owners: Mapping[int, str]) -> None:
        """Who owns some shards now. What waits for others goes to them."""
        if any(self._owners[shard_id] != host for shard_id, host in owners.items()):
            self._owners.update(owners)
            for lane in list(self._lanes.values()):
                self._move_on(lane)

    def doubt(self, host: str) -> None:
        """Ask another host that lives who owns now what this one owned."""
        others = {*self._owners.values(), *(self._inquiry.found or self._lanes)} - {host}
        well = {each for each in others if each not in self._lanes or not self._lanes[each].is_suspect}
        # Who was away once, and has nothing to do since, is not seen to come back: now and then it is asked as well.
        self._inquiry.ask(host, sorted(well if well and next(self._doubts) % 3 else others))

    def fresh_command_id(self) -> str:
        """An id for a command that came without one, so that it can be retried."""
        return f"{self._run}:{next(self._numbers)}"

    def post(self, envelope: Envelope, hear: Hear, renew: Callable[[], Envelope] | None = None) -> None:
        """Have the owner answer: `hear` is called once, with its reply, within eight seconds, and never before this returns
        unless too many wait already. Costs neither a task nor a future.

        An envelope that is sent again may be overtaken by later ones. `renew` is for one that must be true when it leaves:
        it makes it anew, for the same grain, each time.
        """
        self._hand_in(Waiting(next(self._handed_in), envelope, hear, renew, asyncio.get_running_loop().time()))

    def submit(self, envelope: Envelope, renew: Callable[[], Envelope] | None = None) -> "asyncio.Future[Reply]":
        """`post` for who would rather await: the future never raises. Who stops waiting is not sent again."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()

        def hear(reply: Reply) -> None:
            if not answer.done():
                answer.set_result(reply)

        waiting = Waiting(next(self._handed_in), envelope, hear, renew, loop.time())
        answer.add_done_callback(lambda _: waiting.leave())
        self._hand_in(waiting)
        return answer

    async def execute(self, envelope: Envelope) -> Reply:
        """The owner's answer, within eight seconds."""
        return await self.submit(envelope)

    def _hand_in(self, waiting: Waiting) -> None:
        lane = self._lane(waiting)
        if len(lane.queue) >= WAITING:
            waiting.settle(UNAVAILABLE)
        else:
            lane.add(waiting)

    def _lane(self, waiting: Waiting) -> Lane:
        host = self.owner(waiting.envelope.kind, waiting.envelope.grain_id)
        lane = self._lanes.get(host)
        if lane is None:
            if len(self._lanes) >= LANES:
                self._drop_lanes()
            lane = self._lanes[host] = Lane(host, self._spawn, self._ask_others)
        return lane

    def _drop_lanes(self) -> None:
        """Those of hosts that own nothing, as far as is known here, and have nothing to do."""
        owners = {*self._owners.values()}
        self._lanes = {host: lane for host, lane in self._lanes.items() if host in owners or not lane.is_idle}

    def _is_elsewhere(self, host: str, waiting: Waiting) -> bool:
        return self.owner(waiting.envelope.kind, waiting.envelope.grain_id) != host

    def _move_on(self, lane: Lane) -> None:
        moved = lane.give_up(partial(self._is_elsewhere, lane.host))
        if moved:
            self._send_again(moved)

    def _ask_others(self, lane: Lane) -> None:
        self._move_on(lane)
        self.doubt(lane.host)

    def _call(self, host: str, payload: bytes) -> Awaitable[bytes]:
        return self._transport.call(host, payload)

    def _learn_of(self, suspect: str, owners: Mapping[int, str]) -> None:
        """Nobody's word counts for shards of hosts that answer for themselves."""
        self.learn({shard_id: host for shard_id, host in owners.items() if self._owners[shard_id] == suspect})

    def _spawn(self, lane: Lane, flight: Flight) -> None:
        call: Awaitable[bytes]
        try:
            call = self._transport.call(lane.host, pack_envelopes([waiting.outgoing for waiting in flight.batch]))
        except Exception as error:
            call = _failed(error)
        task = asyncio.get_running_loop().create_task(self._receive(lane, flight, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _receive(self, lane: Lane, flight: Flight, call: Awaitable[bytes]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                packed = await call
            replies = unpack_replies(packed)
            if len(replies) != len(flight.batch):
                raise ValueError(f"{len(replies)} replies to {len(flight.batch)} envelopes")
        except (HostAway, TimeoutError) as error:
            lane.failed(flight, str(error) or type(error).__name__)
        except Exception as error:
            _log.exception("host_call_failed", host=lane.host)
            lane.failed(flight, type(error).__name__)
        else:
            self._answer(lane, flight, replies)
            lane.answered(flight)

    def _answer(self, lane: Lane, flight: Flight, replies: list[Reply]) -> None:
        again: list[Waiting] = []
        late: list[Waiting] = []
        dropped = asyncio.get_running_loop().time() - DROPPED_SECONDS
        for waiting, reply in zip(flight.batch, replies, strict=True):
            if waiting.flight is not flight:
                continue  # sent to another host since
            if isinstance(reply, Later):
                waiting.ticket = reply.ticket
                late.append(waiting)
            elif isinstance(reply, NotOwner):
                if reply.owner is not None:
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

    def _send_again(self, batch: list[Waiting]) -> None:
        lanes: dict[Lane, list[Waiting]] = {}
        for waiting in batch:
            waiting.ticket = None
            lanes.setdefault(self._lane(waiting), []).append(waiting)
        for lane, mine in lanes.items():
            lane.put_back(mine)


async def _failed(error: Exception) -> bytes:
    raise error


def _pause(batch: list[Waiting]) -> float:
    """How long these rest before they are sent again; longer each time."""
    for waiting in batch:
        waiting.tries += 1
    return min(FIRST_PAUSE * 1.5 ** min(waiting.tries for waiting in batch), LONGEST_PAUSE)
