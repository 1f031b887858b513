"""A stampede at one class: everybody at once, retries with the same command, then the promises and the record are checked.

python -m loadtests.storm class.json --over socket --url http://localhost:8000 [--database-url postgresql://…]
"""

import argparse
import gc
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import uvloop

from loadtests.crowd import Crowd, Journey, RestCrowd, SocketCrowd, allow_many_connections
from loadtests.http_client import HttpConnection, get_request
from loadtests.prepared import PreparedClass, read_prepared
from loadtests.promises import BrokenPromise, Tally, check_answers
from loadtests.record import NotOnRecord, check_record, read_record


@dataclass(frozen=True)
class Stampede:
    """How one stampede went. `generator_share` is the part of one core that the generator itself used."""

    journeys: Sequence[Journey]
    seconds: float
    generator_share: float

    @property
    def per_second(self) -> float:
        """Answers a second, from the first question to the last answer."""
        return len(self.journeys) / self.seconds

    def wait(self, share: float) -> float:
        """The seconds within which `share` (0..1] of the students had their answer."""
        waits = sorted(each.seconds for each in self.journeys)
        return waits[math.ceil(share * len(waits)) - 1]


async def stampede(crowd: Crowd, session_id: str, patience_seconds: float = 60, spread_seconds: float = 0) -> Stampede:
    """The crowd, already open, goes for the door. Raises Unanswered when somebody's patience ends."""
    gc.collect()
    gc.disable()  # a collection among a hundred thousand live objects stops the generator for tens of milliseconds
    try:
        started, used = perf_counter(), process_time()
        journeys = await crowd.join(session_id, patience_seconds, spread_seconds)
        share = (process_time() - used) / (perf_counter() - started)
    finally:
        gc.enable()
    return Stampede(journeys, max(each.answered_at for each in journeys) - started, share)


async def find_socket_url(rest_url: str) -> str:
    """Where the sockets of this Lyceum are. Raises OSError when it does not say."""
    return str((await _get(rest_url, "/api/realtime", None))["url"])


async def find_capacity(rest_url: str, prepared: PreparedClass) -> int:
    """The seats of the class. Raises OSError when Lyceum does not say."""
    path = f"/api/live-sessions/{prepared.session_id}"
    return int((await _get(rest_url, path, prepared.instructor_token))["maxStudents"])


async def _get(rest_url: str, path: str, token: str | None) -> Any:
    parts = urlsplit(rest_url)
    connection = await HttpConnection.open(parts.hostname or "127.0.0.1", parts.port or 80)
    try:
        status, body = await connection.ask(get_request(parts.netloc, path, token))
    finally:
        connection.close()
    if status != 200:
        raise ConnectionRefusedError(f"GET {path} answered {status}.")
    return msgspec.json.decode(body)


def check_promises(journeys: Sequence[Journey], capacity: int) -> Tally:
    """The promises hold in what the students were told. Raises BrokenPromise."""
    return check_answers([(each.student_id, each.answer) for each in journeys], len(journeys), capacity)


async def check_postgres(database_url: str, session_id: str, journeys: Sequence[Journey]) -> None:
    """Postgres holds what the students were told. Raises NotOnRecord."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url, timeout=10)
    try:
        check_record(await read_record(connection, session_id), {each.student_id: each.answer for each in journeys})
    finally:
        await connection.close()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.storm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prepared", type=Path, help="what `lyceum loadtest prepare` printed")
    parser.add_argument("--over", choices=("socket", "rest"), default="socket")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where Lyceum answers HTTP")
    parser.add_argument("--connections", type=int, help="REST: keep-alive connections (default: one a student)")
    parser.add_argument(
        "--spread", type=float, default=0, help="seconds over which the students arrive (default: all at once)"
    )
    parser.add_argument(
        "--patience", type=float, default=60, help="seconds after which a student gives up and the run fails"
    )
    parser.add_argument("--database-url", help="check the record in Postgres, too")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace, prepared: PreparedClass) -> None:
    capacity = await find_capacity(options.url, prepared)
    crowd: Crowd
    if options.over == "socket":
        crowd = SocketCrowd(await find_socket_url(options.url), prepared.students)
    else:
        crowd = RestCrowd(options.url, prepared.students, options.connections)
    await crowd.open()
    try:
        run = await stampede(crowd, prepared.session_id, options.patience, options.spread)
        tally = check_promises(run.journeys, capacity)
        if options.database_url:
            await check_postgres(options.database_url, prepared.session_id, run.journeys)
    finally:
        await crowd.close()
    again, over = sum(each.attempts > 1 for each in run.journeys), options.over
    print(f"{len(run.journeys)} students over {over}: {tally.seated} seated, {tally.waiting} waiting, {again} asked again")
    print(
        f"{run.seconds:.3f} s, {run.per_second:,.0f} answers/s; "
        f"half within {run.wait(0.5) * 1000:.0f} ms, 99 % within {run.wait(0.99) * 1000:.0f} ms; "
        f"the generator used {run.generator_share:.0%} of a core"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stampede; 1 when it failed or a promise broke, with a sentence that says how."""
    options = _options(arguments)
    allow_many_connections()
    try:
        prepared = read_prepared(options.prepared.read_text())
        uvloop.run(_run(options, prepared))
    except (BrokenPromise, NotOnRecord) as broken:
        print(f"A promise is broken: {broken}", file=sys.stderr)
        return 1
    except (OSError, ValueError, asyncpg.PostgresError) as fault:
        print(f"The stampede could not be run: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
