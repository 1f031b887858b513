"""Memory of the server for each idle socket: Lyceum's gateway (signed in, following) against socket.io on Node and others.

What a collector of garbage gives back is waited for, for everybody alike: until memory has not fallen for some seconds.

python -m loadtests.benchmarks.idle [--sockets 10000] [--rounds 2]
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

import uvloop

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, measured, parser_of
from loadtests.benchmarks.fanout_client import DIALECTS, Crowd
from loadtests.benchmarks.fanout_peers import missing, serving
from loadtests.benchmarks.fanout_report import TITLES
from loadtests.benchmarks.fanout_servers import LYCEUM, NCHAN, NODE
from loadtests.benchmarks.machine import cpu_of, memory_of
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.tables import paired, spread, spread_chart, table, times
from loadtests.benchmarks.turns import interleaved

USUAL = (LYCEUM, NODE, NCHAN)
TARGET_KB = 15.0
_SETTLED_SECONDS = 5.0
_SETTLING_SECONDS = 25.0


@dataclass(frozen=True)
class Held:
    """What holding sockets cost a server: KB of resident memory, when they stood (`at_first`) and once it had settled, and
    milliseconds of CPU for each."""

    contender: str
    kilobytes: float
    opening_ms: float
    at_first: float = 0
    round: int = 0


@dataclass
class Found:
    """What was measured so far."""

    turns: list[Held] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


async def fill(kind: str, port: int, sockets: int, pids: Sequence[int], settled_seconds: float, number: int = 0) -> Held:
    """Open so many sockets and leave them alone."""
    crowd = Crowd(DIALECTS[kind])
    empty, cpu = memory_of(pids), cpu_of(pids)
    await crowd.open(f"ws://127.0.0.1:{port}", sockets)
    opened, opening = memory_of(pids), cpu_of(pids) - cpu
    held = await settled(pids, settled_seconds)
    kilobytes, at_first = ((size - empty) / sockets / 1024 for size in (held, opened))
    return Held(kind, kilobytes, opening / sockets * 1000, at_first, number)


async def settled(pids: Sequence[int], settled_seconds: float) -> int:
    """Resident bytes once they have not fallen for so long; after 25 s in any case."""
    lowest = memory_of(pids)
    until = time.monotonic() + _SETTLING_SECONDS
    fell_at = time.monotonic()
    while time.monotonic() < until and time.monotonic() - fell_at < settled_seconds:
        await asyncio.sleep(0.25)
        now = memory_of(pids)
        if now < lowest:
            lowest, fell_at = now, time.monotonic()
    return memory_of(pids)


def _measure(options: argparse.Namespace, found: Found, faults: Faults) -> None:
    absent = {kind: sentence for kind in USUAL if (sentence := missing(kind)) is not None}
    found.without = [f"Without {TITLES[kind]}: {sentence}." for kind, sentence in absent.items()]
    for number, kind in interleaved([kind for kind in USUAL if kind not in absent], options.rounds):
        print(f"… {TITLES[kind]}", file=sys.stderr, flush=True)
        with faults.surviving(TITLES[kind]), serving(kind, options.port) as pids:
            work = fill(kind, options.port, options.sockets, pids, options.settled, number)
            found.turns.append(uvloop.run(work))


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The table and what was promised. Raises NothingMeasured."""
    by_round = {
        kind: {turn.round: turn.kilobytes for turn in found.turns if turn.contender == kind}
        for kind in USUAL
        if any(turn.contender == kind for turn in found.turns)
    }
    if not by_round:
        raise NothingMeasured("No turn of any server came to its end.")
    ours = by_round.get(LYCEUM, {})
    rows = []
    for kind, mine in by_round.items():
        own = spread(list(mine.values()))
        assert own is not None
        ratio = "1" if kind == LYCEUM else times(paired(ours, mine))
        turns = [turn for turn in found.turns if turn.contender == kind]
        opening, at_first = median(turn.opening_ms for turn in turns), median(turn.at_first for turn in turns)
        rows.append([TITLES[kind], f"{own.median:.1f}", own.ends(1), ratio, f"{at_first:.1f}", f"{opening:.2f} ms"])
    head = [
        "server",
        "kB a socket (median)",
        "least – most",
        "Lyceum is ×, turn by turn",
        "kB when just opened",
        "CPU to open",
    ]
    heading = f"{options.sockets:,} idle sockets"
    bars = {TITLES[kind]: list(own.values()) for kind, own in by_round.items()}
    promised = [
        Target.of("memory of an idle socket", spread(list(ours.values())), TARGET_KB, at_most=True, unit=" kB"),
        Target.of(
            "memory of an idle socket against socket.io", paired(ours, by_round.get(NODE, {})), 0.5, at_most=True, unit="×"
        ),
    ]
    conditions = (
        f"Resident memory of the server's processes before {options.sockets:,} sockets were opened and once it had not "
        f"fallen for {options.settled:g} s afterwards, {options.rounds} interleaved turns each; the kernel's buffers are "
        f"not in it. Ours follow a class. {' '.join(found.without)}".rstrip()
    )
    parts = [Part(heading, table(head, rows), spread_chart(heading, "kB a socket", bars, [TITLES[LYCEUM]]))]
    figures = {"sockets": options.sockets, "turns": [asdict(turn) for turn in found.turns]}
    return Report("idle", "Idle sockets", command, conditions, parts, promised, figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed, 2 when something could not be measured."""
    parser = parser_of("idle", __doc__)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--settled", type=float, default=_SETTLED_SECONDS, help="how long memory must not have fallen")
    parser.add_argument("--port", type=int, default=9_911)
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda _, faults: _measure(options, found, faults),
        lambda: report(options, command_line("idle", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
