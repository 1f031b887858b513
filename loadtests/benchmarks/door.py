"""Durable joins a second: Lyceum over its socket and over REST against a plain FastAPI + asyncpg service, in one run.

All contenders share one Postgres, take turns (A B C, C B A, …) and meet the same crowd: every student has a connection of
their own, opened before the clock starts; then all ask at once; the clock stops at the last answer. Classes and tokens are
made before the clock, one durable join is one distinct student, and after each turn Postgres is asked for every seat.

python -m loadtests.benchmarks.door [--students 5000] [--rounds 6]
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import psutil
import uvloop

from classroom.callers import Caller, Role
from classroom.ids import UserId, uuid7
from classroom.times import Moment
from loadtests.benchmarks.machine import cpu_of_children, describe_machine, describe_postgres
from loadtests.benchmarks.servers import (
    SECRET_KEY,
    LyceumService,
    ServiceFailed,
    running_lyceum,
    running_plain,
    running_postgres,
)
from loadtests.benchmarks.turns import NothingValid, Turn, interleaved, summarise, table
from loadtests.crowd import Crowd, Journey, RestCrowd, SocketCrowd, allow_many_connections
from loadtests.http_client import HttpConnection, post_request
from loadtests.prepared import PreparedClass, Student
from loadtests.promises import BrokenPromise
from loadtests.record import NotOnRecord
from loadtests.storm import check_postgres, check_promises, find_socket_url, stampede
from persistence.embedded.server import ServerFailed
from persistence.tokens import AccessTokens

PLAIN = "plain FastAPI + asyncpg"
PLAIN_ONE = "plain, one statement"
SOCKET = "Lyceum, socket"
REST = "Lyceum, REST"
RESULTS = Path(__file__).resolve().parents[1] / "results" / "door.json"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS classes (id uuid PRIMARY KEY, capacity int NOT NULL, taken int NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS seats (
    class_id uuid NOT NULL REFERENCES classes, user_id uuid NOT NULL, number int NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (class_id, user_id)
);
"""


class Contender(Protocol):
    """A door under test."""

    async def prepare(self, students: int) -> PreparedClass:
        """A class with a seat for each of its students; not on the clock."""
        ...

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """Its students, not connected yet."""
        ...

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> None:
        """Every acknowledged seat is in Postgres, or NotOnRecord is raised."""
        ...

    async def clear(self, prepared: PreparedClass) -> None:
        """Leave nothing of the class that would work on during the turns of others."""
        ...


