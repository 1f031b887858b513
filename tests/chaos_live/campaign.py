"""Blows against the running system under load, by a seeded schedule, and a verdict after each.

python -m tests.chaos_live.campaign --seed 1 --trials 36 --report var/chaos     starts and stops a system of its own
"""

import argparse
import asyncio
import os
import random
import sys
import time
import traceback
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from loadtests.prepared import PreparedClass, Student
from tests.chaos_live.blows import BLOWS, BOTH_WAYS, DISK, NODE, Fallen, Missed, on_small_disk
from tests.chaos_live.lookout import looking_out
from tests.chaos_live.people import PATIENCE_SECONDS, Person, Room, rest_request
from tests.chaos_live.report import Campaign, Trial, report, write
from tests.chaos_live.scene import Scene
from tests.chaos_live.system import a_system, prepare
from tests.chaos_live.verdict import judge
from tests.end_to_end.operating import RunningLyceum

CLASSES = 4
STUDENTS = 5
THINK_SECONDS = 0.3
BEFORE_SECONDS, AFTER_SECONDS = 1.5, 2.5
RECOVERY_SECONDS = 60.0
TRIES = 3
"""How often a blow is dealt that changes nothing."""
_STUDENT: list[tuple[Hashable, ...]] = [
    *[("join", True)] * 4, ("join", False), *[("leave",)] * 3, *[("status",)] * 2, ("chat",)
]  # fmt: skip
_TEACHER: list[tuple[Hashable, ...]] = [("capacity", 1), ("capacity", 2), ("capacity", 3), ("status",), ("chat",), ("chat",)]


async def trial(scene: Scene, prepared: PreparedClass, outcome: Trial) -> None:
    """Classes at work, the blow in the middle, a verdict at the end. Raises Missed when the blow changed nothing, and
    AssertionError with the promise that was broken; `outcome` holds what was seen until then."""
    rng = random.Random(f"{outcome.seed} {outcome.blow} {outcome.missed}")
    await scene.whole()
    async with AsyncExitStack() as stack:
        if outcome.blow == NODE:
            await stack.enter_async_context(scene.joined_by_a_node(scene.lyceum.data_dir.parent / "node.log"))
        rooms = await _open_classes(scene, prepared, rng)
        followers = await stack.enter_async_context(_following(scene.lyceum, prepared, rooms))
        fenced, outcome.load = await scene.fenced(), round(psutil.getloadavg()[0], 2)
        try:
            fallen = await _storm(scene, prepared, rooms, outcome.blow, rng)
        finally:
            answered = [each for room in rooms for each in room.answered]
            outcome.longest_wait = round(max((each.at - each.asked for each in answered), default=0.0), 3)
            outcome.questions = sum(len(room.history.operations) + len(room.said) for room in rooms)
        ago = timedelta(seconds=asyncio.get_running_loop().time() - fallen.at)
        outcome.detail, outcome.fell = fallen.detail, (datetime.now(UTC) - ago).isoformat(timespec="milliseconds")
        struck = [room for room in rooms if fallen.hosts is None or scene.placed[room.id] in fallen.hosts]
        found = _failovers(struck, fallen, fallen.ways)
        outcome.failover = {f"{room[-8:]} {way}": round(seconds, 3) for (room, way), seconds in found.items()}
        after = await scene.fenced()
        outcome.fenced = sum(after[pid] - count for pid, count in fenced.items() if pid in after)
        assert _has_recovered(rooms, fallen), (
            f"a class gave no answer for {RECOVERY_SECONDS + PATIENCE_SECONDS:.0f} s after the blow"
        )
        odd = [each for room in rooms for each in room.odd]
        assert not odd, f"{len(odd)} answers break the contract: {odd[0]}"
        for room in rooms:
            outcome.states += await judge(scene.pool, room, followers[room.id])


async def _storm(scene: Scene, prepared: PreparedClass, rooms: Sequence[Room], blow: str, rng: random.Random) -> Fallen:
    """Everybody lives; the blow falls; some seconds after every class has answered again everybody stops."""
    over = asyncio.Event()
    teacher = Student("teacher", prepared.instructor_token)
    lives = []
    for room in rooms:
        for number, who in enumerate((teacher, *rng.sample(prepared.students, STUDENTS))):
            way = "socket" if number % 2 else "rest"
            person = Person(scene.lyceum.http_url, scene.lyceum.realtime_url, who, room, way, rng)
            lives.append(asyncio.create_task(person.live(_STUDENT if number else _TEACHER, THINK_SECONDS, over)))
    try:
        await asyncio.sleep(BEFORE_SECONDS + rng.random())
        scene.placed = await scene.owners()
        fallen = await BLOWS[blow](scene, rng)
        await _recovered(rooms, fallen)
        await asyncio.sleep(AFTER_SECONDS)
    finally:
        over.set()
        await asyncio.gather(*lives)
    return fallen


