"""What Ray Serve costs: the catalogue's page through Serve against the same application on bare uvicorn.

Two processes each, one Postgres and one Redis for both, turns A B, B A, …: first as many requests as a number of keep-alive
connections can get, then evenly at half of what bare uvicorn managed, where waits are counted from when a request was due.

python -m loadtests.benchmarks.catalogue [--seconds 4] [--rounds 3]
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from classroom.ids import CourseId
from loadtests.benchmarks.bare_host import make_cast, now
from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.machine import Meter, Rest, at_rest, generator_bound, quiet
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import (
    SECRET_KEY,
    ServiceFailed,
    running_lyceum,
    running_postgres,
    running_redis,
    running_uvicorn,
)
from loadtests.benchmarks.tables import paired, spread, spread_chart, table
from loadtests.benchmarks.turns import interleaved
from loadtests.http_client import HttpConnection, get_request
from loadtests.waits import within
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
    round: int = 0
    busy_before: float = 0

    @property
    def per_second(self) -> float:
        """Answers a second under load."""
        return self.requests / self.seconds

    @property
    def is_void(self) -> bool:
        """Whether the generator may have set the pace."""
        return generator_bound(self.generator_share)


@dataclass
class Found:
    """What was measured so far. `rate` is that of the even half of a turn."""

    turns: list[Turn] = field(default_factory=list)
    rate: float = 0
    rest: Rest = field(default_factory=Rest)


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


@dataclass(frozen=True)
class Contender:
    """A server under test; `pids` are its processes, Postgres' and Redis' among them."""

    name: str
    url: str
    pids: Sequence[int]


async def take_turn(contender: Contender, seconds: float, rate: float, rest: Rest, number: int = 0) -> Turn:
    """Under load, then at `rate` (0: not)."""
    readers = Readers(contender.url)
    try:
        await readers.open()
        busy = await quiet(rest)
        meter = Meter(contender.pids)
        loaded = await readers.hurry(seconds)
        usage = meter.read()
        calm = await readers.stroll(rate, seconds) if rate else loaded
    finally:
        readers.close()
    return Turn(
        contender.name,
        len(loaded),
        usage.seconds,
        within(loaded, 0.99),
        within(calm, 0.5),
        within(calm, 0.99),
        usage.service_cpu,
        usage.generator_share,
        usage.machine_idle,
        number,
        busy,
    )


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


async def _start(stack: AsyncExitStack, folder: Path, port: int) -> dict[str, Contender]:
    postgres = await stack.enter_async_context(running_postgres(folder))
    await asyncio.to_thread(upgrade, postgres.url)
    await _make_catalogue(postgres.url)
    redis = await stack.enter_async_context(running_redis(folder / "redis", "everysec"))
    settings = {
        "LYCEUM_DATABASE_URL": postgres.url,
        "LYCEUM_REDIS_URL": f"unix://{redis.url}",
        "LYCEUM_SECRET_KEY": SECRET_KEY,
        "LYCEUM_RATE_LIMIT_PER_MINUTE": "100000000",
    }
    lyceum = await stack.enter_async_context(running_lyceum(folder, postgres.url, port, port + 1, settings))
    application, log = "loadtests.benchmarks.catalogue_app:application", folder / "bare.log"
    bare = await stack.enter_async_context(running_uvicorn(application, settings, port + 2, log, health=PATH))
    both = (*postgres.pids, *redis.pids)
    serve = Contender(SERVE, lyceum.rest_url, (*lyceum.pids, *both))
    return {SERVE: serve, BARE: Contender(BARE, bare.url, (*bare.pids, *both))}


async def _measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    async with AsyncExitStack() as stack:
        contenders = await _start(stack, folder, options.port)
        for contender in contenders.values():  # a first turn that does not count: caches, connections, compiled statements
            await take_turn(contender, options.seconds, 0, Rest(busy=0.1))
        found.rest = await at_rest([pid for contender in contenders.values() for pid in contender.pids])
        tried = [await take_turn(contenders[BARE], options.seconds / 2, 0, found.rest) for _ in range(2)]
        found.rate = median(turn.per_second for turn in tried) / 2
        for number, name in interleaved([SERVE, BARE], options.rounds):
            with faults.surviving(f"{name}, round {number + 1}"):
                turn = await take_turn(contenders[name], options.seconds, found.rate, found.rest, number)
                found.turns.append(turn)
                void = "  (void)" if turn.is_void else ""
                print(f"{name:16} {turn.per_second:8,.0f}/s{void}", file=sys.stderr, flush=True)


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The table and its targets. Raises NothingMeasured."""
    turns = found.turns
    if not turns:
        raise NothingMeasured("No turn came to its end.")
    valid = [turn for turn in turns if not turn.is_void]
    both = {name: [turn for turn in valid if turn.contender == name] for name in (SERVE, BARE)}
    rates = {name: {turn.round: turn.per_second for turn in mine} for name, mine in both.items()}
    most = {name: {turn.round: turn.most_within for turn in mine} for name, mine in both.items()}
    rows = []
    for name, mine in both.items():
        own = spread(list(rates[name].values()))
        if own is None:
            rows.append([name, "all turns void, or none", *["–"] * 6])
            continue
        calm = [median(waits) * 1000 for waits in zip(*((turn.half_within, turn.most_within) for turn in mine), strict=True)]
        rows.append(
            [
                name,
                f"{own.median:,.0f}",
                own.ends(0),
                f"{median(turn.cpu_seconds / turn.requests for turn in mine) * 1e6:,.0f} µs",
                f"{median(turn.loaded_within for turn in mine) * 1000:.1f} ms",
                f"{calm[0]:.1f} / {calm[1]:.1f} ms",
                f"{median(turn.generator_share for turn in mine):.0%}",
                f"{median(turn.machine_idle for turn in mine):.0%}",
            ]
        )
    head = ["server", "requests/s (median)", "slowest – fastest", "CPU a request", "99 % under load"]
    head += [f"half / 99 % at {found.rate:,.0f}/s", "generator, of a core", "machine idle"]
    void = len(turns) - len(valid)
    said = [f"{void} void turns, in which the generator was at its limit, are left out."] if void else []
    said.append(f"Before a turn the machine was at most {max(turn.busy_before for turn in turns):.0%} busy.")
    against = "against bare uvicorn"
    targets = [
        Target.of(f"requests a second {against}", paired(rates[SERVE], rates[BARE]), 0.8, unit="×"),
        Target.of(f"99 % {against}", paired(most[SERVE], most[BARE]), 1.5, at_most=True, unit="×"),
    ]
    conditions = (
        f"GET {PATH} (a page of 20 of {_COURSES} courses), {_CONNECTIONS} keep-alive connections, two processes each; Serve "
        f"has HAProxy before them, as `lyceum up` runs it; {options.rounds} interleaved turns each. CPU is that of the "
        f"server, Postgres and Redis. At rest everything together uses {found.rest.services:.0%} of a core."
    )
    bars = {name: list(own.values()) for name, own in rates.items()}
    chart = spread_chart("The catalogue's page", "requests a second", bars, [SERVE])
    part = Part("The catalogue's page", f"{table(head, rows)}\n\n{' '.join(said)}", chart)
    figures = {
        "turns": [{**asdict(turn), "void": turn.is_void} for turn in turns],
        "calmRate": found.rate,
        "atRest": asdict(found.rest),
    }
    return Report("catalogue", "REST through Serve", command, conditions, [part], targets, figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed, 2 when something could not be measured."""
    parser = parser_of("catalogue", __doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each half of a turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=9_930, help="the first of three ports to use")
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda folder, faults: in_loop(_measure(options, found, folder, faults)),
        lambda: report(options, command_line("catalogue", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
