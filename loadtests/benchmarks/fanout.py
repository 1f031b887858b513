"""Fan-out: Lyceum's gateway against nginx with nchan, socket.io on Node, Starlette, python-socketio and Django Channels.

Each contender holds the sockets in one process (Channels: and a Redis) and all take turns (A B C, C B A, …). The same
client, in a process of its own, opens the same number of sockets, which post 200-byte chat messages: one at a time, then 20
at once, then evenly at rising rates for as long as 99 % arrive within 100 ms. A turn counts only if every socket got every
message. Lyceum does all it does in a class: offsets, a ring to resume from, bounded outboxes, rate limits. Its class is kept
in memory here: what is measured is the process that holds the sockets, for everybody alike.

python -m loadtests.benchmarks.fanout [--subscribers 1000 5000] [--rounds 2] [--contenders lyceum nchan …]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import uvloop

from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.fanout_client import AT_ONCE, DIALECTS, GOOD_SECONDS, TEXT_BYTES, Step, drive
from loadtests.benchmarks.fanout_peers import end_in_order, missing, serving
from loadtests.benchmarks.fanout_servers import (
    CHANNELS,
    LYCEUM,
    NCHAN,
    NODE,
    SERVERS,
    SOCKETIO,
    STARLETTE,
    WEBSOCKETS,
)
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.turns import BOTTLENECK, IDLE, interleaved
from loadtests.crowd import allow_many_connections

TITLES = {
    LYCEUM: "Lyceum's gateway",
    NCHAN: "nginx + nchan",
    NODE: "socket.io (Node)",
    STARLETTE: "Starlette + uvicorn",
    SOCKETIO: "python-socketio + uvicorn",
    CHANNELS: "Django Channels + daphne + Redis",
    WEBSOCKETS: "websockets.broadcast alone",
}
USUAL = (LYCEUM, NCHAN, NODE, STARLETTE, SOCKETIO, CHANNELS)
PROMISED = {"single": {NODE: 2, SOCKETIO: 3, STARLETTE: 1.5}, "burst": {NCHAN: 1, NODE: 2, SOCKETIO: 3, STARLETTE: 1.5}}
WORDS = {"single": "One at a time", "burst": f"Bursts of {AT_ONCE}"}
TURN_SECONDS = 600


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
        return self.delivered / max(self.cpu_seconds, 0.01)


@dataclass(frozen=True)
class Search:
    """The steps of one turn that looked for the highest rate."""

    contender: str
    steps: Sequence[Step]

    @property
    def best(self) -> Step | None:
        """The highest rate at which 99 % came in time; None when there was none."""
        return max((step for step in self.steps if step.is_good), key=lambda step: step.posts_a_second, default=None)

    @property
    def is_void(self) -> bool:
        """Whether the generator set the limit: it was at its own where it went wrong, while the machine had time left, or
        it never went wrong."""
        bad = [step for step in self.steps if not step.is_good]
        if not bad:
            return True
        limit = min(bad, key=lambda step: step.posts_a_second)
        return limit.generator_share > BOTTLENECK and limit.machine_idle > IDLE


def take_turn(kind: str, port: int, subscribers: int, seconds: float = 1.2) -> tuple[list[Turn], Search]:
    """A fresh server and a fresh client; each way of posting for about `seconds`. Raises RuntimeError when one failed."""
    with serving(kind, port) as pids:
        me = [sys.executable, "-m", "loadtests.benchmarks.fanout", "--drive", kind, "--port", str(port)]
        words = ["--subscribers", str(subscribers), "--seconds", str(seconds), "--pids", *map(str, pids)]
        client = subprocess.run([*me, *words], stdout=subprocess.PIPE, timeout=TURN_SECONDS, check=False)
    if client.returncode != 0:
        raise RuntimeError(f"The client of {TITLES[kind]} failed.")
    measured: dict[str, Any] = json.loads(client.stdout)
    turns = [
        Turn(kind, way, int(values["delivered"]), values["cpu"], values["generator"], values["seconds"])
        for way, values in ((way, measured[way]) for way in WORDS)
    ]
    return turns, Search(kind, [Step(**step) for step in measured["steps"]])


def table(turns: Sequence[Turn], contenders: Sequence[str], way: str) -> str:
    """One way of posting as a Markdown table; the ratio says how many times Lyceum's figure is the peer's."""
    lines = [
        "| contender | delivered per CPU-second (median) | slowest – fastest | Lyceum is × | generator, of a core |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind in contenders:
        own, mine = rates(turns, kind, way), [turn for turn in turns if (turn.contender, turn.way) == (kind, way)]
        generator = median(turn.generator_cpu_seconds / turn.seconds for turn in mine)
        lines.append(
            f"| {TITLES[kind]} | {median(own):,.0f} | {own[0]:,.0f} – {own[-1]:,.0f} "
            f"| {median(rates(turns, LYCEUM, way)) / median(own):.2f} | {generator:.0%} |"
        )
    return "\n".join(lines)


def rate_table(searches: Sequence[Search], contenders: Sequence[str]) -> str:
    """The highest rates as a Markdown table."""
    lines = [
        "| contender | delivered/s (median) | slowest – fastest | posts a second | 99 % within | generator, of a core | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for kind in contenders:
        mine = [search for search in searches if search.contender == kind]
        best = sorted((search.best for search in mine if search.best), key=lambda step: step.delivered_a_second)
        if not best:
            quickest = min((step for search in mine for step in search.steps), key=lambda step: step.most_within)
            lines.append(
                f"| {TITLES[kind]} | none | – | – | {quickest.most_within * 1000:.0f} ms | – | too slow at any rate |"
            )
            continue
        middle = best[len(best) // 2]
        void = sum(search.is_void for search in mine)
        lines.append(
            f"| {TITLES[kind]} | {median(step.delivered_a_second for step in best):,.0f} "
            f"| {best[0].delivered_a_second:,.0f} – {best[-1].delivered_a_second:,.0f} | {middle.posts_a_second:,.0f} "
            f"| {middle.most_within * 1000:.0f} ms | {middle.generator_share:.0%} "
            f"| {f'{void} of {len(mine)} void: at least this' if void else ''} |"
        )
    return "\n".join(lines)


def rates(turns: Sequence[Turn], kind: str, way: str) -> list[float]:
    """What the turns of a contender came to per CPU-second, in order."""
    return sorted(turn.per_cpu_second for turn in turns if (turn.contender, turn.way) == (kind, way))


def targets(turns: Sequence[Turn], subscribers: int) -> list[Target]:
    """What was promised, and what came of it."""
    found = []
    for way, factors in PROMISED.items():
        for kind, factor in factors.items():
            own = rates(turns, kind, way)
            measured = median(rates(turns, LYCEUM, way)) / median(own) if own else None
            words = f"{WORDS[way].lower()}, {subscribers:,} subscribers, per CPU-second: against {TITLES[kind]}"
            found.append(Target(words, measured, factor, unit="×"))
    return found


def _parts(turns: Sequence[Turn], searches: Sequence[Search], contenders: Sequence[str], subscribers: int) -> list[Part]:
    parts = []
    for way, words in WORDS.items():
        bars = [
            Bar(TITLES[kind], median(own), own[0], own[-1], kind == LYCEUM)
            for kind in contenders
            for own in (rates(turns, kind, way),)
        ]
        heading = f"{words}, {subscribers:,} subscribers"
        parts.append(Part(heading, table(turns, contenders, way), bar_chart(heading, "delivered per CPU-second", bars)))
    heading = f"Most delivered a second while 99 % come within {GOOD_SECONDS * 1000:.0f} ms, {subscribers:,} subscribers"
    return [*parts, Part(heading, rate_table(searches, contenders))]


def _compare(options: argparse.Namespace) -> bool:
    absent = {kind: sentence for kind in options.contenders if (sentence := missing(kind)) is not None}
    for kind, sentence in absent.items():
        print(f"Without {TITLES[kind]}: {sentence}.", file=sys.stderr)
    contenders = [kind for kind in options.contenders if kind not in absent]
    parts: list[Part] = []
    promised: list[Target] = []
    figures: dict[str, Any] = {"absent": absent, "turns": [], "searches": []}
    for subscribers in options.subscribers:
        turns: list[Turn] = []
        searches: list[Search] = []
        for kind in interleaved(contenders, options.rounds):
            print(f"… {subscribers:,}: {TITLES[kind]}", file=sys.stderr, flush=True)
            measured, search = take_turn(kind, options.port, subscribers, options.seconds)
            turns += measured
            searches.append(search)
        parts += _parts(turns, searches, contenders, subscribers)
        promised += targets(turns, subscribers)
        figures["turns"] += [{"subscribers": subscribers, **asdict(turn)} for turn in turns]
        figures["searches"] += [{"subscribers": subscribers, **asdict(search)} for search in searches]
    conditions = (
        f"{TEXT_BYTES}-byte messages, {options.rounds} interleaved turns each, one process a server; every socket got every "
        f"message.{''.join(f' Without {TITLES[kind]}: {sentence}.' for kind, sentence in absent.items())}"
    )
    return Report("fanout", "Fan-out", "make bench ONLY=fanout", conditions, parts, promised, figures).keep()


def main() -> int:
    """The command line. 1 when a promised factor was missed, 2 when the comparison could not be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[1_000, 5_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.2, help="for each way of posting in a turn")
    parser.add_argument("--contenders", nargs="+", choices=list(TITLES), default=list(USUAL))
    parser.add_argument("--port", type=int, default=9_910)
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--drive", choices=sorted(DIALECTS), help=argparse.SUPPRESS)
    parser.add_argument("--pids", type=int, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    allow_many_connections()
    if options.serve:
        uvloop.run(SERVERS[options.serve](options.port))
        return 0
    if options.drive:
        turn = drive(options.drive, options.port, options.subscribers[0], options.pids, options.seconds)
        print(json.dumps(uvloop.run(turn)))
        return 0
    end_in_order()
    try:
        return 0 if _compare(options) else 1
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as fault:
        print(f"The comparison could not be made: {fault}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
