"""Blows against the running system under load, by a seeded schedule, and a verdict after each.

python -m tests.chaos_live.campaign --seed 1 --trials 33 --report var/chaos     starts and stops a system of its own
"""

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import psutil

from loadtests.crowd import allow_many_connections, pauses
from loadtests.follower import Follower
from loadtests.http_client import HttpConnection
from loadtests.prepared import PreparedClass, Student, read_prepared
from tests.chaos_live.blows import BLOWS, on_small_disk
from tests.chaos_live.people import Person, Room, rest_request
from tests.chaos_live.verdict import judge
from tests.end_to_end.operating import STOP_SECONDS, RunningLyceum, settings_for, spawn_up, wait_ready

CLASSES = 4
STUDENTS = 5
THINK_SECONDS = 0.3
BEFORE_SECONDS, AFTER_SECONDS = 1.5, 2.5
RECOVERY_SECONDS = 60.0
DISK = "database's disk full"
_STUDENT: list[tuple[Hashable, ...]] = [
    *[("join", True)] * 4, ("join", False), *[("leave",)] * 3, *[("status",)] * 2, ("chat",)
]  # fmt: skip
_TEACHER: list[tuple[Hashable, ...]] = [("capacity", 1), ("capacity", 2), ("capacity", 3), ("status",), ("chat",), ("chat",)]


@dataclass
class Trial:
    """One blow and what came of it. `failover` are the seconds from the blow to the first answer to somebody who asked
    after it, one for each class and way (socket, REST)."""

    seed: int
    blow: str
    detail: str = ""
    questions: int = 0
    states: int = 0
    longest_wait: float = 0.0
    failover: list[float] = field(default_factory=list)
    violation: str = ""


async def trial(lyceum: RunningLyceum, prepared: PreparedClass, seed: int, blow: str) -> Trial:
    """Classes at work, the blow in the middle, a verdict at the end."""
    rng = random.Random(f"{seed} {blow}")
    outcome = Trial(seed, blow)
    teacher = Student("teacher", prepared.instructor_token)
    rooms = [await _open_class(lyceum, prepared, rng.randint(1, 3)) for _ in range(CLASSES)]
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with (
        asyncpg.create_pool(lyceum.database_url, min_size=0, max_size=2, command_timeout=20) as pool,
        _following(lyceum, prepared, rooms) as followers,
    ):
        lives = []
        for room in rooms:
            for number, who in enumerate((teacher, *rng.sample(prepared.students, STUDENTS))):
                way = "socket" if number % 2 else "rest"
                person = Person(lyceum.http_url, lyceum.realtime_url, who, room, way, rng)
                lives.append(asyncio.create_task(person.live(_STUDENT if number else _TEACHER, THINK_SECONDS, over)))
        try:
            await asyncio.sleep(BEFORE_SECONDS + rng.random())
            struck = loop.time()
            outcome.detail = await BLOWS[blow](lyceum, rng)
            if blow == DISK:
                struck = loop.time()  # without room nobody can be answered
            await _recovered(rooms, struck)
            await asyncio.sleep(AFTER_SECONDS)
        finally:
            over.set()
            await asyncio.gather(*lives)
        outcome.failover = [round(seconds, 3) for seconds in _failovers(rooms, struck).values()]
        outcome.longest_wait = round(max(end - start for room in rooms for _, start, end in room.answered), 3)
        outcome.questions = sum(len(room.history.operations) + len(room.said) for room in rooms)
        try:
            assert len(outcome.failover) == 2 * CLASSES, f"no answer within {RECOVERY_SECONDS:.0f} s after the blow"
            odd = [each for room in rooms for each in room.odd]
            assert not odd, f"{len(odd)} answers break the contract: {odd[0]}"
            for room in rooms:
                outcome.states += await judge(pool, room, followers[room.id])
        except (AssertionError, TimeoutError) as broken:
            outcome.violation = str(broken) or type(broken).__name__
    return outcome


