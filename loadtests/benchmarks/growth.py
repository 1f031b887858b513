"""How the door's rate grows with the number of classes and of hosts, and how long a join takes when the door is not busy.

The same students come over sockets, all at once, spread over one class, two, four or eight; the ways take turns (A B C D,
D C B A, …). Then `lyceum up` is started again and again with one host and with several (A B, B A), with eight classes each.
On a machine with few cores the generator, the gateway and Postgres share them with the hosts: rates cannot grow past that.

python -m loadtests.benchmarks.growth [--students 4000] [--rounds 3] [--classes 1 2 4 8] [--hosts 1 2]
"""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from loadtests.benchmarks.door import measured, quiet
from loadtests.benchmarks.door_peers import Lyceum, decisions_a_commit
from loadtests.benchmarks.machine import cpu_of_children
from loadtests.benchmarks.report import Part, Report
from loadtests.benchmarks.servers import LyceumService, ServiceFailed, running_lyceum, running_postgres
from loadtests.benchmarks.turns import Turn, interleaved, rate_chart, summarise, table
from loadtests.benchmarks.waits import within
from loadtests.crowd import SocketCrowd
from loadtests.http_client import HttpConnection, post_request
from loadtests.prepared import PreparedClass
from loadtests.storm import check_promises, find_socket_url

_PLENTY = {"LYCEUM_RATE_LIMIT_PER_MINUTE": "1000000", "LYCEUM_LIVE_RATE_LIMIT_PER_MINUTE": "1000000"}
_CALM_SECONDS = 3.0


async def open_class(service: LyceumService, prepared: PreparedClass, seats: int) -> str:
    """Another class of the prepared course, started; its id. Raises ServiceFailed."""
    body = {
        "courseId": prepared.course_id,
        "title": "Another class",
        "startTime": datetime.now(UTC).isoformat(),
        "durationMinutes": 240,
        "maxStudents": seats,
    }
    parts = urlsplit(service.rest_url)
    connection = await HttpConnection.open(parts.hostname or "", parts.port or 80)
    try:
        path = "/api/live-sessions"
        request = post_request(parts.netloc, path, prepared.instructor_token, json.dumps(body).encode())
        status, said = await connection.ask(request)
        if status != 201:
            raise ServiceFailed(f"The class could not be made: {status} {said[:200]!r}")
        session_id = str(json.loads(said)["id"])
        status, said = await connection.ask(
            post_request(parts.netloc, f"{path}/{session_id}/start", prepared.instructor_token)
        )
        if status != 200:
            raise ServiceFailed(f"The class could not be started: {status} {said[:200]!r}")
    finally:
        connection.close()
    return session_id


async def take_turn(name: str, door: Lyceum, prepared: PreparedClass, classes: int, spread_seconds: float = 0) -> Turn:
    """All students, over so many classes, at once or evenly over some seconds; checked in Postgres."""
    rooms = [
        replace(
            prepared,
            session_id=await open_class(door.service, prepared, len(prepared.students)),
            students=prepared.students[number::classes],
        )
        for number in range(classes)
    ]
    crowds = [SocketCrowd(door.socket_url or "", room.students) for room in rooms]
    try:
        for crowd in crowds:
            await crowd.open()
        await quiet()
        gc.collect()
        gc.disable()  # a collection among many live objects stops the generator for tens of milliseconds
        before, used, own, start = psutil.cpu_times(), cpu_of_children(), time.process_time(), time.perf_counter()
        parties = await asyncio.gather(
            *(crowd.join(room.session_id, 60, spread_seconds) for crowd, room in zip(crowds, rooms, strict=True))
        )
        took = max(each.answered_at for party in parties for each in party) - start
        generator = (time.process_time() - own) / took
        after, now_used = psutil.cpu_times(), cpu_of_children()
        gc.enable()
        shared = []
        for room, party in zip(rooms, parties, strict=True):
            check_promises(party, len(prepared.students))
            await door.check(room, party)
            shared.append(await decisions_a_commit(door.database_url, room.session_id))
            await door.clear(room)
    finally:
        gc.enable()
        for crowd in crowds:
            await crowd.close()
    waits = [each.seconds for party in parties for each in party]
    idle = (after.idle - before.idle) / max(sum(after) - sum(before), 0.001)
    service, postgres = (now - then for then, now in zip(used, now_used, strict=True))
    return Turn(
        name, len(waits), took, within(waits, 0.5), within(waits, 0.99), generator, idle, service, postgres, median(shared)
    )


