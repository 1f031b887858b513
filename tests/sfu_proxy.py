"""A bad network on one machine: a UDP proxy that loses, delays, repeats and reorders, by seed, direction and packet."""

import asyncio
import heapq
import random
import re
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Address = tuple[str, int]
UP, DOWN = "up", "down"
"""From clients to the server, and back."""
_MOST_CLIENTS = 1_000
_MOST_WAITING = 20_000
_READ_IN_A_TURN = 64


@dataclass(frozen=True)
class Weather:
    """What happens to the packets of one direction. Parts of one, and seconds; who is reordered waits `late` longer."""

    lost: float = 0.0
    repeated: float = 0.0
    reordered: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    late: float = 0.03


CALM = Weather()


@dataclass
class _Way:
    """One direction of one client: its chance, and where its packets leave. What becomes of its n-th packet depends on the
    seed, the client's number, the direction and n only."""

    name: str
    weather: Callable[[], Weather]
    chance: random.Random
    leave: Callable[[bytes], None]


@dataclass(order=True)
class _Waiting:
    due: float
    number: int
    way: _Way = field(compare=False)
    data: bytes = field(compare=False)


class Proxy:
    """Stands between any clients and one server's UDP port. Each client gets a port of its own towards the server, so that
    the server tells them apart. `weather` may be changed at any time."""

    def __init__(self, server: Address, seed: int, *, up: Weather = CALM, down: Weather = CALM) -> None:
        self.weather = {UP: up, DOWN: down}
        self.seen: Counter[str] = Counter()
        """`up` and `down`, and of each `up lost`, `up repeated`, `up reordered`; `overflown` and `too many clients`."""
        self.passed = asyncio.Event()
        """Set with each packet that is seen."""
        self._server, self._seed = server, seed
        self._socket = _udp(("127.0.0.1", 0))
        self.address: Address = self._socket.getsockname()
        self._clients: dict[Address, tuple[socket.socket, _Way]] = {}
        self._waiting: list[_Waiting] = []
        self._numbers = 0
        self._wake: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._from_clients)

    def through(self, sdp: str) -> str:
        """The server's answer with the proxy's address in place of its own."""
        host, port = self.address
        return re.sub(r"(a=candidate:\S+ \d+ udp \d+) \S+ \d+", rf"\1 {host} {port}", sdp, flags=re.IGNORECASE)

    def close(self) -> None:
        """Let go of all sockets; what still waits is lost."""
        if self._wake is not None:
            self._wake.cancel()
        for each in (self._socket, *(upstream for upstream, _ in self._clients.values())):
            self._loop.remove_reader(each.fileno())
            each.close()
        self._clients.clear()
        self._waiting.clear()

    def _from_clients(self) -> None:
        for _ in range(_READ_IN_A_TURN):
            try:
                data, client = self._socket.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            known = self._clients.get(client) or self._welcome(client)
            if known is not None:
                self._pass(known[1], data)

    def _welcome(self, client: Address) -> tuple[socket.socket, _Way] | None:
        if len(self._clients) >= _MOST_CLIENTS:
            self.seen["too many clients"] += 1
            return None
        upstream, number = _udp(("127.0.0.1", 0)), len(self._clients)
        up = self._way(UP, number, lambda data: _send(upstream, data, self._server))
        down = self._way(DOWN, number, lambda data: _send(self._socket, data, client))
        self._loop.add_reader(upstream.fileno(), self._from_server, upstream, down)
        self._clients[client] = upstream, up
        return upstream, up

    def _way(self, name: str, number: int, leave: Callable[[bytes], None]) -> _Way:
        return _Way(name, lambda: self.weather[name], random.Random(f"{self._seed}/{number}/{name}"), leave)

    def _from_server(self, upstream: socket.socket, down: _Way) -> None:
        for _ in range(_READ_IN_A_TURN):
            try:
                data = upstream.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._pass(down, data)

    def _pass(self, way: _Way, data: bytes) -> None:
        weather = way.weather()
        lost, repeated, reordered, jitter = (way.chance.random() for _ in range(4))  # always four: nothing shifts the others
        self.seen[way.name] += 1
        self.passed.set()
        if lost < weather.lost:
            self.seen[f"{way.name} lost"] += 1
            return
        delay = weather.delay + weather.jitter * jitter
        if reordered < weather.reordered:
            self.seen[f"{way.name} reordered"] += 1
            delay += weather.late
        self._leave(way, data, delay)
        if repeated < weather.repeated:
            self.seen[f"{way.name} repeated"] += 1
            self._leave(way, data, delay + weather.late / 2)

    def _leave(self, way: _Way, data: bytes, delay: float) -> None:
        if delay == 0:
            way.leave(data)
        elif len(self._waiting) >= _MOST_WAITING:
            self.seen["overflown"] += 1
        else:
            self._numbers += 1
            heapq.heappush(self._waiting, _Waiting(self._loop.time() + delay, self._numbers, way, data))
            self._sleep()

    def _sleep(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._loop.call_at(self._waiting[0].due, self._due) if self._waiting else None

    def _due(self) -> None:
        while self._waiting and self._waiting[0].due <= self._loop.time():
            each = heapq.heappop(self._waiting)
            each.way.leave(each.data)
        self._wake = None
        self._sleep()


def _udp(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, 4 * 2**20)
    made.bind(address)
    return made


def _send(made: socket.socket, data: bytes, address: Address) -> None:
    try:
        made.sendto(data, address)
    except (BlockingIOError, ConnectionRefusedError):
        return  # a network loses, too
