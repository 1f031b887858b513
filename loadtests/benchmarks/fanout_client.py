"""The client of the fan-out comparison: a crowd of sockets on picows that posts, counts and times what arrives."""

import asyncio
import gc
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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
from loadtests.benchmarks.machine import Meter
from loadtests.benchmarks.servers import ServiceFailed

TEXT_BYTES = 200
AT_ONCE = 20
RATE_AT_ONCE = 5
"""Posts of a burst where a rate is looked for: 20 for thousands take longer than 100 ms to deliver, whoever does it."""
PAUSE_SECONDS = 0.03  # longer than the gateway's window: messages one at a time share no frame
PATIENCE_SECONDS = 30.0
GOOD_SECONDS = 0.1
ENOUGH_CPU = 0.5
"""Processor seconds of the server after which a way of posting has been measured: the kernel counts in hundredths."""
LONGEST_WAY = 8.0
"""Seconds of one message or one burst at a time, at the most."""
LONGEST_BURST = 10.0
"""Seconds: whose bursts would take longer, judged by messages one at a time, is not measured in bursts."""
SEARCH_STEPS = 8
SEARCH_TURNS = 5
"""No further step of a search begins after as many times the seconds of a step."""
MOST_FROM_A_SOCKET = 40.0
"""Posts a second: our gateway refuses a person more than 50, and nobody else is asked for more either."""
LEAST_RATE = 1.0
"""Posts or bursts a second: who cannot deliver so few in time delivers none in time, and a slower step takes minutes."""
SINGLE, BURST, PACED, BURSTS = "single", "burst", "paced", "bursts"
"""One at a time and a burst at a time, with a pause after each; evenly, and in bursts that come evenly, for the highest
rate."""
_LEAST_POSTS = {1: 8, RATE_AT_ONCE: 4}
"""How often somebody posts in a step of a search, at the least."""
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
        self.subscribers: list[Subscriber] = []
        self.standing = 0
        self.delivered = 0
        self.waits = [0] * (_LONGEST_MS + 1)
        self._posted_at: list[float] = []
        self._awaited = 0
        self._reached = asyncio.Event()

    async def open(self, url: str, subscribers: int) -> None:
        """Connect everybody and wait until every subscription stands. Raises TimeoutError."""

        async def open_one(number: int) -> None:
            transport, subscriber = await ws_connect(
                lambda: Subscriber(self, number), url + self.dialect.path, websocket_handshake_timeout=PATIENCE_SECONDS
            )
            assert isinstance(subscriber, Subscriber)
            self.sockets.append(transport)
            self.subscribers.append(subscriber)

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
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._reached.wait()
            except TimeoutError as late:
                raise TimeoutError(
                    f"{self._awaited - self.delivered:,} of {self._awaited:,} deliveries had not come after "
                    f"{patience_seconds:.0f} s"
                ) from late
        self.check()

    def check(self) -> None:
        """Every socket got every message, none more often. Raises ServiceFailed."""
        wrong = [subscriber.heard for subscriber in self.subscribers if subscriber.heard != self.posted]
        if wrong:
            raise ServiceFailed(f"{len(wrong)} sockets got not {self.posted:,} messages but, for example, {wrong[0]:,}")

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
        self.heard = 0

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
                self._crowd.hear(self.heard, messages)
                self.heard += messages
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


