"""The gateways as a host knows them: which of them live, and what they are sent."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from actors.envelopes import EvictNotice, Parcel
from classroom.ids import Topic
from classroom.ports import Batch

SILENT_SECONDS = 10.0
"""How long a gateway may say nothing before its sockets are taken for lost."""
EVICTIONS_KEPT = 1_000

_log = structlog.get_logger(__name__)


class Sender(Protocol):
    """The way to the gateways."""

    def send(self, gateway: str, parcel: Parcel) -> None:
        """Hand a parcel to a gateway. Never waits."""
        ...

    def lost(self, gateway: str) -> int:
        """How often something for this gateway did not arrive."""
        ...


class Listeners:
    """Gathers what one turn of the loop has for each gateway into one parcel."""

    def __init__(self, host: str, host_run: str, sender: Sender) -> None:
        self._host = host
        self._host_run = host_run
        self._sender = sender
        self._alive: dict[str, tuple[str, float]] = {}
        self._forgotten: Counter[str] = Counter()
        self._evictions: deque[tuple[float, EvictNotice]] = deque(maxlen=EVICTIONS_KEPT)
        self._parcels: dict[str, tuple[list[Batch], list[EvictNotice], list[Topic]]] = {}

    @property
    def runs(self) -> frozenset[str]:
        """The runs of the gateways that live."""
        return frozenset(run for run, _ in self._alive.values())

    def attach(self, gateway: str, run: str) -> bool:
        """A gateway says that it lives, under which run. True when it is new here, or a new run: whatever an earlier run
        of it followed is followed no longer."""
        now = asyncio.get_running_loop().time()
        earlier = self._alive.get(gateway)
        self._alive[gateway] = (run, now)
        if earlier is not None and earlier[0] == run:
            return False
        # It may have been between two runs, or two hosts, when these were sent.
        recent = [notice for at, notice in self._evictions if now - at <= SILENT_SECONDS]
        if recent:
            self._post(gateway)[1].extend(recent)
        return True

    def token(self, gateway: str) -> str:
        """Changes whenever the gateway has to follow its topics, and name its sockets, anew: the host is a new one, has
        taken it for dead, or something for it did not arrive."""
        return f"{self._host_run}.{self._forgotten[gateway]}.{self._sender.lost(gateway)}"

    def forget_silent(self) -> list[str]:
        """The gateways that have been silent for too long; they are forgotten."""
        now = asyncio.get_running_loop().time()
        silent = [gateway for gateway, (_, seen) in self._alive.items() if now - seen > SILENT_SECONDS]
        for gateway in silent:
            del self._alive[gateway]
            self._forgotten[gateway] += 1
            _log.warning("gateway_silent", host=self._host, gateway=gateway)
        return silent

    def pardon(self) -> None:
        """Hold no silence against anybody: it was this host that did not listen."""
        now = asyncio.get_running_loop().time()
        self._alive = {gateway: (run, now) for gateway, (run, _) in self._alive.items()}

    def publish(self, gateway: str, batch: Batch) -> None:
        """Events of a topic that the gateway follows."""
        self._post(gateway)[0].append(batch)

    def resync(self, gateway: str, topic: Topic) -> None:
        """The grain of a topic that the gateway follows is gone from memory."""
        self._post(gateway)[2].append(topic)

    def evict(self, notices: Sequence[EvictNotice]) -> None:
        """Persons whom every gateway has to send away."""
        now = asyncio.get_running_loop().time()
        self._evictions.extend((now, notice) for notice in notices)
        for gateway in self._alive:
            self._post(gateway)[1].extend(notices)

    def close(self) -> None:
        """Send nothing more."""
        self._parcels.clear()
        self._alive.clear()

    def _post(self, gateway: str) -> tuple[list[Batch], list[EvictNotice], list[Topic]]:
        if not self._parcels:
            asyncio.get_running_loop().call_soon(self._flush)
        return self._parcels.setdefault(gateway, ([], [], []))

    def _flush(self) -> None:
        parcels, self._parcels = self._parcels, {}
        for gateway, parcel in parcels.items():
            self._sender.send(gateway, Parcel(self._host, self._host_run, *parcel))