async def _recovered(rooms: Sequence[Room], fallen: Fallen) -> None:
    """Returns when every class has answered over both ways, or patience ends."""
    deadline = asyncio.get_running_loop().time() + RECOVERY_SECONDS
    while not _has_recovered(rooms, fallen) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _has_recovered(rooms: Sequence[Room], fallen: Fallen) -> bool:
    return len(_failovers(rooms, fallen, BOTH_WAYS)) == len(BOTH_WAYS) * len(rooms)


def _failovers(rooms: Sequence[Room], fallen: Fallen, ways: Sequence[str]) -> dict[tuple[str, str], float]:
    """By class and way: how long after the blow the first was answered who asked after it."""
    found: dict[tuple[str, str], float] = {}
    for room in rooms:
        for each in room.answered:
            if each.asked >= fallen.at and each.way in ways and (each.wrote or not fallen.writes):
                found[room.id, each.way] = min(found.get((room.id, each.way), 1e9), each.at - fallen.at)
    return found


async def _open_classes(scene: Scene, prepared: PreparedClass, rng: random.Random) -> list[Room]:
    """As many as a trial needs; with a second node, one of them at least is there."""
    scene.classes = []
    for _ in range(20):
        rooms = [await _open_class(scene.lyceum, prepared, rng.randint(1, 3)) for _ in range(CLASSES)]
        scene.classes = [room.id for room in rooms]
        if scene.node is None or set((await scene.owners()).values()) - scene.home:
            return rooms
    raise AssertionError("eighty classes, and none of them on the new node")


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


def schedule(seed: int, trials: int, names: Sequence[str]) -> list[tuple[int, str]]:
    """Each blow equally often, in an order that the seed decides; a seed of its own for each trial."""
    order = [names[number % len(names)] for number in range(trials)]
    random.Random(seed).shuffle(order)
    return [(seed * 10_000 + number, blow) for number, blow in enumerate(order)]


async def campaign(lyceum: RunningLyceum, prepared: PreparedClass, plan: Sequence[tuple[int, str]]) -> list[Trial]:
    """Trial after trial; says how each went."""
    outcomes = []
    async with (
        asyncpg.create_pool(lyceum.database_url, min_size=0, max_size=2, command_timeout=20) as pool,
        looking_out(lyceum.pid, lyceum.data_dir.parent / "lookout.log") as lookout,
    ):
        scene = Scene(lyceum, pool, lookout)
        await scene.begin()
        for seed, blow in plan:
            outcome = await _tried(scene, prepared, Trial(seed, blow))
            outcomes.append(outcome)
            worst = max(outcome.failover.values(), default=float("nan"))
            said = outcome.violation or f"well, failover {worst:.2f} s"
            refused = f", {outcome.fenced} stale writes refused" if outcome.fenced else ""
            print(f"{seed} {blow} ({outcome.detail}): {outcome.questions} questions{refused}, {said}", flush=True)
    return outcomes


async def _tried(scene: Scene, prepared: PreparedClass, outcome: Trial) -> Trial:
    """Whatever goes wrong in a trial, or keeps it from beginning, is a violation; so is a blow that never strikes."""
    while outcome.missed < TRIES:
        try:
            await trial(scene, prepared, outcome)
        except Missed as missed:
            outcome.missed += 1
            outcome.violation = f"the blow changed nothing {outcome.missed} times: {missed}"
        except AssertionError as broken:
            outcome.violation = str(broken) or "".join(traceback.format_exception(broken)[-2:])
            break
        except Exception as fault:
            traceback.print_exc()
            outcome.violation = f"the trial ended early: {fault!r}"
            break
        else:
            outcome.violation = ""
            break
    return outcome


def main() -> int:
    """Run; 1 when a promise broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos_live.campaign", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=3 * len(BLOWS))
    parser.add_argument("--blow", action="append", choices=list(BLOWS), help="only this one; may be said again")
    parser.add_argument("--ports", type=int, nargs=2, metavar=("HTTP", "SOCKETS"))
    parser.add_argument("--report", type=Path, help="a file name without ending, for .json and .md")
    parser.add_argument("--logs", type=Path, help="a folder that does not exist yet, for the logs of the system")
    options = parser.parse_args()
    allow_many_connections()
    names = options.blow or [name for name in BLOWS if name != DISK or os.geteuid() == 0]
    if DISK not in names and not options.blow:
        print(f"Left out: {DISK}. Only root can give the database a small disk of its own.")
    noted, began = Campaign.begin(options.seed), time.monotonic()
    ports = tuple(options.ports) if options.ports else None
    with a_system(DISK in names, ports, options.logs) as lyceum:
        assert DISK not in names or on_small_disk(lyceum.data_dir)
        outcomes = asyncio.run(campaign(lyceum, prepare(lyceum), schedule(options.seed, options.trials, names)))
        seconds = time.monotonic() - began
        print(f"\n{report(noted, outcomes, seconds)}\n")
        if options.report is not None:
            write(options.report, noted, outcomes, seconds)
    return int(any(each.violation for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
