"""Memory of the server for each idle socket: Lyceum's gateway (signed in, following) against socket.io on Node and others.

python -m loadtests.benchmarks.idle [--sockets 10000] [--rounds 2]
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

import uvloop

from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.fanout import TITLES
from loadtests.benchmarks.fanout_client import DIALECTS, Crowd, cpu_of, family
from loadtests.benchmarks.fanout_peers import end_in_order, missing, serving
from loadtests.benchmarks.fanout_servers import LYCEUM, NCHAN, NODE, WEBSOCKETS
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.turns import interleaved
from loadtests.crowd import allow_many_connections

USUAL = (LYCEUM, NODE, NCHAN, WEBSOCKETS)
TARGET_KB = 15.0


@dataclass(frozen=True)
class Held:
    """What holding sockets cost a server: KB of resident memory and milliseconds of CPU for each."""

    contender: str
    kilobytes: float
    opening_ms: float


async def fill(kind: str, port: int, sockets: int, pids: Sequence[int]) -> Held:
    """Open so many sockets and leave them alone."""
    crowd = Crowd(DIALECTS[kind])
    empty, cpu = memory_of(pids), cpu_of(pids)
    await crowd.open(f"ws://127.0.0.1:{port}", sockets)
    return Held(kind, (memory_of(pids) - empty) / sockets / 1024, (cpu_of(pids) - cpu) / sockets * 1000)


def memory_of(pids: Sequence[int]) -> int:
    """Resident bytes of these processes and all below them."""
    return sum(process.memory_info().rss for pid in pids for process in family(pid))


def _compare(options: argparse.Namespace) -> bool:
    absent = {kind: sentence for kind in USUAL if (sentence := missing(kind)) is not None}
    for kind, sentence in absent.items():
        print(f"Without {TITLES[kind]}: {sentence}.", file=sys.stderr)
    contenders = [kind for kind in USUAL if kind not in absent]
    turns = []
    for kind in interleaved(contenders, options.rounds):
        print(f"… {TITLES[kind]}", file=sys.stderr, flush=True)
        with serving(kind, options.port) as pids:
            turns.append(uvloop.run(fill(kind, options.port, options.sockets, pids)))
    kilobytes = {kind: sorted(turn.kilobytes for turn in turns if turn.contender == kind) for kind in contenders}
    ours = median(kilobytes[LYCEUM])
    lines = ["| server | kB a socket | least – most | Lyceum is × | CPU to open |", "|---|---:|---:|---:|---:|"]
    for kind, own in kilobytes.items():
        opening = median(turn.opening_ms for turn in turns if turn.contender == kind)
        ratio = f"{ours / median(own):.2f}"
        lines.append(f"| {TITLES[kind]} | {median(own):.1f} | {own[0]:.1f} – {own[-1]:.1f} | {ratio} | {opening:.2f} ms |")
    heading = f"{options.sockets:,} idle sockets"
    bars = [Bar(TITLES[kind], median(own), own[0], own[-1], kind == LYCEUM) for kind, own in kilobytes.items()]
    against_node = ours / median(kilobytes[NODE]) if NODE in kilobytes else None
    promised = [
        Target("memory of an idle socket", ours, TARGET_KB, at_most=True, unit=" kB"),
        Target("memory of an idle socket against socket.io", against_node, 0.5, at_most=True, unit="×"),
    ]
    conditions = (
        f"Resident memory of the server's processes before and after {options.sockets:,} sockets were opened, "
        f"{options.rounds} interleaved turns each; the kernel's buffers are not in it. Ours follow a class."
    )
    parts = [Part(heading, "\n".join(lines), bar_chart(heading, "kB a socket", bars))]
    figures = {"sockets": options.sockets, "turns": [asdict(turn) for turn in turns]}
    return Report("idle", "Idle sockets", "make bench ONLY=idle", conditions, parts, promised, figures).keep()


def main() -> int:
    """The command line. 1 when a target was missed, 2 when the comparison could not be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--port", type=int, default=9_911)
    options = parser.parse_args()
    allow_many_connections()
    end_in_order()
    try:
        return 0 if _compare(options) else 1
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as fault:
        print(f"The comparison could not be made: {fault}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
