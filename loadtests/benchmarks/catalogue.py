"""What Ray Serve costs: the catalogue's page through Serve against the same application on bare uvicorn.

Two processes each, one Postgres and one Redis for both, turns A B, B A, …: first as many requests as a number of keep-alive
connections can get, then evenly at half of what bare uvicorn managed, where waits are counted from when a request was due.

python -m loadtests.benchmarks.catalogue [--seconds 4] [--rounds 4]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from classroom.ids import CourseId
from loadtests.benchmarks.bare_host import make_cast, now
from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.door import measured, quiet
from loadtests.benchmarks.machine import cpu_of_children
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import (
    SECRET_KEY,
    ServiceFailed,
    running_lyceum,
    running_postgres,
    running_redis,
    running_uvicorn,
)
from loadtests.benchmarks.turns import BOTTLENECK, IDLE, interleaved
from loadtests.benchmarks.waits import within
from loadtests.http_client import HttpConnection, get_request
from persistence.courses import CourseText, PostgresCourses
from persistence.database import Database, open_engine
from persistence.ids import new_id
from persistence.migrate import upgrade

SERVE, BARE = "Ray Serve", "bare uvicorn"
PATH = "/api/courses"
_COURSES = 60
_CONNECTIONS = 32


@dataclass(frozen=True)
class Turn:
    """What one turn measured. `generator_share` is a part of one core, `machine_idle` of the machine, both under load."""

    contender: str
    requests: int
    seconds: float
    loaded_within: float
    half_within: float
    most_within: float
    cpu_seconds: float
    generator_share: float
    machine_idle: float

    @property
    def per_second(self) -> float:
        """Answers a second under load."""
        return self.requests / self.seconds

    @property
    def is_void(self) -> bool:
        """Whether the generator set the pace."""
        return self.generator_share > BOTTLENECK and self.machine_idle > IDLE


class Readers:
    """Keep-alive connections that ask for the page."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._request = get_request(self._parts.netloc, PATH)
        self._free: asyncio.LifoQueue[HttpConnection] = asyncio.LifoQueue()

    async def open(self) -> None:
        """Connect."""
        for _ in range(_CONNECTIONS):
            self._free.put_nowait(await HttpConnection.open(self._parts.hostname or "", self._parts.port or 80))

    def close(self) -> None:
        """Hang up."""
        while not self._free.empty():
            self._free.get_nowait().close()

    async def read(self, due: float, waits: list[float]) -> None:
        """The page, once a connection is free. Raises ServiceFailed when it is not the page."""
        connection = await self._free.get()
        try:
            status, body = await connection.ask(self._request)
        finally:
            self._free.put_nowait(connection)
        if status != 200 or not body.startswith(b'{"items":[{'):
            raise ServiceFailed(f"GET {PATH} answered {status} {body[:200]!r}")
        waits.append(time.perf_counter() - due)

    async def hurry(self, seconds: float) -> list[float]:
        """As many as can be had; how long each took."""
        waits: list[float] = []
        until = time.perf_counter() + seconds

        async def one() -> None:
            while (start := time.perf_counter()) < until:
                await self.read(start, waits)

        await asyncio.gather(*(one() for _ in range(_CONNECTIONS)))
        return waits

    async def stroll(self, rate: float, seconds: float) -> list[float]:
        """So many a second, evenly, whatever comes back; how long each took from when it was due."""
        waits: list[float] = []
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = start + number / rate
                if due > time.perf_counter():
                    await asyncio.sleep(due - time.perf_counter())
                group.create_task(self.read(due, waits))
        return waits


async def take_turn(name: str, url: str, seconds: float, rate: float) -> Turn:
    """Under load, then at `rate` (0: not)."""
    readers = Readers(url)
    await readers.open()
    try:
        await quiet()
        before, used = psutil.cpu_times(), sum(cpu_of_children())
        own, start = time.process_time(), time.perf_counter()
        loaded = await readers.hurry(seconds)
        took, after = time.perf_counter() - start, psutil.cpu_times()
        share, cpu = (time.process_time() - own) / took, sum(cpu_of_children()) - used
        calm = await readers.stroll(rate, seconds) if rate else loaded
    finally:
        readers.close()
    idle = (after.idle - before.idle) / max(sum(after) - sum(before), 0.001)
    return Turn(name, len(loaded), took, within(loaded, 0.99), within(calm, 0.5), within(calm, 0.99), cpu, share, idle)


