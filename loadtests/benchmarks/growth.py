"""How the door's rate grows with the number of classes and of hosts, and how long a join takes when the door is not busy.

The same students come over sockets, all at once, spread over one class, two, four or eight; the ways take turns (A B C D,
D C B A, …). Then `lyceum up` is started again and again with one host and with several (A B C, C B A), with eight
classes each. On a machine with few cores the generator, the gateway and Postgres share them with the hosts: rates cannot
grow past that.

python -m loadtests.benchmarks.growth [--students 4000] [--rounds 2] [--classes 1 2 4 8] [--hosts 1 2 4]
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.door_peers import Lyceum
from loadtests.benchmarks.door_turns import take_turn
from loadtests.benchmarks.machine import Rest, at_rest
from loadtests.benchmarks.report import Part, Report
from loadtests.benchmarks.servers import Service, running_lyceum, running_postgres
from loadtests.benchmarks.tables import table
from loadtests.benchmarks.turns import Summary, Turn, interleaved, rate_chart, rate_table, summarise
from loadtests.prepared import PreparedClass
from loadtests.storm import find_socket_url

_PLENTY = {"LYCEUM_RATE_LIMIT_PER_MINUTE": "1000000", "LYCEUM_LIVE_RATE_LIMIT_PER_MINUTE": "1000000"}
_CALM_SECONDS = 3.0
_MOST_CLASSES = 8
_STARTS = 2
"""How often Lyceum is started with each number of hosts; each time the crowd comes as often."""


@dataclass
class Found:
    """What was measured so far."""

    by_classes: list[Turn] = field(default_factory=list)
    by_hosts: list[Turn] = field(default_factory=list)
    calm: Turn | None = None
    rest: Rest = field(default_factory=lambda: Rest(busy=0.1))
    prepared: PreparedClass | None = None
    """The course and its students, from the first Lyceum that could make them; their tokens are good for all."""


async def _join(
    name: str, door: Lyceum, prepared: PreparedClass, classes: int, rest: Rest, number: int = 0, spread_seconds: float = 0
) -> Turn:
    """All students, over so many classes of the course, at once or evenly over some seconds."""
    seats = len(prepared.students)
    rooms = [
        replace(prepared, session_id=await door.another(prepared, seats), students=prepared.students[first::classes])
        for first in range(classes)
    ]
    turn = await take_turn(name, door, rooms, rest, number, spread_seconds, seats)
    void = "  (void)" if turn.is_void else ""
    print(f"{name:24} {turn.per_second:9,.0f}/s{void}", file=sys.stderr, flush=True)
    return turn


async def _door(stack: AsyncExitStack, folder: Path, postgres: Service, options: argparse.Namespace, hosts: int) -> Lyceum:
    settings = {**_PLENTY, "LYCEUM_GRAIN_HOSTS": str(hosts)}
    running = running_lyceum(folder, postgres.url, options.port, options.port + 1, settings)
    service = await stack.enter_async_context(running)
    return Lyceum(service, postgres.url, await find_socket_url(service.rest_url), None, postgres.pids)


async def _measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    async with running_postgres(folder) as postgres:
        with faults.surviving("Classes"):
            await _by_classes(options, found, folder, postgres, faults)
        hosts = {_hosts(count): count for count in options.hosts}
        for number, name in interleaved(list(hosts), _STARTS):
            with faults.surviving(f"{name}, start {number + 1}"):
                await _with_hosts(options, found, folder, postgres, name, hosts[name], number)


async def _by_classes(options: argparse.Namespace, found: Found, folder: Path, postgres: Service, faults: Faults) -> None:
    sizes = {_classes(count): count for count in options.classes}
    async with AsyncExitStack() as stack:
        door = await _door(stack, folder, postgres, options, 2)
        found.prepared = prepared = await door.prepare(options.students)
        await _join("warm", door, prepared, 2, Rest(busy=0.1))
        found.rest = await at_rest([*door.pids, *postgres.pids])
        for number, name in interleaved(list(sizes), options.rounds):
            with faults.surviving(f"{name}, round {number + 1}"):
                found.by_classes += [await _join(name, door, prepared, sizes[name], found.rest, number)]
        with faults.surviving("A tenth of the rate"):
            found.calm = await _calm(door, prepared, found.rest, summarise(next(iter(sizes)), found.by_classes))


async def _with_hosts(
    options: argparse.Namespace, found: Found, folder: Path, postgres: Service, name: str, hosts: int, number: int
) -> None:
    async with AsyncExitStack() as stack:
        door = await _door(stack, folder, postgres, options, hosts)
        found.prepared = prepared = found.prepared or await door.prepare(options.students)
        await _join("warm", door, prepared, _MOST_CLASSES, Rest(busy=0.1))
        for again in range(_STARTS):
            turn = await _join(name, door, prepared, _MOST_CLASSES, found.rest, number * _STARTS + again)
            found.by_hosts.append(turn)


async def _calm(door: Lyceum, prepared: PreparedClass, rest: Rest, saturated: Summary | None) -> Turn:
    if saturated is None:
        raise NothingMeasured("There is no valid turn of one class to take a tenth of.")
    rate = saturated.per_second / 10
    few = replace(prepared, students=prepared.students[: max(50, int(rate * _CALM_SECONDS))])
    return await _join("a tenth of it", door, few, 1, rest, spread_seconds=len(few.students) / rate)


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The tables of what there is. Raises NothingMeasured."""
    parts = []
    if found.by_classes:
        names = [_classes(count) for count in options.classes]
        said = rate_table(found.by_classes, names, names[0])
        parts.append(
            Part("From one class to many, two hosts", said, rate_chart("Joins by classes", found.by_classes, names))
        )
    if (calm := found.calm) is not None:
        rows = [f"{calm.per_second:,.0f}", _ms(calm.half_within), _ms(calm.most_within), f"{calm.shared:,.1f}"]
        said = table(["joins/s", "half within", "99 % within", "decisions a commit"], [rows])
        parts.append(Part("A tenth of the rate of one class, evenly", said))
    if found.by_hosts:
        names = [_hosts(count) for count in options.hosts]
        said = rate_table(found.by_hosts, names, names[0])
        heading = f"From one host to more, {_MOST_CLASSES} classes"
        parts.append(Part(heading, said, rate_chart("Joins by hosts", found.by_hosts, names)))
    if not parts:
        raise NothingMeasured("No turn came to its end.")
    conditions = (
        f"{options.students:,} students at once over sockets, all with a seat; classes of one course. Server CPU is "
        f"Lyceum's and Postgres'. At rest both together use {found.rest.services:.0%} of a core."
    )
    turns = [*found.by_classes, *found.by_hosts, *([calm] if calm else [])]
    figures = {"turns": [{**asdict(turn), "void": turn.is_void} for turn in turns]}
    return Report("growth", "How the door grows", command, conditions, parts, figures=figures)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _classes(count: int) -> str:
    return f"{count} class{'es' if count > 1 else ''}"


def _hosts(count: int) -> str:
    return f"{count} host{'s' if count > 1 else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 2 when something could not be measured."""
    parser = parser_of("growth", __doc__)
    parser.add_argument("--students", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--classes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--hosts", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--port", type=int, default=9_920, help="the first of two ports to use")
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda folder, faults: in_loop(_measure(options, found, folder, faults)),
        lambda: report(options, command_line("growth", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
