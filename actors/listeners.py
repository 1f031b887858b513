"""The gateways as a host knows them: which of them live, and what they are sent."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import structlog

from actors.envelopes import EvictNotice, Parcel
from classroom.ids import Topic
from classroom.ports import Batch

SILENT_SECONDS = 10.0
"""How long a gateway may say nothing before its sockets are taken for lost."""
EVICTIONS_KEPT = 1_000
GONE_KEPT = 100
"""Of so many gateways that fell silent it is remembered what they are still to be told, should they come back."""

_log = structlog.get_logger(__name__)


class Sender(Protocol):
    """The way to the gateways."""

    def send(self, gateway: str, parcel: Parcel) -> None:
        """Hand a parcel to a gateway. Never waits."""
        ...

    def lost(self, gateway: str) -> int:
        """How often something for this gateway did not arrive."""
        ...

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        """Try nothing more for a gateway; the evictions of which it is not known that they arrived."""
        ...


@dataclass(frozen=True)
class _Gone:
    """A gateway that fell silent, and may come back."""

    run: str
    at: float
    owed: Sequence[EvictNotice]


class Listeners:
    """Gathers what one turn of the loop has for each gateway into one parcel."""

    def __init__(self, host: str, host_run: str, sender: Sender) -> None:
        self._host = host
        self._host_run = host_run
        self._sender = sender
        self._alive: dict[str, tuple[str, float]] = {}
        self._strangers: dict[str, float] = {}
        self._gone: dict[str, _Gone] = {}
        self._comings: dict[str, int] = {}
        self._numbers = count()
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
        self._strangers.pop(gateway, None)
        self._comings[gateway] = next(self._numbers)
        gone = self._gone.pop(gateway, None)
        if gone is not None and gone.run == run:  # with the sockets that it had
            due = [*gone.owed, *(notice for at, notice in self._evictions if at >= gone.at)]
        else:  # it may have been between two runs, or two hosts, when these were sent
            due = [notice for at, notice in self._evictions if now - at <= SILENT_SECONDS]
        if due:
            self._post(gateway)[1].extend(due)
        return True

    def token(self, gateway: str) -> str:
        """Changes whenever the gateway has to follow its topics, and name its sockets, anew: the host is a new one, has
        taken it for dead, or something for it did not arrive."""
        return f"{self._host_run}.{self._comings.get(gateway, 0)}.{self._sender.lost(gateway)}"

    def forget_silent(self) -> list[str]:
        """The gateways that have been silent for too long; they are forgotten. Who follows something and never said that it
        lives is one of them."""
        now = asyncio.get_running_loop().time()
        silent = [gateway for gateway, (_, seen) in self._alive.items() if now - seen > SILENT_SECONDS]
        strange = [gateway for gateway, met in self._strangers.items() if now - met > SILENT_SECONDS]
        for gateway in silent:
            run, _ = self._alive.pop(gateway)
            del self._comings[gateway]
            self._gone[gateway] = _Gone(run, now, self._let_go(gateway))
            _log.warning("gateway_silent", host=self._host, gateway=gateway)
        for gateway in strange:
            del self._strangers[gateway]
            self._let_go(gateway)
        while len(self._gone) > GONE_KEPT:
            del self._gone[next(iter(self._gone))]
        return silent + strange

    def _let_go(self, gateway: str) -> Sequence[EvictNotice]:
        _, evictions, _ = self._parcels.pop(gateway, ([], [], []))
        return [*self._sender.forget(gateway), *evictions]

    def pardon(self) -> None:
        """Hold no silence against anybody: it was this host that did not listen."""
        now = asyncio.get_running_loop().time()
        self._alive = {gateway: (run, now) for gateway, (run, _) in self._alive.items()}
        self._strangers = dict.fromkeys(self._strangers, now)

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
        self._strangers.clear()

    def _post(self, gateway: str) -> tuple[list[Batch], list[EvictNotice], list[Topic]]:
        if not self._parcels:
            asyncio.get_running_loop().call_soon(self._flush)
        if gateway not in self._alive and gateway not in self._strangers:
            self._strangers[gateway] = asyncio.get_running_loop().time()
        return self._parcels.setdefault(gateway, ([], [], []))

    def _flush(self) -> None:
        parcels, self._parcels = self._parcels, {}
        for gateway, parcel in parcels.items():
            self._sender.send(gateway, Parcel(self._host, self._host_run, *parcel))