async def _make_catalogue(database_url: str) -> None:
    cast = await make_cast(database_url, 1)
    database = Database(open_engine(database_url))
    try:
        courses = PostgresCourses(database)
        for number in range(_COURSES):
            text = CourseText(title=f"Course {number}", summary="What it is about, in a sentence or two. " * 3)
            course = await courses.create(CourseId(new_id()), cast.instructor.user_id, text, now())
            await courses.move(course.id, ("draft",), "published", now())
    finally:
        await database.close()


async def _compare(options: argparse.Namespace, folder: Path) -> Report:
    async with AsyncExitStack() as stack:
        database_url = await stack.enter_async_context(running_postgres(folder))
        await asyncio.to_thread(upgrade, database_url)
        await _make_catalogue(database_url)
        redis = await stack.enter_async_context(running_redis(folder / "redis", "everysec"))
        settings = {
            "LYCEUM_DATABASE_URL": database_url,
            "LYCEUM_REDIS_URL": f"unix://{redis}",
            "LYCEUM_SECRET_KEY": SECRET_KEY,
            "LYCEUM_RATE_LIMIT_PER_MINUTE": "100000000",
        }
        lyceum = await stack.enter_async_context(
            running_lyceum(folder, database_url, options.port, options.port + 1, settings)
        )
        log, port = folder / "bare.log", options.port + 2
        application = "loadtests.benchmarks.catalogue_app:application"
        bare = await stack.enter_async_context(running_uvicorn(application, settings, port, log, health=PATH))
        urls = {SERVE: lyceum.rest_url, BARE: bare}
        await take_turn(SERVE, urls[SERVE], 1, 0)
        rate = (await take_turn(BARE, urls[BARE], 1, 0)).per_second / 2
        turns = []
        for name in interleaved([SERVE, BARE], options.rounds):
            turns.append(await take_turn(name, urls[name], options.seconds, rate))
            print(f"{name:16} {turns[-1].per_second:8,.0f}/s", file=sys.stderr, flush=True)
    return report(turns, rate)


def report(turns: Sequence[Turn], rate: float) -> Report:
    """The table and its targets."""
    head = "| server | requests/s (median) | slowest – fastest | CPU a request | 99 % under load "
    lines = [
        head + f"| half / 99 % at {rate:,.0f}/s | generator, of a core | machine idle |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    bars, rates, most = [], {}, {}
    for name in (SERVE, BARE):
        mine = [turn for turn in turns if turn.contender == name and not turn.is_void]
        if not mine:
            lines.append(f"| {name} | all turns void: the generator was the bottleneck |")
            continue
        found = sorted(turn.per_second for turn in mine)
        rates[name], most[name] = median(found), median(turn.most_within for turn in mine)
        lines.append(
            f"| {name} | {rates[name]:,.0f} | {found[0]:,.0f} – {found[-1]:,.0f} "
            f"| {median(turn.cpu_seconds / turn.requests for turn in mine) * 1e6:,.0f} µs "
            f"| {median(turn.loaded_within for turn in mine) * 1000:.1f} ms "
            f"| {median(turn.half_within for turn in mine) * 1000:.1f} / {most[name] * 1000:.1f} ms "
            f"| {median(turn.generator_share for turn in mine):.0%} | {median(turn.machine_idle for turn in mine):.0%} |"
        )
        bars.append(Bar(name, rates[name], found[0], found[-1], name == SERVE))
    void = sum(turn.is_void for turn in turns)
    lines += [f"{void} void turns (generator at its limit while the machine was idle) are left out."] if void else []
    both = len(rates) == 2
    targets = [
        Target("requests a second against bare uvicorn", rates[SERVE] / rates[BARE] if both else None, 0.8, unit="×"),
        Target("99 % against bare uvicorn", most[SERVE] / most[BARE] if both else None, 1.5, at_most=True, unit="×"),
    ]
    conditions = (
        f"GET {PATH} (a page of 20 of {_COURSES} courses), {_CONNECTIONS} keep-alive connections, two processes each; Serve "
        "has HAProxy before them, as `lyceum up` runs it."
    )
    part = Part("The catalogue's page", "\n".join(lines), bar_chart("The catalogue's page", "requests a second", bars))
    figures = {"turns": [asdict(turn) for turn in turns], "calmRate": rate}
    return Report("catalogue", "REST through Serve", "make bench ONLY=catalogue", conditions, [part], targets, figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each half of a turn")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--port", type=int, default=9_930, help="the first of three ports to use")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-catalogue-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        return measured(_compare(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
