"""Delivered messages per CPU-second of the server: Lyceum's gateway against Starlette and python-socketio, in one run.

All contenders are one process each and take turns (A B C, C B A, …). The same client, in a process of its own, opens the
same number of sockets, which post 200-byte chat messages: first one at a time, then 20 at once. A turn counts only if every
socket got every message. Lyceum does all it does in a class: offsets, a ring to resume from, bounded outboxes, rate limits.
Its class is kept in memory here: what is measured is the process that holds the sockets, for everybody alike.

python -m loadtests.benchmarks.fanout [--subscribers 1000] [--rounds 4] [--also websockets]
"""

import argparse
import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from loadtests.benchmarks.fanout_servers import CLASS, LYCEUM, SERVERS, SOCKETIO, STARLETTE, WEBSOCKETS
from loadtests.benchmarks.machine import describe_machine
from loadtests.benchmarks.turns import interleaved

PROMISED = {STARLETTE: 1.5, SOCKETIO: 4.0}
TITLES = {
    LYCEUM: "Lyceum's gateway",
    STARLETTE: "Starlette + uvicorn",
    SOCKETIO: "python-socketio + uvicorn",
    WEBSOCKETS: "websockets.broadcast alone",
}
RESULTS = Path(__file__).resolve().parents[1] / "results" / "fanout.json"
TEXT_BYTES = 200
PAUSE_SECONDS = 0.04  # longer than the gateway's window: messages one at a time share no frame
PATIENCE_SECONDS = 60.0


# The client


@dataclass(frozen=True)
class Dialect:
    """How a contender is spoken to: what to send on opening, by what to know that the subscription stands, how to post."""

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
DIALECTS = {
    LYCEUM: Dialect("/ws", _hello, b'"subscribed"', _command),
    STARLETTE: _PLAIN,
    WEBSOCKETS: _PLAIN,
    SOCKETIO: Dialect(
        "/socket.io/?EIO=4&transport=websocket", lambda _: ("40",), b"40{", lambda _, text: "42" + json.dumps(["post", text])
    ),
}
_MESSAGE = b"chat.posted"


class Crowd:
    """All subscribers of one turn; counts what they get."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.standing = 0
        self.delivered = 0
        self._awaited = 0
        self._reached = asyncio.Event()

    def add(self, messages: int) -> None:
        """So many more were delivered."""
        self.delivered += messages
        if self.delivered >= self._awaited:
            self._reached.set()

    async def wait_for(self, delivered: int) -> None:
        """Until so many were delivered in all. Raises TimeoutError."""
        self._awaited = delivered
        self._reached.clear()
        if self.delivered < delivered:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._reached.wait()


class Subscriber(WSListener):
    """One socket of the crowd."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._stands = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        for frame in self._crowd.dialect.opening(self._number):
            transport.send(WSMsgType.TEXT, frame)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if self._stands:
            self._crowd.add(payload.count(_MESSAGE))
        elif self._crowd.dialect.standing in payload:
            self._stands = True
            self._crowd.standing += 1
        if payload == b"2":  # Engine.IO's ping
            transport.send(WSMsgType.TEXT, b"3")


