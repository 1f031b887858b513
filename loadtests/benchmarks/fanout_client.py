"""The client of the fan-out comparison: a crowd of sockets on picows that posts, counts and times what arrives."""

import asyncio
import gc
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psutil
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from loadtests.benchmarks.fanout_servers import (
    CHANNELS,
    CLASS,
    LYCEUM,
    NCHAN,
    NODE,
    SOCKETIO,
    STARLETTE,
    WEBSOCKETS,
    chat,
)

TEXT_BYTES = 200
AT_ONCE = 20
PAUSE_SECONDS = 0.04  # longer than the gateway's window: messages one at a time share no frame
PATIENCE_SECONDS = 60.0
GOOD_SECONDS = 0.1
SEARCH_STEPS = 6
LEAST_RATE = 1.0
"""Posts a second: who cannot deliver so few in time delivers none in time, and a slower step would take minutes."""
_LONGEST_MS = 5_000
_MESSAGE = b"chat.posted"
_OPENING_AT_ONCE = 50


@dataclass(frozen=True)
class Dialect:
    """How a contender is spoken to: what to send on opening, by what to know that the subscription stands (nothing: by
    the handshake), how to post."""

    path: str
    opening: Callable[[int], Sequence[str]]
    standing: bytes
    post: Callable[[int, str], str]


def _hello(number: int) -> Sequence[str]:
    hello = {"type": "hello", "token": f"01910000-0000-7000-8000-{number:012d}"}
    return json.dumps(hello), json.dumps({"type": "subscribe", "id": "s", "topic": f"live:{CLASS}"})


def _command(number: int, text: str) -> str:
    args = {"sessionId": CLASS, "text": text}
    return json.dumps({"type": "command", "id": f"c{number}", "name": "chat.post", "args": args})


_PLAIN = Dialect("/ws", lambda _: (), b'"ready"', lambda _, text: text)
_SOCKETIO = Dialect(
    "/socket.io/?EIO=4&transport=websocket", lambda _: ("40",), b"40{", lambda _, text: "42" + json.dumps(["post", text])
)
DIALECTS = {
    LYCEUM: Dialect("/ws", _hello, b'"subscribed"', _command),
    STARLETTE: _PLAIN,
    WEBSOCKETS: _PLAIN,
    CHANNELS: _PLAIN,
    # It passes on what it is given, so the client makes the message that others make on the server.
    NCHAN: Dialect("/ws", lambda _: (), b"", lambda _, text: json.dumps(chat(text))),
    SOCKETIO: _SOCKETIO,
    NODE: _SOCKETIO,
}


class Crowd:
    """All subscribers of one turn; counts what they get, and how long after it was due to be posted."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.sockets: list[WSTransport] = []
        self.standing = 0
        self.delivered = 0
        self.waits = [0] * (_LONGEST_MS + 1)
        self._posted_at: list[float] = []
        self._awaited = 0
        self._reached = asyncio.Event()

    async def open(self, url: str, subscribers: int) -> None:
        """Connect everybody and wait until every subscription stands. Raises TimeoutError."""

        async def open_one(number: int) -> None:
            transport, _ = await ws_connect(
                lambda: Subscriber(self, number), url + self.dialect.path, websocket_handshake_timeout=PATIENCE_SECONDS
            )
            self.sockets.append(transport)

        for start in range(0, subscribers, _OPENING_AT_ONCE):
            await asyncio.gather(*(open_one(number) for number in range(start, min(start + _OPENING_AT_ONCE, subscribers))))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.standing < subscribers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {self.standing} of {subscribers} subscriptions stand")
            await asyncio.sleep(0.05)

    @property
    def posted(self) -> int:
        """Messages so far; each is to reach everybody."""
        return len(self._posted_at)

    def post(self, due: float) -> None:
        """Another message, from the next subscriber in turn; it was to be posted at `due`."""
        self._posted_at.append(due)
        text = f"{self.posted:06d}".ljust(TEXT_BYTES, "x")
        sender = self.sockets[self.posted % len(self.sockets)]
        sender.send(WSMsgType.TEXT, self.dialect.post(self.posted, text))

    def hear(self, first: int, messages: int) -> None:
        """A subscriber got so many more messages after `first`. They are timed by their order: two that were posted in the
        same moment from different sockets may be taken for each other."""
        now = time.perf_counter()
        for posted_at in self._posted_at[first : first + messages]:
            self.waits[min(int((now - posted_at) * 1_000), _LONGEST_MS)] += 1
        self.delivered += messages
        if self.delivered >= self._awaited:
            self._reached.set()

    async def arrive(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Until everything posted has reached everybody. Raises TimeoutError."""
        self._awaited = self.posted * len(self.sockets)
        self._reached.clear()
        if self.delivered < self._awaited:
            async with asyncio.timeout(patience_seconds):
                await self._reached.wait()

    def most_within(self) -> float:
        """The seconds within which 99 % of the deliveries since the last call came."""
        waits, self.waits = self.waits, [0] * (_LONGEST_MS + 1)
        left = math.ceil(sum(waits) * 0.99)
        for milliseconds, count in enumerate(waits):
            left -= count
            if left <= 0:
                return (milliseconds + 1) / 1_000
        return _LONGEST_MS / 1_000


