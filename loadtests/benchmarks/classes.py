"""Many small classes alive on one host: memory, how quickly one that is not in memory answers, and unloading.

Drives a host as its actor runs it, on the real journal and Postgres; people have no sockets here.

python -m loadtests.benchmarks.classes [--classes 5000] [--seats 20]
"""

import argparse
import asyncio
import ctypes
import gc
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import psutil

from actors import keeping
from actors.envelopes import Envelope
from actors.hosting import Hosting
from classroom.ids import SessionId
from classroom.live.commands import Look
from loadtests.benchmarks.bare_host import (
    Cast,
    a_few_at_once,
    command,
    hosting_alone,
    join,
    make_cast,
    open_class,
    say,
)
from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.door import measured
from loadtests.benchmarks.report import Part, Report
from loadtests.benchmarks.servers import ServiceFailed, running_postgres
from loadtests.benchmarks.waits import within
from persistence.migrate import upgrade

_AT_ONCE = 32
_UNLOADING_SECONDS = 120


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


async def _ask(hosting: Hosting, envelope: Envelope, waits: list[float]) -> None:
    start = time.perf_counter()
    await say(hosting, [envelope])
    waits.append(time.perf_counter() - start)


async def _ask_all(hosting: Hosting, cast: Cast, classes: Sequence[SessionId]) -> list[float]:
    waits: list[float] = []
    asked = [partial(_ask, hosting, command(each, cast.instructor, Look()), waits) for each in classes]
    await a_few_at_once(asked, _AT_ONCE)
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


async def _measure(options: argparse.Namespace, folder: Path) -> Report:
    classes: list[SessionId] = []
    found = Course()
    async with running_postgres(folder) as url:
        await asyncio.to_thread(upgrade, url)
        cast = await make_cast(url, options.seats)
        async with hosting_alone(url) as hosting:
            empty, start = memory(), time.perf_counter()
            await a_few_at_once([partial(_open_and_fill, hosting, cast, classes)] * options.classes, _AT_ONCE)
            found.filling, found.filled = time.perf_counter() - start, memory() - empty
            found.warm = await _ask_all(hosting, cast, classes)
        async with hosting_alone(url) as hosting:
            empty, start = memory(), time.perf_counter()
            found.cold = await _ask_all(hosting, cast, classes)
            found.activating, found.activated = time.perf_counter() - start, memory() - empty
            async with idle_after(0):
                found.unloading = await _unload_all(hosting)
            found.left = memory() - empty
    return report(options.classes, options.seats, found)


def report(count: int, seats: int, found: Course) -> Report:
    """The table."""
    each, again, left = (size / count / 1024 for size in (found.filled, found.activated, found.left))
    rows = {
        "opened, started and filled": f"{found.filling:.1f} s: {count / found.filling:,.0f} classes/s, "
        f"{count * seats / found.filling:,.0f} seats/s",
        "memory of a full class": f"{each:.1f} kB ({found.filled / 2**20:,.0f} MB in all)",
        "an answer of a class in memory": _waits(found.warm),
        "activation: an answer of a class that must be read": _waits(found.cold),
        "all activated again": f"{found.activating:.1f} s: {count / found.activating:,.0f} classes/s, {again:.1f} kB each",
        "all unloaded": f"{found.unloading:.1f} s; {left:.1f} kB a class stay: its deadline, and what Python keeps",
    }
    sizes = {"filled": each, "activated again": again, "unloaded": left}
    heading = f"{count:,} classes of {seats} seats alive"
    chart = bar_chart(heading, "kB a class", [Bar(name, size, size, size, ours=True) for name, size in sizes.items()])
    conditions = (
        f"{count:,} classes of {seats} seats on one host, {_AT_ONCE} commands at a time; host and asking client share one "
        "process. For the unloading, classes were taken for idle at once."
    )
    table = "\n".join(["| what | measured |", "|---|---:|", *(f"| {what} | {value} |" for what, value in rows.items())])
    return Report(
        "classes",
        "Many classes on one host",
        "make bench ONLY=classes",
        conditions,
        [Part(heading, table, chart)],
        figures={"classes": count, "seats": seats, **asdict(found)},
    )


def _waits(waits: Sequence[float]) -> str:
    return f"half within {within(waits, 0.5) * 1000:.1f} ms, 99 % within {within(waits, 0.99) * 1000:.1f} ms"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=5_000)
    parser.add_argument("--seats", type=int, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-classes-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        return measured(_measure(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
