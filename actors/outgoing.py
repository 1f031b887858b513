"""What leaves a host for the gateways: in order, two parcels under way at most, the rest put together meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from actors.envelopes import EvictNotice, Parcel, pack

UNDER_WAY = 2
WAITING_EVENTS = 50_000
WAITING_EVICTIONS = 1_000
DELIVER_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class GatewayAway(Exception):
    """A gateway did not take a parcel."""


class GatewayTransport(Protocol):
    """Carries one parcel to one gateway."""

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """Hand it over; parcels of one host arrive in the order of these calls. Raises GatewayAway."""
        ...


class Outgoing:
    """One queue a gateway. A gateway that does not keep up, or is away, loses its queue, all but the evictions in it:
    `lost` tells, and it has to follow its topics anew. The evictions are tried again until the gateway is forgotten, and
    belong to whoever forgets it: the sockets that they speak of stay open as long as the gateway lives."""

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

    def lost(self, gateway: str) -> int:
        """How often something for this gateway did not arrive."""
        queue = self._queues.get(gateway)
        return queue.lost if queue is not None else 0

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        """Try nothing more for a gateway; the evictions of which it is not known that they arrived."""
        queue = self._queues.pop(gateway, None)
        return queue.close() if queue is not None else ()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Queue:
    def __init__(
        self, gateway: str, transport: GatewayTransport, spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self.lost = 0
        self._gateway = gateway
        self._transport = transport
        self._spawn = spawn
        self._waiting: list[Parcel] = []
        self._evictions: list[EvictNotice] = []
        self._events = 0
        self._under_way: list[Parcel] = []
        self._closed = False
        self._from = ("", "")
        self._pause = FIRST_PAUSE_SECONDS
        self._pausing = False

    def add(self, parcel: Parcel) -> None:
        self._waiting.append(parcel)
        self._from = (parcel.host, parcel.host_run)
        self._events += sum(len(batch.events) for batch in parcel.batches)
        if self._events > WAITING_EVENTS:
            _log.warning("gateway_slow", gateway=self._gateway, events=self._events)
            self._lose(self._waiting)
        elif len(self._under_way) < UNDER_WAY:
            self._leave()

    def close(self) -> Sequence[EvictNotice]:
        """End; what it still owes."""
        self._closed = True
        self._lose([*self._under_way, *self._waiting])
        return tuple(self._evictions)

    def _leave(self) -> None:
        parcel = _together(self._from, self._waiting, self._evictions)
        self._waiting, self._evictions, self._events = [], [], 0
        self._under_way.append(parcel)
        self._spawn(self._deliver(parcel))

    def _lose(self, parcels: Sequence[Parcel]) -> None:
        self.lost += any(parcel.batches or parcel.resync for parcel in parcels)
        self._evictions += [eviction for parcel in parcels for eviction in parcel.evictions]
        del self._evictions[:-WAITING_EVICTIONS]
        self._waiting, self._events = [], 0

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            async with asyncio.timeout(DELIVER_SECONDS):
                await self._transport.deliver(self._gateway, pack(parcel))
            self._pause = FIRST_PAUSE_SECONDS
        except (GatewayAway, TimeoutError) as error:
            _log.info("gateway_away", gateway=self._gateway, reason=str(error)[:200])
            self._lose([parcel, *self._waiting])
        except Exception:
            _log.exception("parcel_failed", gateway=self._gateway)
            self._lose([parcel, *self._waiting])
        finally:
            self._under_way = [each for each in self._under_way if each is not parcel]
            if self._waiting and len(self._under_way) < UNDER_WAY:
                self._leave()
            elif self._evictions and not self._pausing and not self._closed:
                self._pausing = True
                self._spawn(self._try_again())

    async def _try_again(self) -> None:
        """Evictions go with whatever leaves next; when nothing does, alone."""
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        self._pausing = False
        if self._evictions and not self._closed and len(self._under_way) < UNDER_WAY:
            self._leave()


def _together(sender: tuple[str, str], parcels: Sequence[Parcel], evictions: Sequence[EvictNotice]) -> Parcel:
    if len(parcels) == 1 and not evictions:
        return parcels[0]
    return Parcel(
        *sender,
        [batch for parcel in parcels for batch in parcel.batches],
        [*evictions, *(eviction for parcel in parcels for eviction in parcel.evictions)],
        [topic for parcel in parcels for topic in parcel.resync],
    )
