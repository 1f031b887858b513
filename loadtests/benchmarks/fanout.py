"""Fan-out: Lyceum's gateway against nginx with nchan, socket.io on Node, Starlette, python-socketio and Django Channels.

Each contender holds the sockets in one process (Channels: and a Redis) and all take turns (A B C, C B A, …). The same
client, in a process of its own, opens the same number of sockets, which post 200-byte chat messages: one at a time, then 20
at once, then evenly and in bursts of 5 at rising rates for as long as 99 % arrive within 100 ms. A turn counts only if every
socket got every message once. Lyceum does all it does in a class: offsets, a ring to resume from, bounded outboxes, rate
limits. Its class is kept in memory here: what is measured is the process that holds the sockets, for everybody alike.

python -m loadtests.benchmarks.fanout [--subscribers 1000 5000] [--rounds 2] [--contenders lyceum nchan …]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, measured, parser_of
from loadtests.benchmarks.fanout_client import BURST, BURSTS, DIALECTS, ENOUGH_CPU, PACED, SINGLE, TEXT_BYTES, Step, drive
from loadtests.benchmarks.fanout_peers import missing, serving
from loadtests.benchmarks.fanout_report import TITLES, Search, Turn, parts_of, targets
from loadtests.benchmarks.fanout_servers import CHANNELS, LYCEUM, NCHAN, NODE, SERVERS, SOCKETIO, STARLETTE
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import ServiceFailed
from loadtests.benchmarks.turns import interleaved
from loadtests.crowd import allow_many_connections

USUAL = (LYCEUM, NCHAN, NODE, STARLETTE, SOCKETIO, CHANNELS)
MOST_SUBSCRIBERS = {CHANNELS: 1_000}
"""With more, one burst of it takes minutes."""
TURN_SECONDS = 150


@dataclass
class Found:
    """What was measured so far, by the number of subscribers."""

    turns: dict[int, list[Turn]] = field(default_factory=dict)
    searches: dict[int, list[Search]] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)


def take_turn(
    kind: str, port: int, subscribers: int, seconds: float = 1.0, enough_cpu: float = ENOUGH_CPU, number: int = 0
) -> tuple[list[Turn], list[Search], str]:
    """A fresh server and a fresh client; each way of posting for about `seconds`. What was measured, and a sentence when
    not everything could be. Raises ServiceFailed when nothing could."""
    with serving(kind, port) as pids:
        me = [sys.executable, "-m", "loadtests.benchmarks.fanout", "--drive", kind, "--port", str(port)]
        words = ["--subscribers", str(subscribers), "--seconds", str(seconds), "--enough-cpu", str(enough_cpu)]
        client = subprocess.run(
            [*me, *words, "--pids", *map(str, pids)], stdout=subprocess.PIPE, timeout=TURN_SECONDS, check=False
        )
    if client.returncode != 0:
        raise ServiceFailed(f"The client of {TITLES[kind]} failed.")
    said: dict[str, Any] = json.loads(client.stdout)
    turns = [
        Turn(kind, way, int(said[way]["delivered"]), said[way]["cpu"], said[way]["generator"], said[way]["seconds"], number)
        for way in (SINGLE, BURST)
        if way in said
    ]
    searches = [Search(kind, way, [Step(**step) for step in said[way]], number) for way in (PACED, BURSTS) if said.get(way)]
    return turns, searches, str(said["fault"])


def _measure(options: argparse.Namespace, found: Found, faults: Faults) -> None:
    absent = {kind: sentence for kind in options.contenders if (sentence := missing(kind)) is not None}
    found.without += [f"Without {TITLES[kind]}: {sentence}." for kind, sentence in absent.items()]
    beaten: set[str] = set()
    for subscribers in sorted(options.subscribers):
        slow = [kind for kind in options.contenders if subscribers > MOST_SUBSCRIBERS.get(kind, subscribers)]
        found.without += [f"{TITLES[kind]} not with {subscribers:,}: one burst takes it minutes there." for kind in slow]
        contenders = [kind for kind in options.contenders if kind not in {*absent, *slow}]
        turns, searches = found.turns.setdefault(subscribers, []), found.searches.setdefault(subscribers, [])
        for number, kind in interleaved(contenders, options.rounds):
            if kind in beaten:
                continue  # what failed once would take its time to fail again
            words = f"{subscribers:,} subscribers, {TITLES[kind]}"
            print(f"… {words}", file=sys.stderr, flush=True)
            before = len(faults.sentences)
            with faults.surviving(words):
                more_turns, more_searches, fault = take_turn(
                    kind, options.port, subscribers, options.seconds, options.enough_cpu, number
                )
                turns += more_turns
                searches += more_searches
                if fault:
                    faults.say(f"{words}: {fault}.")
            if len(faults.sentences) > before:
                beaten.add(kind)
                faults.say(f"{TITLES[kind]} took no further turn.")


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The tables and what was promised. Raises NothingMeasured."""
    parts: list[Part] = []
    promised: list[Target] = []
    figures: dict[str, Any] = {"without": found.without, "turns": [], "searches": []}
    for subscribers, turns in found.turns.items():
        searches = found.searches[subscribers]
        if not turns:
            continue
        parts += parts_of(turns, searches, options.contenders, subscribers)
        promised += targets(turns, searches, subscribers)
        figures["turns"] += [{"subscribers": subscribers, **asdict(turn)} for turn in turns]
        figures["searches"] += [{"subscribers": subscribers, **asdict(search)} for search in searches]
    if not parts:
        raise NothingMeasured("No turn of any contender came to its end.")
    conditions = (
        f"{TEXT_BYTES}-byte messages, {options.rounds} interleaved turns each, one process a server; every socket got every "
        f"message once. {' '.join(found.without)}".rstrip()
    )
    return Report("fanout", "Fan-out", command, conditions, parts, promised, figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a promised factor was missed, 2 when something could not be measured."""
    parser = parser_of("fanout", __doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[1_000, 5_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each way of posting in a turn, at the least")
    parser.add_argument("--enough-cpu", type=float, default=ENOUGH_CPU, help="seconds of the server for a way, too")
    parser.add_argument("--contenders", nargs="+", choices=list(TITLES), default=list(USUAL))
    parser.add_argument("--port", type=int, default=9_910)
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--drive", choices=sorted(DIALECTS), help=argparse.SUPPRESS)
    parser.add_argument("--pids", type=int, nargs="+", help=argparse.SUPPRESS)
    options, found = parser.parse_args(arguments), Found()
    if options.serve:
        allow_many_connections()
        uvloop.run(SERVERS[options.serve](options.port))
        return 0
    if options.drive:
        allow_many_connections()
        subscribers = options.subscribers[0]
        turn = drive(options.drive, options.port, subscribers, options.pids, options.seconds, options.enough_cpu)
        print(json.dumps(uvloop.run(turn)))
        return 0
    return measured(
        options.results,
        lambda _, faults: _measure(options, found, faults),
        lambda: report(options, command_line("fanout", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
