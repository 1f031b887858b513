"""The way from any process to the owner of a grain: gathers, sends, retries with the same ids, and learns who owns what."""

import asyncio
from collections import deque
from itertools import count
from typing import NamedTuple, Protocol
from uuid import uuid4

import structlog

from actors.envelopes import Envelope, NotOwner, Reply, pack_envelopes, unpack_replies
from actors.shards import assign, host_names, shard_of
from classroom.answers import Refused
from classroom.refusals import Unavailable

IN_FLIGHT = 3
BATCH = 2_000
WAITING = 50_000
PATIENCE_SECONDS = 8.0
CALL_SECONDS = 10.0
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.4

_log = structlog.get_logger(__name__)


class HostAway(Exception):
    """A host did not answer. What was sent may or may not have been done."""


class HostTransport(Protocol):
    """Carries one batch to one host."""

    async def call(self, host: str, payload: bytes) -> bytes:
        """The host's packed replies to packed envelopes. Raises HostAway."""
        ...


class _Waiting(NamedTuple):
    envelope: Envelope
    answer: "asyncio.Future[Reply]"
    until: float


class Dispatcher:
    """Sends envelopes to the hosts of their grains.

    All envelopes of one turn of the loop leave in one call a host; while three calls to a host are under way, more
    gather (at most 50,000). An envelope whose host is away, or that met the wrong host, is sent again with the same
    command id for eight seconds, then answered `Unavailable`.
    """

    def __init__(self, transport: HostTransport, hosts: int) -> None:
        self._transport = transport
        self._owners = assign(host_names(hosts))
        self._lanes = {host: _Lane(self, host) for host in host_names(hosts)}
        self._run = uuid4().hex
        self._numbers = count()
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

    def submit(self, envelope: Envelope) -> "asyncio.Future[Reply]":
        """The owner's answer to come, within eight seconds; costs no task. The future never raises."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(envelope, loop.create_future(), loop.time() + PATIENCE_SECONDS)
        self._route(waiting)
        return waiting.answer

    async def execute(self, envelope: Envelope) -> Reply:
        """The owner's answer, within eight seconds."""
        return await self.submit(envelope)

    def _route(self, waiting: _Waiting) -> None:
        lane = self._lanes[self.owner(waiting.envelope.kind, waiting.envelope.grain_id)]
        if len(lane.queue) >= WAITING:
            _settle(waiting, Refused(Unavailable()))
            return
        lane.add(waiting)

    def spawn(self, lane: "_Lane", batch: list[_Waiting]) -> None:
        """Send one batch of a lane."""
        task = asyncio.get_running_loop().create_task(self._send(lane, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, lane: "_Lane", batch: list[_Waiting]) -> None:
        replies: list[Reply] | None = None
        try:
            async with asyncio.timeout(CALL_SECONDS):
                packed = await self._transport.call(lane.host, pack_envelopes([waiting.envelope for waiting in batch]))
            replies = unpack_replies(packed)
        except (HostAway, TimeoutError) as error:
            lane.away(str(error))
        finally:
            lane.returned()
        again: list[_Waiting] = batch if replies is None else []
        for waiting, reply in zip(batch, replies or (), strict=False):
            if isinstance(reply, NotOwner):
                if reply.owner in self._lanes:
                    self._owners[reply.shard_id] = reply.owner
                again.append(waiting)
            else:
                _settle(waiting, reply)
        if replies is not None and not again:
            lane.well()
        if again:
            await self._retry(lane, again)

    async def _retry(self, lane: "_Lane", batch: list[_Waiting]) -> None:
        await asyncio.sleep(lane.pause())
        now = asyncio.get_running_loop().time()
        for waiting in batch:
            if waiting.until <= now:
                _settle(waiting, Refused(Unavailable()))
            elif not waiting.answer.done():
                self._route(waiting)


class _Lane:
    """What waits for one host, in order."""

    def __init__(self, dispatcher: Dispatcher, host: str) -> None:
        self.host = host
        self.queue: deque[_Waiting] = deque()
        self._dispatcher = dispatcher
        self._flying = 0
        self._scheduled = False
        self._pause = FIRST_PAUSE
        self._is_away = False

    def add(self, waiting: _Waiting) -> None:
        self.queue.append(waiting)
        if not self._scheduled and self._flying < IN_FLIGHT:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._scheduled = False
        while self.queue and self._flying < IN_FLIGHT:
            batch = [self.queue.popleft() for _ in range(min(BATCH, len(self.queue)))]
            self._flying += 1
            self._dispatcher.spawn(self, batch)

    def returned(self) -> None:
        self._flying -= 1
        if self.queue:
            self._leave()

    def away(self, reason: str) -> None:
        if not self._is_away:
            _log.warning("host_away", host=self.host, reason=reason[:200])
        self._is_away = True

    def well(self) -> None:
        if self._is_away:
            _log.info("host_back", host=self.host)
        self._is_away = False
        self._pause = FIRST_PAUSE

    def pause(self) -> float:
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
        return self._pause


def _settle(waiting: _Waiting, reply: Reply) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(reply)
