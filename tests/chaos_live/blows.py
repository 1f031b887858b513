"""What is done to the running system. Each blow returns when it has fallen; what it began it also ends."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import psutil

from tests.chaos_live.scene import Scene
from tests.end_to_end.joining import raylet_of
from tests.end_to_end.killing import find_actors, find_servers, strike, wait_gone

BOTH_WAYS = ("rest", "socket")


@dataclass(frozen=True)
class Fallen:
    """A blow that struck. `at` is the moment after it, by the clock of the event loop; `hosts` had to be replaced (None:
    the blow was for all classes alike); `ways` are those that it cut. With `writes` only what needed a commit counts as an
    answer afterwards: what memory knows is answered meanwhile."""

    at: float
    detail: str = ""
    hosts: frozenset[str] | None = None
    ways: tuple[str, ...] = BOTH_WAYS
    writes: bool = False


class Missed(Exception):
    """The blow changed nothing, so what was seen after it says nothing."""


Blow = Callable[[Scene, random.Random], Awaitable[Fallen]]

# The journal's own statement: a connection of others that is cut proves nothing about commits.
_CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = 'active' AND query LIKE 'WITH fit_owner%'
"""
_CUT_SECONDS = 5.0
_CUTS = 3
_TAKEN_OVER_SECONDS = 15.0
_END_SECONDS = 3.0
WAL_SEGMENTS = 200


async def _strike(found: list[psutil.Process]) -> float:
    """Kills; when the last signal was sent."""

    def send() -> tuple[float, list[psutil.Process]]:
        doomed = strike(found)
        return monotonic(), doomed  # the clock of asyncio's event loop

    at, doomed = await asyncio.to_thread(send)
    await asyncio.to_thread(wait_gone, doomed)
    return at


async def kill_host(scene: Scene, rng: random.Random) -> Fallen:
    """A host that has a class."""
    host = await scene.choose_host(rng)
    return Fallen(await _strike([host.process]), host.name, frozenset({host.name}))


async def kill_hosts(scene: Scene, rng: random.Random) -> Fallen:
    """All of them at once."""
    found = find_actors(scene.lyceum.pid, "GrainHost")
    if len(found) < len(scene.home):
        raise Missed(f"only {len(found)} of {len(scene.home)} hosts were there")
    return Fallen(await _strike(found), f"{len(found)}")


def _killing(kind: str, all_of_them: bool, ways: tuple[str, ...]) -> Blow:
    async def blow(scene: Scene, rng: random.Random) -> Fallen:
        found = find_actors(scene.lyceum.pid, kind)
        if not found:
            raise Missed(f"there was no {kind}")
        doomed = found if all_of_them else [rng.choice(found)]
        return Fallen(await _strike(doomed), f"{len(doomed)} of {len(found)}", ways=ways)

    return blow


def _killing_server(program: str, writes: bool) -> Blow:
    async def blow(scene: Scene, rng: random.Random) -> Fallen:
        found = find_servers(scene.lyceum.pid, program)
        if not found:
            raise Missed(f"there was no {program}")
        return Fallen(await _strike(found), writes=writes)

    return blow


async def kill_haproxy(scene: Scene, rng: random.Random) -> Fallen:
    """The HTTP proxy of Serve."""
    below = psutil.Process(scene.lyceum.pid).children(recursive=True)
    found = [each for each in below if each.is_running() and each.name() == "haproxy"]
    if not found:
        raise Missed("there was no haproxy")
    return Fallen(await _strike(found), f"{len(found)}", ways=("rest",))


async def pause_host(scene: Scene, rng: random.Random) -> Fallen:
    """A host does nothing until others have its classes, and for some seconds at least; then it goes on as if nothing had
    happened: two owners at once."""
    host = await scene.choose_host(rng)
    shards = await scene.shards_of(host.name)
    seconds = rng.uniform(2, 6)
    host.process.send_signal(signal.SIGSTOP)
    at = monotonic()
    try:
        await asyncio.sleep(seconds)
        while not (taken := await scene.taken_by_others(host.name, shards)):
            assert monotonic() < at + _TAKEN_OVER_SECONDS, f"{host.name} stood still, and nobody took its classes"
            await asyncio.sleep(0.1)
        seconds = monotonic() - at
    finally:
        if host.process.is_running():
            host.process.send_signal(signal.SIGCONT)
    detail = f"{host.name}, {seconds:.1f} s, others took {taken} of {len(shards)} shards"
    return Fallen(at, detail, frozenset({host.name}))