async def _recovered(rooms: Sequence[Room], struck: float) -> None:
    """Returns when every class has answered over both ways, or patience ends."""
    loop = asyncio.get_running_loop()
    while len(_failovers(rooms, struck)) < 2 * CLASSES and loop.time() < struck + RECOVERY_SECONDS:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _failovers(rooms: Sequence[Room], struck: float) -> dict[tuple[str, str], float]:
    """By class and way: how long after the blow the first was answered who asked after it."""
    found: dict[tuple[str, str], float] = {}
    for room in rooms:
        for way, asked, answered in room.answered:
            if asked >= struck:
                found[room.id, way] = min(found.get((room.id, way), 1e9), answered - struck)
    return found


async def _open_class(lyceum: RunningLyceum, prepared: PreparedClass, capacity: int) -> Room:
    """A class that has begun, made as its owner makes it."""
    body = {
        "courseId": prepared.course_id,
        "title": "Storm",
        "startTime": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
        "durationMinutes": 240,
        "maxStudents": capacity,
    }
    made = await _insist(lyceum, prepared, "/api/live-sessions", body)
    await _insist(lyceum, prepared, f"/api/live-sessions/{made['id']}/start", {})
    return Room(made["id"], capacity)


async def _insist(lyceum: RunningLyceum, prepared: PreparedClass, path: str, body: dict[str, Any]) -> Any:
    """What the owner is told; the system may still suffer from the blow before."""
    netloc = urlsplit(lyceum.http_url).netloc
    request = rest_request("POST", netloc, path, prepared.instructor_token, body, None)
    async with asyncio.timeout(RECOVERY_SECONDS):
        for pause in pauses():
            try:
                connection = await HttpConnection.open(*_address(netloc))
                try:
                    status, said = await connection.ask(request)
                finally:
                    connection.close()
            except OSError:
                status, said = 0, b""
            if status in (200, 201):
                return msgspec.json.decode(said)
            assert status in (0, 429, 502, 503, 504), (status, said)
            await asyncio.sleep(pause)
    raise AssertionError("Pauses have no end.")


def _address(netloc: str) -> tuple[str, int]:
    host, _, port = netloc.partition(":")
    return host, int(port)


@asynccontextmanager
async def _following(
    lyceum: RunningLyceum, prepared: PreparedClass, rooms: Sequence[Room]
) -> AsyncIterator[dict[str, list[Follower]]]:
    """The owner follows all topics of all classes, and comes back after every cut."""

    async def find_url() -> str:
        return lyceum.realtime_url

    views = ("", ":staff", ":queue")
    token = prepared.instructor_token
    followers = {room.id: [Follower(find_url, token, f"live:{room.id}{view}") for view in views] for room in rooms}
    everybody = [each for some in followers.values() for each in some]
    try:
        await asyncio.gather(*(each.start() for each in everybody))
        yield followers
    finally:
        await asyncio.gather(*(each.stop() for each in everybody))