async def _door(stack: AsyncExitStack, folder: Path, database_url: str, options: argparse.Namespace, hosts: int) -> Lyceum:
    settings = {**_PLENTY, "LYCEUM_GRAIN_HOSTS": str(hosts)}
    running = running_lyceum(folder, database_url, options.port, options.port + 1, settings)
    service = await stack.enter_async_context(running)
    return Lyceum(service, database_url, await find_socket_url(service.rest_url), None)


def _say(turn: Turn) -> Turn:
    print(f"{turn.contender:24} {turn.per_second:9,.0f}/s", file=sys.stderr, flush=True)
    return turn


async def _measure(options: argparse.Namespace, folder: Path) -> Report:
    sizes, hosts = {_classes(count): count for count in options.classes}, {_hosts(count): count for count in options.hosts}
    by_classes: list[Turn] = []
    by_hosts: list[Turn] = []
    async with running_postgres(folder) as url:
        async with AsyncExitStack() as stack:
            door = await _door(stack, folder, url, options, 2)
            prepared = await door.prepare(options.students)
            await take_turn("warm", door, prepared, 2)
            for name in interleaved(list(sizes), options.rounds):
                by_classes += [_say(await take_turn(name, door, prepared, sizes[name]))]
            saturated = summarise(next(iter(sizes)), by_classes).per_second
            few = replace(prepared, students=prepared.students[: max(50, int(saturated / 10 * _CALM_SECONDS))])
            calm = await take_turn("a tenth of it", door, few, 1, len(few.students) / (saturated / 10))
        for name in interleaved(list(hosts), 2):
            async with AsyncExitStack() as stack:
                door = await _door(stack, folder, url, options, hosts[name])
                await take_turn("warm", door, prepared, 8)
                for _ in range(2):
                    by_hosts += [_say(await take_turn(name, door, prepared, 8))]
    return report(options.students, list(sizes), list(hosts), by_classes, by_hosts, calm)


def report(
    students: int,
    sizes: Sequence[str],
    hosts: Sequence[str],
    by_classes: Sequence[Turn],
    by_hosts: Sequence[Turn],
    calm: Turn,
) -> Report:
    """The tables."""
    of_classes, of_hosts = [summarise(name, by_classes) for name in sizes], [summarise(name, by_hosts) for name in hosts]
    quiet_door = (
        f"| joins/s | half within | 99 % within | decisions a commit |\n|---:|---:|---:|---:|\n| {calm.per_second:,.0f} "
        f"| {calm.half_within * 1000:.1f} ms | {calm.most_within * 1000:.1f} ms | {calm.shared:,.1f} |"
    )
    parts = [
        Part("From one class to many, two hosts", table(of_classes, sizes[0]), rate_chart("Joins by classes", of_classes)),
        Part("A tenth of the rate of one class, evenly", quiet_door),
        Part("From one host to more, eight classes", table(of_hosts, hosts[0]), rate_chart("Joins by hosts", of_hosts)),
    ]
    conditions = f"{students:,} students at once over sockets, all with a seat; classes of one course."
    figures = {"turns": [asdict(turn) for turn in (*by_classes, *by_hosts, calm)]}
    return Report("growth", "How the door grows", "make bench ONLY=growth", conditions, parts, figures=figures)


def _classes(count: int) -> str:
    return f"{count} class{'es' if count > 1 else ''}"


def _hosts(count: int) -> str:
    return f"{count} host{'s' if count > 1 else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--classes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--port", type=int, default=9_920, help="the first of two ports to use")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-growth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        return measured(_measure(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
