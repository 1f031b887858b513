"""Durable joins a second: Lyceum over its socket and over REST against plain services on Postgres and a script on Redis.

All contenders are up all the time, share one Postgres, take turns (A B C, C B A, …) and meet the same crowd: every
student has a connection of their own, opened before the clock starts; then all ask at once; the clock stops at the last
answer. Classes and tokens are made before the clock, one durable join is one distinct student, and after each turn the
store is asked for every seat.

python -m loadtests.benchmarks.door [--students 4000] [--rounds 4]
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop

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
from loadtests.benchmarks.machine import cpu_of_children, describe_postgres
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import ServiceFailed, running_lyceum, running_postgres, running_redis
from loadtests.benchmarks.turns import NothingValid, Summary, Turn, interleaved, rate_chart, ratio, summarise, table
from loadtests.crowd import allow_many_connections
from loadtests.prepared import PreparedClass
from loadtests.promises import BrokenPromise
from loadtests.record import NotOnRecord
from loadtests.storm import check_promises, find_socket_url, stampede
from persistence.embedded.server import ServerFailed

SOCKET = "Lyceum, socket"
REST = "Lyceum, REST"
PLAIN = "FastAPI + asyncpg, conditional UPDATE"
PLAIN_LOCK = "FastAPI + asyncpg, SELECT FOR UPDATE"
PLAIN_ONE = "FastAPI + asyncpg, one statement"
REDIS_ALWAYS = "Redis Lua, appendfsync always"
REDIS_EVERYSEC = "Redis Lua, everysec (not durable)"
_WAYS = {PLAIN: "update", PLAIN_LOCK: "lock", PLAIN_ONE: "statement"}
_REDIS = {REDIS_ALWAYS: "always", REDIS_EVERYSEC: "everysec"}


async def run_turn(name: str, contender: Contender, prepared: PreparedClass) -> Turn:
    """One turn, checked. Raises BrokenPromise or NotOnRecord when the contender did not do what it said."""
    crowd = contender.crowd(prepared)
    await crowd.open()
    try:
        await quiet()
        before, used = psutil.cpu_times(), cpu_of_children()
        run = await stampede(crowd, prepared.session_id)
        after, now_used = psutil.cpu_times(), cpu_of_children()
        check_promises(run.journeys, len(prepared.students))
        shared = await contender.check(prepared, run.journeys)
        await contender.clear(prepared)
    finally:
        await crowd.close()
    idle = (after.idle - before.idle) / max(sum(after) - sum(before), 0.001)
    service, postgres = (after - before for before, after in zip(used, now_used, strict=True))
    waits = (run.wait(0.5), run.wait(0.99))
    return Turn(name, len(run.journeys), run.seconds, *waits, run.generator_share, idle, service, postgres, shared)


async def quiet(patience_seconds: float = 6) -> None:
    """Wait until what came before has settled: the machine is mostly idle for a quarter of a second."""
    deadline = time.monotonic() + patience_seconds
    psutil.cpu_percent()
    while time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        if psutil.cpu_percent() < 15:
            return


async def _start(stack: AsyncExitStack, folder: Path, options: argparse.Namespace) -> tuple[dict[str, Contender], str]:
    url = await stack.enter_async_context(running_postgres(folder))
    async with connected(url) as connection:
        await connection.execute("CREATE DATABASE plain_door")
    plain_database = urlsplit(url)._replace(path="/plain_door").geturl()
    async with connected(plain_database) as connection:
        await connection.execute(SCHEMA)
    contenders: dict[str, Contender] = {}
    if not options.plain_only:
        lyceum = await stack.enter_async_context(running_lyceum(folder, url, options.port, options.port + 1))
        contenders[SOCKET] = Lyceum(lyceum, url, await find_socket_url(lyceum.rest_url), None)
        contenders[REST] = Lyceum(lyceum, url, None, options.connections)
    for port, (name, way) in enumerate(_WAYS.items(), options.port + 2):
        plain = await stack.enter_async_context(running_plain(folder, plain_database, port, way))
        contenders[name] = Plain(plain, plain_database, options.connections)
    for port, (name, appendfsync) in enumerate(_REDIS.items(), options.port + 5):
        socket = await stack.enter_async_context(running_redis(folder / f"redis-{appendfsync}", appendfsync))
        door = await stack.enter_async_context(running_redis_door(folder, socket, port))
        contenders[name] = RedisDoor(door, socket)
    return contenders, url


async def _compare(options: argparse.Namespace, folder: Path) -> Report:
    async with AsyncExitStack() as stack:
        contenders, url = await _start(stack, folder, options)
        for name, contender in contenders.items():  # a first turn that does not count: caches, connections, pages
            await run_turn(name, contender, await contender.prepare(min(500, options.students)))
        turns: list[Turn] = []
        for name in interleaved(list(contenders), options.rounds):
            turn = await run_turn(name, contenders[name], await contenders[name].prepare(options.students))
            turns.append(turn)
            void = "  (void)" if turn.is_void else ""
            cpu = turn.cpu_per_join * 1e6
            print(f"{name:38} {turn.per_second:9,.0f}/s {cpu:9,.0f} µs{void}", file=sys.stderr, flush=True)
        async with connected(url) as connection:
            settings = await describe_postgres(connection)
    return _report(options, list(contenders), turns, settings)


def _report(options: argparse.Namespace, names: Sequence[str], turns: Sequence[Turn], settings: dict[str, str]) -> Report:
    summaries: list[Summary] = []
    wholly_void = []
    for name in names:
        try:
            summaries.append(summarise(name, turns))
        except NothingValid as fault:
            wholly_void.append(str(fault))
    if PLAIN not in {each.contender for each in summaries}:
        raise NothingValid(" ".join(wholly_void))
    shared = next((each.shared for each in summaries if each.contender == SOCKET), None)
    targets = [
        Target("socket against conditional UPDATE", ratio(summaries, SOCKET, PLAIN), 10, unit="×"),
        Target("socket against Redis Lua with `always`", ratio(summaries, SOCKET, REDIS_ALWAYS), 1, unit="×"),
        Target("REST against conditional UPDATE", ratio(summaries, REST, PLAIN), 2, unit="×"),
        Target("decisions that share a commit in a stampede over the socket", shared, 100),
    ]
    conditions = (
        f"{options.students:,} students at once on as many seats of one class, {options.rounds} interleaved turns each, a "
        f"connection a student; PostgreSQL {settings['server_version']} with fsync and synchronous_commit "
        f"{settings['synchronous_commit']}. The plain services have two uvicorn workers with uvloop and httptools; the "
        "script on Redis stands behind one picows process that speaks our socket's protocol and sends all joins of a "
        "loop's turn at once."
    )
    return Report(
        "door",
        "The door: durable joins a second",
        "make bench ONLY=door",
        conditions,
        [Part("A stampede", "\n".join([table(summaries, PLAIN), *wholly_void]), rate_chart("Durable joins", summaries))],
        [] if options.plain_only else targets,
        {
            "postgres": settings,
            "studentsATurn": options.students,
            "restConnections": options.connections or options.students,
            "contenders": [asdict(each) for each in summaries],
            "turns": [{**asdict(turn), "perSecond": turn.per_second, "void": turn.is_void} for turn in turns],
        },
    )


def measured(comparing: Coroutine[Any, Any, Report]) -> int:
    """Run a comparison and keep its report. 1 when a target was missed, 2 with a sentence when it could not be made."""

    async def ended_by_us() -> Report:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # servers are ours to end
        return await comparing

    allow_many_connections()
    try:
        report = uvloop.run(ended_by_us())
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("The comparison was interrupted.", file=sys.stderr)
        return 2
    except (BrokenPromise, NotOnRecord, NothingValid, ServiceFailed, ServerFailed, OSError) as fault:
        print(f"The comparison could not be made: {fault}", file=sys.stderr)
        return 2
    return 0 if report.keep() else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison, print its table and keep its figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.benchmarks.door", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=4_000, help="a turn, each with one join")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contender")
    parser.add_argument("--connections", type=int, help="REST: keep-alive connections (default: one a student)")
    parser.add_argument("--port", type=int, default=9_900, help="the first of seven ports to use")
    parser.add_argument("--plain-only", action="store_true", help="without Lyceum")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-door-") as folder:
        Path(folder).chmod(0o711)  # as root, Postgres runs as somebody else who must pass through
        return measured(_compare(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