@dataclass(frozen=True)
class Plain:
    """The plain service."""

    url: str
    database_url: str
    connections: int | None

    async def prepare(self, students: int) -> PreparedClass:
        """See `Contender.prepare`."""
        now = time.time_ns() // 1_000
        tokens = AccessTokens(SECRET_KEY)
        ids = [uuid7(now // 1_000, random.getrandbits(74)) for _ in range(students + 1)]
        people = tuple(
            Student(each, tokens.make(Caller(UserId(each), "Student", Role.STUDENT), Moment(now), 3_600, "family"))
            for each in ids[1:]
        )
        async with _connected(self.database_url) as connection:
            await connection.execute("INSERT INTO classes (id, capacity) VALUES ($1, $2)", UUID(ids[0]), students)
        return PreparedClass(ids[0], "", "", people)

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """See `Contender.crowd`."""
        return RestCrowd(self.url, prepared.students, self.connections, keyed=False)

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> None:
        """See `Contender.check`."""
        async with _connected(self.database_url) as connection:
            rows = await connection.fetch(
                "SELECT user_id::text, number FROM seats WHERE class_id = $1", UUID(prepared.session_id)
            )
        if {row["user_id"]: row["number"] for row in rows} != {each.student_id: each.answer.number for each in journeys}:
            raise NotOnRecord("The plain service's table differs from its answers.")

    async def clear(self, prepared: PreparedClass) -> None:
        """See `Contender.clear`."""


@dataclass(frozen=True)
class Lyceum:
    """Our door, over the socket when `socket_url` is given, otherwise over REST."""

    service: LyceumService
    database_url: str
    socket_url: str | None
    connections: int | None

    async def prepare(self, students: int) -> PreparedClass:
        """See `Contender.prepare`."""
        return await self.service.prepare(students, students)

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """See `Contender.crowd`."""
        if self.socket_url is not None:
            return SocketCrowd(self.socket_url, prepared.students)
        return RestCrowd(self.service.rest_url, prepared.students, self.connections, keyed=False)

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> None:
        """See `Contender.check`."""
        await check_postgres(self.database_url, prepared.session_id, journeys)

    async def clear(self, prepared: PreparedClass) -> None:
        """End the class: otherwise every seat's grace period would run out in somebody else's turn."""
        parts = urlsplit(self.service.rest_url)
        connection = await HttpConnection.open(parts.hostname or "", parts.port or 80)
        path = f"/api/live-sessions/{prepared.session_id}/end"
        try:
            status, body = await connection.ask(post_request(parts.netloc, path, prepared.instructor_token))
        finally:
            connection.close()
        if status != 200:
            raise ServiceFailed(f"The class could not be ended: {status} {body[:200]!r}")


async def run_turn(name: str, contender: Contender, prepared: PreparedClass) -> Turn:
    """One turn, checked. Raises BrokenPromise or NotOnRecord when the contender did not do what it said."""
    crowd = contender.crowd(prepared)
    await crowd.open()
    try:
        await _quiet()
        before, used = psutil.cpu_times(), cpu_of_children()
        run = await stampede(crowd, prepared.session_id)
        after, now_used = psutil.cpu_times(), cpu_of_children()
        check_promises(run.journeys, len(prepared.students))
        await contender.check(prepared, run.journeys)
        await contender.clear(prepared)
    finally:
        await crowd.close()
    idle = (after.idle - before.idle) / max(sum(after) - sum(before), 0.001)
    service, postgres = (after - before for before, after in zip(used, now_used, strict=True))
    waits = (run.wait(0.5), run.wait(0.99))
    return Turn(name, len(run.journeys), run.seconds, *waits, run.generator_share, idle, service, postgres)


async def _quiet(patience_seconds: float = 10) -> None:
    """Wait until what came before has settled: the machine is mostly idle for a quarter of a second."""
    deadline = time.monotonic() + patience_seconds
    psutil.cpu_percent()
    while time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        if psutil.cpu_percent() < 15:
            return


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def _start(stack: AsyncExitStack, folder: Path, options: argparse.Namespace) -> tuple[dict[str, Contender], str]:
    url = await stack.enter_async_context(running_postgres(folder))
    async with _connected(url) as connection:
        await connection.execute("CREATE DATABASE plain_door")
    plain_database = urlsplit(url)._replace(path="/plain_door").geturl()
    async with _connected(plain_database) as connection:
        await connection.execute(_SCHEMA)
    contenders: dict[str, Contender] = {}
    if not options.plain_only:
        lyceum = await stack.enter_async_context(running_lyceum(folder, url, options.port, options.port + 1))
        contenders[SOCKET] = Lyceum(lyceum, url, await find_socket_url(lyceum.rest_url), None)
        contenders[REST] = Lyceum(lyceum, url, None, options.connections)
    for number, name in enumerate((PLAIN, PLAIN_ONE)):
        port = options.port + 2 + number
        plain = await stack.enter_async_context(running_plain(folder, plain_database, port, name == PLAIN_ONE))
        contenders[name] = Plain(plain, plain_database, options.connections)
    return contenders, url


async def _compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # servers are ours to end, whoever ends us
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
            print(f"{name:26} {turn.per_second:9,.0f}/s {cpu:9,.0f} µs{void}", file=sys.stderr, flush=True)
        async with _connected(url) as connection:
            settings = await describe_postgres(connection)
    summaries = [summarise(name, turns) for name in contenders]
    return {
        "machine": describe_machine(),
        "postgres": settings,
        "studentsATurn": options.students,
        "restConnections": options.connections or options.students,
        "table": table(summaries, PLAIN),
        "contenders": [asdict(each) for each in summaries],
        "turns": [{**asdict(turn), "perSecond": turn.per_second, "void": turn.is_void} for turn in turns],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison, print its table and keep its figures; 1 with a sentence when it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.benchmarks.door", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=5_000, help="a turn, each with one join")
    parser.add_argument("--rounds", type=int, default=6, help="turns of each contender")
    parser.add_argument("--connections", type=int, help="REST: keep-alive connections (default: one a student)")
    parser.add_argument("--port", type=int, default=9_610, help="the first of four ports to use")
    parser.add_argument("--plain-only", action="store_true", help="only the plain service")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    allow_many_connections()
    try:
        with tempfile.TemporaryDirectory(prefix="lyceum-bench-") as folder:
            Path(folder).chmod(0o711)  # as root, Postgres runs as somebody else who must pass through
            results = uvloop.run(_compare(options, Path(folder)))
    except asyncio.CancelledError:
        print("The comparison was interrupted.", file=sys.stderr)
        return 1
    except (BrokenPromise, NotOnRecord, NothingValid, ServiceFailed, ServerFailed, OSError) as fault:
        print(f"The comparison could not be made: {fault}", file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{results['machine']}\nPostgres: {results['postgres']}\n\n{results['table']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