@contextmanager
def a_system(small_disk: bool, ports: tuple[int, int] | None = None) -> Iterator[RunningLyceum]:
    """One of our own, with a grace so long that nobody is sent out meanwhile; if wished, its data on 1 GB of memory that
    can be filled (needs root)."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o711)
    data_dir, log = folder / "data", folder / "up.log"
    data_dir.mkdir()
    if small_disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=0755", "tmpfs", str(data_dir)], check=True)
    chosen = {"LYCEUM_HTTP_PORT": str(ports[0]), "LYCEUM_REALTIME_PORT": str(ports[1])} if ports else {}
    env = settings_for(data_dir, LYCEUM_RECONNECT_GRACE_SECONDS="3600", **chosen)
    process = spawn_up(env, log)
    try:
        run = wait_ready(process, data_dir, log)
        yield RunningLyceum(
            http_url=f"http://127.0.0.1:{run['http_port']}",
            realtime_url=f"ws://127.0.0.1:{run['realtime_port']}/ws",
            data_dir=data_dir,
            pid=process.pid,
            database_url=str(run["database_url"]),
            redis_url=str(run["redis_url"]),
            env=env,
        )
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if small_disk:
            subprocess.run(["umount", str(data_dir)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def prepare(lyceum: RunningLyceum) -> PreparedClass:
    """A course with students; the classes of each trial are made in it."""
    done = lyceum.command("loadtest", "prepare", "--students", "30", "--capacity", "1", timeout=120)
    assert done.returncode == 0, done.stderr
    return read_prepared(done.stdout)


def schedule(seed: int, trials: int, names: Sequence[str]) -> list[tuple[int, str]]:
    """Each blow equally often, in an order that the seed decides; a seed of its own for each trial."""
    order = [names[number % len(names)] for number in range(trials)]
    random.Random(seed).shuffle(order)
    return [(seed * 10_000 + number, blow) for number, blow in enumerate(order)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(outcomes: Sequence[Trial]) -> str:
    """The report as Markdown."""
    kinds: dict[str, list[Trial]] = defaultdict(list)
    for each in outcomes:
        kinds[each.blow].append(each)
    lines = [
        "| fault | trials | questions | violations | failover p50 | failover p99 | longest wait of anybody |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, some in [*sorted(kinds.items()), ("all", list(outcomes))]:
        waits = [seconds for each in some for seconds in each.failover] or [float("nan")]
        cells = [
            name,
            str(len(some)),
            f"{sum(each.questions for each in some):,}",
            str(sum(bool(each.violation) for each in some)),
            *(f"{seconds:.2f} s" for seconds in (percentile(waits, 0.5), percentile(waits, 0.99))),
            f"{max(each.longest_wait for each in some):.2f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


async def campaign(lyceum: RunningLyceum, prepared: PreparedClass, plan: Sequence[tuple[int, str]]) -> list[Trial]:
    """Trial after trial; says how each went. A trial that cannot even begin is a violation, too."""
    outcomes = []
    for seed, blow in plan:
        try:
            outcome = await trial(lyceum, prepared, seed, blow)
        except (OSError, AssertionError) as fault:  # TimeoutError is an OSError, TopicBroken an AssertionError
            outcome = Trial(seed, blow, violation=f"the system did not come back: {fault!r}")
        outcomes.append(outcome)
        worst = max(outcome.failover, default=float("nan"))
        said = outcome.violation or f"well, failover {worst:.2f} s"
        print(f"{seed} {blow} ({outcome.detail}): {outcome.questions} questions, {said}", flush=True)
    return outcomes


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total // 2**30
    return {"system": platform.platform(), "cores": psutil.cpu_count(), "memory_gb": memory, "load": psutil.getloadavg()[1]}


def main() -> int:
    """Run; 1 when a promise broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos_live.campaign", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=2 * len(BLOWS))
    parser.add_argument("--blow", action="append", choices=list(BLOWS), help="only this one; may be said again")
    parser.add_argument("--ports", type=int, nargs=2, metavar=("HTTP", "SOCKETS"))
    parser.add_argument("--report", type=Path, help="a file name without ending, for .json and .md")
    options = parser.parse_args()
    allow_many_connections()
    names = options.blow or [name for name in BLOWS if name != DISK or os.geteuid() == 0]
    if DISK not in names and not options.blow:
        print(f"Left out: {DISK}. Only root can give the database a small disk of its own.")
    began = time.monotonic()
    with a_system(DISK in names, tuple(options.ports) if options.ports else None) as lyceum:
        assert DISK not in names or on_small_disk(lyceum.data_dir)
        outcomes = asyncio.run(campaign(lyceum, prepare(lyceum), schedule(options.seed, options.trials, names)))
    text = table(outcomes)
    print(f"\n{text}\n")
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "seed": options.seed,
            "seconds": round(time.monotonic() - began),
            "trials": [asdict(each) for each in outcomes],
        }
        options.report.with_suffix(".json").write_text(json.dumps(report, indent=1))
        options.report.with_suffix(".md").write_text(text + "\n")
    for each in outcomes:
        if each.violation:
            print(f"VIOLATION seed {each.seed}, {each.blow}: {each.violation}", file=sys.stderr)
    return int(any(each.violation for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
