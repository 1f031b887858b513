"""Many small classes alive on one host: memory, how quickly one that is not in memory answers, and unloading.

Drives a host as its actor runs it, on the real journal and Postgres; people have no sockets here.

python -m loadtests.benchmarks.classes [--classes 5000] [--seats 20]
"""

import argparse
import asyncio
import ctypes
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from actors import keeping
from actors.hosting import Hosting
from classroom.ids import SessionId
from classroom.live.commands import Look
from loadtests.benchmarks.bare_host import (
    Cast,
    command,
    hosting_alone,
    join,
    make_cast,
    open_class,
    say,
)
from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.report import Part, Report
from loadtests.benchmarks.servers import ServiceFailed, running_postgres
from loadtests.benchmarks.tables import spread_chart, table
from loadtests.crowd import a_few_at_once
from loadtests.waits import within
from persistence.migrate import upgrade

_AT_ONCE = 32
_UNLOADING_SECONDS = 120
_GRACE_SECONDS = 3_600
"""Nobody here has a socket; a seat must not go while its class waits for its turn."""


@asynccontextmanager
async def idle_after(seconds: float) -> AsyncIterator[None]:
    """Hosts unload what was idle for so long. Five minutes, as it is set for people, would be a long benchmark."""
    usual, keeping.IDLE_SECONDS = keeping.IDLE_SECONDS, seconds
    try:
        yield
    finally:
        keeping.IDLE_SECONDS = usual


async def _open_and_fill(hosting: Hosting, cast: Cast, classes: list[SessionId]) -> None:
    session_id = await open_class(hosting, cast, len(cast.students))
    await say(hosting, [join(session_id, student) for student in cast.students])
    classes.append(session_id)


async def _ask_all(hosting: Hosting, cast: Cast, classes: Sequence[SessionId]) -> list[float]:
    """How long each class took to answer. Raises ServiceFailed unless all its seats are taken."""
    waits: list[float] = []

    async def ask(session_id: SessionId) -> None:
        start = time.perf_counter()
        (reply,) = await say(hosting, [command(session_id, cast.instructor, Look())])
        waits.append(time.perf_counter() - start)
        taken = json.loads(reply.body)["currentStudents"]
        if taken != len(cast.students):
            raise ServiceFailed(f"Class {session_id} has {taken} students instead of {len(cast.students)}.")

    await a_few_at_once(classes, ask, _AT_ONCE)
    return waits


def memory() -> int:
    """Resident bytes of this process, with what was freed given back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss


def loaded(hosting: Hosting) -> int:
    """How many classes are in memory; a box stays for its timer when its class has gone."""
    return sum(box.grain is not None for box in hosting._boxes.values())


async def _unload_all(hosting: Hosting) -> float:
    start = time.perf_counter()
    while loaded(hosting):
        if time.perf_counter() - start > _UNLOADING_SECONDS:
            raise ServiceFailed(f"{loaded(hosting)} classes were still in memory after {_UNLOADING_SECONDS} s.")
        await asyncio.sleep(0.1)
    return time.perf_counter() - start


@dataclass
class Course:
    """What was measured. Bytes are of the whole process, waits are seconds."""

    filling: float = 0
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    activating: float = 0
    unloading: float = 0
    filled: int = 0
    activated: int = 0
    left: int = 0


async def _measure(options: argparse.Namespace, found: Course, folder: Path) -> None:
    classes: list[SessionId] = []
    async with running_postgres(folder) as postgres:
        await asyncio.to_thread(upgrade, postgres.url)
        cast = await make_cast(postgres.url, options.seats)
        async with hosting_alone(postgres.url, _GRACE_SECONDS) as hosting:
            empty, start = memory(), time.perf_counter()
            await a_few_at_once(range(options.classes), lambda _: _open_and_fill(hosting, cast, classes), _AT_ONCE)
            found.filling, found.filled = time.perf_counter() - start, memory() - empty
            found.warm = await _ask_all(hosting, cast, classes)
        async with hosting_alone(postgres.url, _GRACE_SECONDS) as hosting:
            empty, start = memory(), time.perf_counter()
            found.cold = await _ask_all(hosting, cast, classes)
            found.activating, found.activated = time.perf_counter() - start, memory() - empty
            async with idle_after(0):
                found.unloading = await _unload_all(hosting)
            found.left = memory() - empty


def report(options: argparse.Namespace, command_typed: str, found: Course) -> Report:
    """The table of what there is. Raises NothingMeasured."""
    if not found.filled:
        raise NothingMeasured("The classes could not be opened and filled.")
    count, seats = options.classes, options.seats
    each, again, left = (size / count / 1024 for size in (found.filled, found.activated, found.left))
    rows = [
        [
            "opened, started and filled",
            f"{found.filling:.1f} s: {count / found.filling:,.0f} classes/s, {count * seats / found.filling:,.0f} seats/s",
        ],
        ["memory of a full class", f"{each:.1f} kB ({found.filled / 2**20:,.0f} MB in all)"],
    ]
    sizes = {"filled": [each]}
    if found.warm:
        rows.append(["an answer of a class in memory", _waits(found.warm)])
    if found.activated:
        sizes["activated again"] = [again]
        rows += [
            ["activation: an answer of a class that must be read", _waits(found.cold)],
            [
                "all activated again",
                f"{found.activating:.1f} s: {count / found.activating:,.0f} classes/s, {again:.1f} kB each",
            ],
        ]
    if found.unloading:
        sizes["unloaded"] = [left]
        rows.append(
            ["all unloaded", f"{found.unloading:.1f} s; {left:.1f} kB a class stay: its deadline, and what Python keeps"]
        )
    heading = f"{count:,} classes of {seats} seats alive"
    conditions = (
        f"{count:,} classes of {seats} seats on one host, {_AT_ONCE} commands at a time; host and asking client share one "
        "process. Every answer says that all seats are taken. For the unloading, classes were taken for idle at once."
    )
    chart = spread_chart(heading, "kB a class", sizes, list(sizes))
    parts = [Part(heading, table(["what", "measured"], rows), chart)]
    figures = {"classes": count, "seats": seats, **asdict(found)}
    return Report("classes", "Many classes on one host", command_typed, conditions, parts, figures=figures)


def _waits(waits: Sequence[float]) -> str:
    return f"half within {within(waits, 0.5) * 1000:.1f} ms, 99 % within {within(waits, 0.99) * 1000:.1f} ms"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 2 when something could not be measured."""
    parser = parser_of("classes", __doc__)
    parser.add_argument("--classes", type=int, default=5_000)
    parser.add_argument("--seats", type=int, default=20)
    options, found = parser.parse_args(arguments), Course()

    def measure(folder: Path, faults: Faults) -> None:
        in_loop(_measure(options, found, folder))

    return measured(options.results, measure, lambda: report(options, command_line("classes", arguments), found))


if __name__ == "__main__":
    sys.exit(main())