async def drive(kind: str, port: int, subscribers: int, pid: int, repeat: int) -> dict[str, Any]:
    """One turn: connect, warm up, post one at a time, post in bursts. CPU-seconds of the server and of this client."""
    dialect = DIALECTS[kind]
    crowd = Crowd(dialect)
    url = f"ws://127.0.0.1:{port}{dialect.path}"
    sockets: list[WSTransport] = []
    for number in range(subscribers):
        transport, _ = await ws_connect(lambda number=number: Subscriber(crowd, number), url)
        sockets.append(transport)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while crowd.standing < subscribers:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {crowd.standing} of {subscribers} subscriptions stand")
        await asyncio.sleep(0.05)
    gc.freeze()
    posted = 0

    async def post(messages: int) -> None:
        nonlocal posted
        for _ in range(messages):
            posted += 1
            text = f"{posted:06d}".ljust(TEXT_BYTES, "x")
            sockets[posted % subscribers].send(WSMsgType.TEXT, dialect.post(posted, text))
        await crowd.wait_for(posted * subscribers)
        await asyncio.sleep(PAUSE_SECONDS)

    async def measure(times: int, at_once: int) -> dict[str, float]:
        server, client = psutil.Process(pid).cpu_times(), psutil.Process().cpu_times()
        start, before = time.perf_counter(), crowd.delivered
        for _ in range(times):
            await post(at_once)
        seconds = time.perf_counter() - start
        now, own = psutil.Process(pid).cpu_times(), psutil.Process().cpu_times()
        used = now.user + now.system - server.user - server.system
        generator = own.user + own.system - client.user - client.system
        delivered = crowd.delivered - before
        return {"delivered": delivered, "cpu": used, "generator": generator, "seconds": seconds}

    await measure(5, 1)
    result = {"single": await measure(repeat, 1), "burst": await measure(repeat // 5, 20)}
    if crowd.delivered != posted * subscribers:
        raise RuntimeError(f"{kind}: {crowd.delivered} deliveries of {posted * subscribers}")
    return result


# The comparison


@dataclass(frozen=True)
class Turn:
    """What one turn of one contender measured in one way of posting."""

    contender: str
    way: str
    delivered: int
    cpu_seconds: float
    generator_cpu_seconds: float
    seconds: float

    @property
    def per_cpu_second(self) -> float:
        """Delivered messages per CPU-second of the server."""
        return self.delivered / self.cpu_seconds


def take_turn(kind: str, port: int, subscribers: int, repeat: int = 100) -> list[Turn]:
    """A fresh server and a fresh client; `repeat` messages one at a time, then a fifth as many bursts.
    Raises RuntimeError when one of them failed."""
    me = [sys.executable, "-m", "loadtests.benchmarks.fanout"]
    server = subprocess.Popen([*me, "--serve", kind, "--port", str(port)])
    try:
        await_port(server, port)
        words = ["--drive", kind, "--port", str(port), "--subscribers", str(subscribers), "--pid", str(server.pid)]
        client = subprocess.run([*me, *words, "--repeat", str(repeat)], stdout=subprocess.PIPE, timeout=600, check=False)
    finally:
        server.terminate()
        server.wait(20)
    if client.returncode != 0:
        raise RuntimeError(f"The client of {kind} failed.")
    measured: dict[str, dict[str, float]] = json.loads(client.stdout)
    return [
        Turn(kind, way, int(values["delivered"]), values["cpu"], values["generator"], values["seconds"])
        for way, values in measured.items()
    ]


def await_port(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Until the server listens. Raises RuntimeError."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        if any(each.laddr.port == port and each.status == "LISTEN" for each in psutil.Process(server.pid).net_connections()):
            return
        time.sleep(0.05)
    raise RuntimeError(f"The server did not listen on {port}.")


def table(turns: Sequence[Turn], contenders: Sequence[str], way: str) -> str:
    """One way of posting as a Markdown table; the ratio says how many times Lyceum's figure is the peer's."""
    lines = [
        "| contender | delivered per CPU-second (median) | slowest – fastest | Lyceum is × | generator, of a core |",
        "|---|---:|---:|---:|---:|",
    ]
    rates = {
        kind: sorted(turn.per_cpu_second for turn in turns if (turn.contender, turn.way) == (kind, way))
        for kind in contenders
    }
    for kind in contenders:
        own, shares = rates[kind], [turn for turn in turns if (turn.contender, turn.way) == (kind, way)]
        generator = median(turn.generator_cpu_seconds / turn.seconds for turn in shares)
        lines.append(
            f"| {TITLES[kind]} | {median(own):,.0f} | {own[0]:,.0f} – {own[-1]:,.0f} "
            f"| {median(rates[LYCEUM]) / median(own):.2f} | {generator:.0%} |"
        )
    return "\n".join(lines)


def broken_promises(turns: Sequence[Turn]) -> list[str]:
    """Which peers Lyceum is not far enough ahead of, in words."""
    said = []
    for way in ("single", "burst"):
        rate = {
            kind: median(turn.per_cpu_second for turn in turns if (turn.contender, turn.way) == (kind, way))
            for kind in (LYCEUM, *PROMISED)
        }
        said += [
            f"{way}: {rate[LYCEUM] / rate[peer]:.2f} times {TITLES[peer]}, promised {factor}"
            for peer, factor in PROMISED.items()
            if rate[LYCEUM] < factor * rate[peer]
        ]
    return said


def main() -> int:
    """The command line. 1 when a promised factor was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--also", choices=[WEBSOCKETS], action="append", default=[])
    parser.add_argument("--port", type=int, default=9480)
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--drive", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--pid", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.serve:
        uvloop.run(SERVERS[options.serve](options.port))
        return 0
    if options.drive:
        turn = drive(options.drive, options.port, options.subscribers, options.pid, options.repeat)
        print(json.dumps(uvloop.run(turn)))
        return 0
    contenders = [LYCEUM, STARLETTE, SOCKETIO, *options.also]
    turns: list[Turn] = []
    for kind in interleaved(contenders, options.rounds):
        print(f"… {TITLES[kind]}", file=sys.stderr)
        turns += take_turn(kind, options.port, options.subscribers)
    conditions = f"{options.subscribers:,} subscribers, {TEXT_BYTES}-byte messages, {options.rounds} turns each"
    print(f"{conditions}. {describe_machine()}")
    for way, title in (("single", "One at a time"), ("burst", "In bursts of 20")):
        print(f"\n{title}:\n\n{table(turns, contenders, way)}")
    RESULTS.parent.mkdir(exist_ok=True)
    found = {"machine": describe_machine(), "conditions": conditions, "turns": [asdict(turn) for turn in turns]}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    missed = broken_promises(turns)
    print("".join(f"\nMissed: {sentence}" for sentence in missed), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