class Subscriber(WSListener):
    """One socket of the crowd."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._stands = False
        self._heard = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        if not self._crowd.dialect.standing:
            self._stand()
        for frame in self._crowd.dialect.opening(self._number):
            transport.send(WSMsgType.TEXT, frame)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if self._stands:
            messages = payload.count(_MESSAGE)
            if messages:
                self._crowd.hear(self._heard, messages)
                self._heard += messages
        elif self._crowd.dialect.standing in payload:
            self._stand()
        if payload == b"2":  # Engine.IO's ping
            transport.send(WSMsgType.TEXT, b"3")

    def _stand(self) -> None:
        self._stands = True
        self._crowd.standing += 1


@dataclass(frozen=True)
class Step:
    """What posting at one rate came to."""

    posts_a_second: float
    delivered_a_second: float
    most_within: float
    generator_share: float
    machine_idle: float

    @property
    def is_good(self) -> bool:
        """Whether 99 % came within a tenth of a second."""
        return self.most_within <= GOOD_SECONDS


async def drive(kind: str, port: int, subscribers: int, pids: Sequence[int], seconds: float) -> dict[str, Any]:
    """One turn: connect, warm up, post one at a time, post in bursts, then look for the highest rate at which 99 % come
    within a tenth of a second."""
    crowd = Crowd(DIALECTS[kind])
    await crowd.open(f"ws://127.0.0.1:{port}", subscribers)
    gc.freeze()
    await _repeat(crowd, pids, 0, 1)
    single = await _repeat(crowd, pids, seconds, 1)
    burst = await _repeat(crowd, pids, seconds, AT_ONCE)
    steps = await _search(crowd, burst["delivered"] / burst["seconds"] / subscribers, seconds)
    if crowd.delivered != crowd.posted * subscribers:
        raise RuntimeError(f"{kind}: {crowd.delivered} deliveries of {crowd.posted * subscribers}")
    return {"single": single, "burst": burst, "steps": [asdict(step) for step in steps]}


async def _repeat(crowd: Crowd, pids: Sequence[int], seconds: float, at_once: int) -> dict[str, float]:
    """Post `at_once`, wait until all have all, pause, again, for so long. CPU-seconds of the server and of this client."""
    server, own, before, start = cpu_of(pids), time.process_time(), crowd.delivered, time.perf_counter()
    while True:
        for _ in range(at_once):
            crowd.post(time.perf_counter())
        await crowd.arrive()
        await asyncio.sleep(PAUSE_SECONDS)
        if time.perf_counter() - start >= seconds:
            break
    return {
        "delivered": crowd.delivered - before,
        "cpu": cpu_of(pids) - server,
        "generator": time.process_time() - own,
        "seconds": time.perf_counter() - start,
    }


async def _search(crowd: Crowd, guess: float, seconds: float) -> list[Step]:
    """Rates around a guess in posts a second: up by half while it goes well, down by half until it does, or there is
    hardly any left, once between."""
    steps: list[Step] = []
    good, bad, rate = 0.0, math.inf, max(guess * 0.7, LEAST_RATE)
    while len(steps) < SEARCH_STEPS and bad > good * 1.15 and rate >= LEAST_RATE:
        step = await _steady(crowd, rate, seconds)
        steps.append(step)
        if step.is_good:
            good = rate
            rate = rate * 1.5 if math.isinf(bad) else (good + bad) / 2
        else:
            bad = rate
            rate = rate / 2 if good == 0 else (good + bad) / 2
    return steps


async def _steady(crowd: Crowd, rate: float, seconds: float) -> Step:
    """Post evenly, whatever comes back, and wait for the rest."""
    crowd.most_within()
    times, own, before = psutil.cpu_times(), time.process_time(), crowd.delivered
    start = time.perf_counter()
    for number in range(max(8, int(rate * seconds))):
        due = start + number / rate
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        crowd.post(due)
    await crowd.arrive()
    took = time.perf_counter() - start
    now = psutil.cpu_times()
    idle = (now.idle - times.idle) / max(sum(now) - sum(times), 0.001)
    share = (time.process_time() - own) / took
    return Step(rate, (crowd.delivered - before) / took, crowd.most_within(), share, idle)


def cpu_of(pids: Sequence[int]) -> float:
    """Processor seconds of these processes and all below them."""
    return sum(times.user + times.system for pid in pids for process in family(pid) for times in (process.cpu_times(),))


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