async def cut_commits(scene: Scene, rng: random.Random) -> Fallen:
    """Connections of Postgres end in the middle of a commit: nobody knows whether it was done."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(scene.lyceum.database_url, timeout=10)
    cut, at, patience = 0, 0.0, monotonic() + _CUT_SECONDS
    try:
        while cut < _CUTS and monotonic() < patience:
            now = await connection.fetchval(_CUT)
            if now:
                cut, at = cut + now, monotonic()
            await asyncio.sleep(0.002)
    finally:
        await connection.close()
    if not cut:
        raise Missed("no commit was met")
    return Fallen(at, f"{cut} cut", writes=True)


async def fill_disk(scene: Scene, rng: random.Random) -> Fallen:
    """The file system of the database is full for some seconds, and what the write-ahead log has in store is used up, so
    that Postgres cannot write. It has fallen when there is room again: before that nobody can be answered. Only where the
    data has a small file system of its own."""
    filler = scene.lyceum.data_dir / "filler"
    with filler.open("wb") as file:
        await asyncio.to_thread(_fill, file.fileno())
    try:
        refused = await _use_up_the_log(scene.lyceum.database_url)
        await asyncio.sleep(rng.uniform(2, 5))
    finally:
        filler.unlink()
    if not refused:
        raise Missed("Postgres still had room")
    return Fallen(monotonic(), "Postgres could not write", writes=True)


async def kill_node(scene: Scene, rng: random.Random) -> Fallen:
    """The raylet of the second node. Its hosts end when they notice, and that is when the blow has fallen: until then they
    answer. Where a process of their ancestors adopts orphans Ray does not notice; then they are killed, too."""
    assert scene.node is not None
    raylet = raylet_of(scene.node)
    assert raylet is not None, "the second node died by itself"
    away = {each: host for each, host in (await scene.owners()).items() if host not in scene.home}
    if not away:
        raise Missed("the classes had moved away from the second node")
    hosts = find_actors(scene.node.pid, "GrainHost")
    raylet.kill()
    killed = monotonic()
    left = hosts
    while left and monotonic() < killed + _END_SECONDS:
        await asyncio.sleep(0.01)
        left = [each for each in left if _is_alive(each)]
    at = await _strike(left) if left else monotonic()
    ended = f"{len(left)} of {len(hosts)} hosts outlived it" if left else f"its hosts ended after {at - killed:.1f} s"
    return Fallen(at, f"{len(away)} classes were there, {ended}", frozenset(away.values()))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _use_up_the_log(database_url: str) -> bool:
    """Whether the server stopped answering before so many segments were begun."""
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url, timeout=10)
        try:
            for _ in range(WAL_SEGMENTS):
                await connection.execute("SELECT pg_switch_wal(), pg_logical_emit_message(false, 'chaos', 'x')", timeout=10)
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return True
    return False


def _fill(descriptor: int) -> None:
    block = bytes(1 << 16)
    for size in (len(block), 4096):
        try:
            while True:
                os.write(descriptor, block[:size])
        except OSError:
            continue


def on_small_disk(folder: Path) -> bool:
    """Whether this folder is on a file system of its own that may be filled."""
    return folder.is_mount() and os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize <= 2 << 30


DISK = "database's disk full"
NODE = "raylet of a second node killed"
BLOWS: dict[str, Blow] = {
    "one GrainHost killed": kill_host,
    "every GrainHost killed": kill_hosts,
    "Gateway killed": _killing("Gateway", all_of_them=True, ways=("socket",)),
    "API replica killed": _killing("ServeReplica", all_of_them=False, ways=("rest",)),
    "Serve controller killed": _killing("ServeController", all_of_them=True, ways=("rest",)),
    "haproxy killed": kill_haproxy,
    "Postgres killed": _killing_server("postgres", writes=True),
    "Redis killed": _killing_server("redis-server", writes=False),
    "commits cut": cut_commits,
    "GrainHost stopped, then continued": pause_host,
    DISK: fill_disk,
    NODE: kill_node,
}