async def drive(
    kind: str, port: int, subscribers: int, pids: Sequence[int], seconds: float, enough_cpu: float = ENOUGH_CPU
) -> dict[str, Any]:
    """One turn: connect, warm up, post one at a time, post in bursts, then look for the highest rates at which 99 % come
    within a tenth of a second, evenly and in bursts. Whatever fails ends the turn; what was measured before counts, and
    `fault` says why there is no more."""
    crowd = Crowd(DIALECTS[kind])
    said: dict[str, Any] = {"fault": ""}
    try:
        await crowd.open(f"ws://127.0.0.1:{port}", subscribers)
        gc.freeze()
        warm = await _repeat(crowd, pids, 0, 0, 1)
        single = said[SINGLE] = await _repeat(crowd, pids, seconds, enough_cpu, 1)
        if warm["longest"] * AT_ONCE > LONGEST_BURST and single["longest"] * AT_ONCE > LONGEST_BURST:
            said["fault"] = f"a burst of {AT_ONCE} would take more than {LONGEST_BURST:.0f} s: only posted one at a time"
            return said
        burst = said[BURST] = await _repeat(crowd, pids, seconds, enough_cpu, AT_ONCE)
        guess = burst["delivered"] / burst["waited"] / subscribers
        said[PACED] = [asdict(step) for step in await _search(crowd, guess, seconds, 1)]
        said[BURSTS] = [asdict(step) for step in await _search(crowd, guess, seconds, RATE_AT_ONCE)]
    except (OSError, ServiceFailed) as fault:
        said["fault"] = str(fault) or type(fault).__name__
    return said


async def _repeat(crowd: Crowd, pids: Sequence[int], seconds: float, enough_cpu: float, at_once: int) -> dict[str, float]:
    """Post `at_once`, wait until all have all, pause, again, for so long and until the server has used so much processor
    time. What server and client used, how long was waited without the pauses, and how long at most."""
    meter, before = Meter(pids), crowd.delivered
    waited, longest, look = 0.0, 0.0, seconds
    while True:
        posted_at = time.perf_counter()
        for _ in range(at_once):
            crowd.post(time.perf_counter())
        await crowd.arrive()
        took = time.perf_counter() - posted_at
        waited, longest = waited + took, max(longest, took)
        await asyncio.sleep(PAUSE_SECONDS)
        gone = meter.seconds
        if gone >= LONGEST_WAY or (gone >= look and meter.read().service_cpu >= enough_cpu):
            break
        if gone >= look:
            look = gone + 0.5  # reading looks at all processes of the machine
    usage = meter.read()
    return {
        "delivered": crowd.delivered - before,
        "cpu": usage.service_cpu,
        "generator": usage.generator_cpu,
        "seconds": usage.seconds,
        "waited": waited,
        "longest": longest,
    }


async def _search(crowd: Crowd, guess: float, seconds: float, at_once: int) -> list[Step]:
    """Rates around a guess in posts a second: up by half while it goes well, down by half until it does, or there is
    hardly any left, then between."""
    steps: list[Step] = []
    good, bad, rate = 0.0, math.inf, max(guess * 0.7 / at_once, LEAST_RATE)
    most = MOST_FROM_A_SOCKET * len(crowd.sockets) / at_once
    until = time.perf_counter() + seconds * SEARCH_TURNS
    while len(steps) < SEARCH_STEPS and bad > good * 1.15 and good < most and rate >= LEAST_RATE:
        if steps and time.perf_counter() > until:
            break
        rate = min(rate, most)
        step = await _steady(crowd, rate, seconds, at_once)
        steps.append(step)
        if step.is_good:
            good = rate
            rate = rate * 1.5 if math.isinf(bad) else (good + bad) / 2
        else:
            bad = rate
            rate = rate / 2 if good == 0 else (good + bad) / 2
    return steps


async def _steady(crowd: Crowd, rate: float, seconds: float, at_once: int) -> Step:
    """Post so many at once, evenly, whatever comes back, and wait for the rest."""
    crowd.most_within()
    meter, before, start = Meter(()), crowd.delivered, time.perf_counter()
    for number in range(max(_LEAST_POSTS[at_once], int(rate * seconds))):
        due = start + number / rate
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        for _ in range(at_once):
            crowd.post(due)
    await crowd.arrive()
    usage = meter.read()
    delivered = (crowd.delivered - before) / usage.seconds
    return Step(rate * at_once, delivered, crowd.most_within(), usage.generator_share, usage.machine_idle)
