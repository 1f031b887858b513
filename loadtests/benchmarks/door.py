"""Durable joins a second: Lyceum over its socket and over REST against plain services on Postgres and a script on Redis.

All contenders are up all the time, share one Postgres, take turns (A B C, C B A, …) and meet the same crowd: every
student has a connection of their own, opened before the clock starts; then all ask at once; the clock stops at the last
answer. Classes and tokens are made before the clock, one durable join is one distinct student, and after each turn the
store is asked for every seat.

python -m loadtests.benchmarks.door [--students 4000] [--rounds 3]
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.door_peers import (
    SCHEMA,
    Contender,
    Lyceum,
    Plain,
    RedisDoor,
    connected,
    running_plain,
    running_redis_door,
)
from loadtests.benchmarks.door_turns import take_turn
from loadtests.benchmarks.machine import Rest, at_rest, describe_postgres
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import Service, running_lyceum, running_postgres, running_redis
from loadtests.benchmarks.turns import Turn, interleaved, rate_chart, rate_table, ratio, summarise
from loadtests.storm import find_socket_url

SOCKET = "Lyceum, socket"
REST = "Lyceum, REST"
PLAIN = "FastAPI + asyncpg, conditional UPDATE"
PLAIN_LOCK = "FastAPI + asyncpg, SELECT FOR UPDATE"
PLAIN_ONE = "FastAPI + asyncpg, one statement"
REDIS_ALWAYS = "Redis Lua, appendfsync always"
REDIS_EVERYSEC = "Redis Lua, everysec (not durable)"
_WAYS = {PLAIN: "update", PLAIN_LOCK: "lock", PLAIN_ONE: "statement"}
_REDIS = {REDIS_ALWAYS: "always", REDIS_EVERYSEC: "everysec"}


@dataclass
class Found:
    """What was measured so far."""

    turns: list[Turn] = field(default_factory=list)
    rest: Rest = field(default_factory=Rest)
    settings: dict[str, str] = field(default_factory=dict)


async def _start(stack: AsyncExitStack, folder: Path, options: argparse.Namespace) -> tuple[dict[str, Contender], Service]:
    postgres = await stack.enter_async_context(running_postgres(folder))
    url, pids = postgres.url, postgres.pids
    async with connected(url) as connection:
        await connection.execute("CREATE DATABASE plain_door")
    plain_database = urlsplit(url)._replace(path="/plain_door").geturl()
    async with connected(plain_database) as connection:
        await connection.execute(SCHEMA)
    contenders: dict[str, Contender] = {}
    if not options.plain_only:
        lyceum = await stack.enter_async_context(running_lyceum(folder, url, options.port, options.port + 1))
        contenders[SOCKET] = Lyceum(lyceum, url, await find_socket_url(lyceum.rest_url), None, pids)
        contenders[REST] = Lyceum(lyceum, url, None, options.connections, pids)
    for port, (name, way) in enumerate(_WAYS.items(), options.port + 2):
        plain = await stack.enter_async_context(running_plain(folder, plain_database, port, way))
        contenders[name] = Plain(plain, plain_database, options.connections, pids)
    for port, (name, appendfsync) in enumerate(_REDIS.items(), options.port + 5):
        redis = await stack.enter_async_context(running_redis(folder / f"redis-{appendfsync}", appendfsync))
        edge = await stack.enter_async_context(running_redis_door(folder, redis.url, port))
        contenders[name] = RedisDoor(edge, redis)
    return contenders, postgres


async def _measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    async with AsyncExitStack() as stack:
        contenders, postgres = await _start(stack, folder, options)
        async with connected(postgres.url) as connection:
            found.settings = await describe_postgres(connection)
        for name, contender in contenders.items():  # a first turn that does not count: caches, connections, pages
            with faults.surviving(f"{name}, before the first turn"):
                room = await contender.prepare(min(500, options.students))
                await take_turn(name, contender, [room], Rest(busy=0.1))
        services = {pid for contender in contenders.values() for pid in contender.pids}
        found.rest = await at_rest([*services, *postgres.pids])
        for number, name in interleaved(list(contenders), options.rounds):
            with faults.surviving(f"{name}, round {number + 1}"):
                room = await contenders[name].prepare(options.students)
                turn = await take_turn(name, contenders[name], [room], found.rest, number)
                found.turns.append(turn)
                void = "  (void)" if turn.is_void else ""
                cpu = turn.cpu_per_join * 1e6
                print(f"{name:38} {turn.per_second:9,.0f}/s {cpu:9,.0f} µs{void}", file=sys.stderr, flush=True)


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The table and what was promised. Raises NothingMeasured."""
    turns, names = found.turns, list(dict.fromkeys([SOCKET, REST, *_WAYS, *_REDIS]))
    if not turns:
        raise NothingMeasured("No turn of any contender came to its end.")
    if options.plain_only:
        names = names[2:]
    ours = summarise(SOCKET, turns)
    targets = [
        Target.of("socket against conditional UPDATE", ratio(turns, SOCKET, PLAIN), 10, unit="×"),
        Target.of("socket against Redis Lua with `always`", ratio(turns, SOCKET, REDIS_ALWAYS), 1, unit="×"),
        Target.of("REST against conditional UPDATE", ratio(turns, REST, PLAIN), 2, unit="×"),
        Target("decisions that share a commit in a stampede over the socket", ours.shared if ours else None, 100),
    ]
    conditions = (
        f"{options.students:,} students at once on as many seats of one class, {options.rounds} interleaved turns each, a "
        f"connection a student; PostgreSQL {found.settings['server_version']} with fsync and synchronous_commit "
        f"{found.settings['synchronous_commit']}. The plain services have two uvicorn workers with uvloop and httptools; "
        "the script on Redis stands behind one picows process that speaks our socket's protocol and sends all joins of a "
        "loop's turn at once. Server CPU is that of a contender's own processes and, for those that keep their seats there, "
        f"of Postgres. All contenders are up at once: at rest they and Postgres use {found.rest.services:.0%} of a core "
        f"together, and {found.rest.busy:.0%} of the machine is busy."
    )
    return Report(
        "door",
        "The door: durable joins a second",
        command,
        conditions,
        [Part("A stampede", rate_table(turns, names, PLAIN), rate_chart("Durable joins", turns, names))],
        [] if options.plain_only else targets,
        {
            "postgres": found.settings,
            "atRest": asdict(found.rest),
            "studentsATurn": options.students,
            "restConnections": options.connections or options.students,
            "turns": [{**asdict(turn), "perSecond": turn.per_second, "void": turn.is_void} for turn in turns],
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed, 2 when something could not be measured."""
    parser = parser_of("door", __doc__)
    parser.add_argument("--students", type=int, default=4_000, help="a turn, each with one join")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument("--connections", type=int, help="REST: keep-alive connections (default: one a student)")
    parser.add_argument("--port", type=int, default=9_900, help="the first of seven ports to use")
    parser.add_argument("--plain-only", action="store_true", help="without Lyceum")
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda folder, faults: in_loop(_measure(options, found, folder, faults)),
        lambda: report(options, command_line("door", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
