"""What leaves a host for the gateways: in order, two parcels under way at most, the rest put together meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from actors.envelopes import Parcel, pack

UNDER_WAY = 2
WAITING_EVENTS = 50_000
DELIVER_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class GatewayAway(Exception):
    """A gateway did not take a parcel."""


class GatewayTransport(Protocol):
    """Carries one parcel to one gateway."""

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """Hand it over; parcels of one host arrive in the order of these calls. Raises GatewayAway."""
        ...


class Outgoing:
    """One queue a gateway. A gateway that does not keep up, or is away, loses its queue: it finds the hole by the
    offsets and catches up by itself."""

    def __init__(self, transport: GatewayTransport) -> None:
        self._transport = transport
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, gateway: str, parcel: Parcel) -> None:
        """Take a parcel for a gateway; never waits."""
        queue = self._queues.get(gateway)
        if queue is None:
            queue = self._queues[gateway] = _Queue(gateway, self._transport, self._spawn)
        queue.add(parcel)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Queue:
    def __init__(
        self, gateway: str, transport: GatewayTransport, spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._gateway = gateway
        self._transport = transport
        self._spawn = spawn
        self._waiting: list[Parcel] = []
        self._events = 0
        self._under_way = 0

    def add(self, parcel: Parcel) -> None:
        self._waiting.append(parcel)
        self._events += sum(len(batch.events) for batch in parcel.batches)
        if self._events > WAITING_EVENTS:
            _log.warning("gateway_slow", gateway=self._gateway, events=self._events)
            self._clear()
        elif self._under_way < UNDER_WAY:
            self._leave()

    def _leave(self) -> None:
        parcels = self._waiting
        self._clear()
        self._under_way += 1
        self._spawn(self._deliver(_together(parcels)))

    def _clear(self) -> None:
        self._waiting, self._events = [], 0

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            async with asyncio.timeout(DELIVER_SECONDS):
                await self._transport.deliver(self._gateway, pack(parcel))
        except (GatewayAway, TimeoutError) as error:
            _log.info("gateway_away", gateway=self._gateway, reason=str(error)[:200])
            self._clear()
        finally:
            self._under_way -= 1
            if self._waiting and self._under_way < UNDER_WAY:
                self._leave()


def _together(parcels: list[Parcel]) -> Parcel:
    if len(parcels) == 1:
        return parcels[0]
    return Parcel(
        parcels[-1].host,
        parcels[-1].host_run,
        [batch for parcel in parcels for batch in parcel.batches],
        [eviction for parcel in parcels for eviction in parcel.evictions],
        [topic for parcel in parcels for topic in parcel.resync],
    )
