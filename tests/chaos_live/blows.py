"""What is done to the running system. Each blow returns when it has fallen; what it began it also ends."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from tests.end_to_end.killing import find_actors, find_servers, kill
from tests.end_to_end.operating import RunningLyceum

Blow = Callable[[RunningLyceum, random.Random], Awaitable[str]]
_CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = 'active'
"""
_CUT_TRIES = 400
BACK_SECONDS = 90.0


async def _found(find: Callable[[], list[psutil.Process]], what: str) -> list[psutil.Process]:
    """What is to be struck; it may still be coming back from the blow before."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BACK_SECONDS
    while not (found := find()):
        assert loop.time() < deadline, f"{what} did not come back within {BACK_SECONDS:.0f} s"
        await asyncio.sleep(0.2)
    return found


def _killing(kind: str, all_of_them: bool) -> Blow:
    async def blow(lyceum: RunningLyceum, rng: random.Random) -> str:
        found = await _found(lambda: find_actors(lyceum.pid, kind), kind)
        doomed = found if all_of_them else [rng.choice(found)]
        await asyncio.to_thread(kill, doomed)
        return f"{len(doomed)} of {len(found)}"

    return blow


def _killing_server(program: str) -> Blow:
    async def blow(lyceum: RunningLyceum, rng: random.Random) -> str:
        found = await _found(lambda: find_servers(lyceum.pid, program), program)
        await asyncio.to_thread(kill, found)
        return ""

    return blow


async def kill_haproxy(lyceum: RunningLyceum, rng: random.Random) -> str:
    """The HTTP proxy of Serve."""
    below = psutil.Process(lyceum.pid)
    found = await _found(lambda: [each for each in below.children(recursive=True) if each.name() == "haproxy"], "haproxy")
    await asyncio.to_thread(kill, found)
    return f"{len(found)}"


async def pause_host(lyceum: RunningLyceum, rng: random.Random) -> str:
    """A host does nothing for some seconds, then goes on as if nothing had happened."""
    host = rng.choice(await _found(lambda: find_actors(lyceum.pid, "GrainHost"), "GrainHost"))
    seconds = rng.uniform(1, 6)
    host.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        if host.is_running():
            host.send_signal(signal.SIGCONT)
    return f"{seconds:.1f} s"


async def cut_commits(lyceum: RunningLyceum, rng: random.Random) -> str:
    """Connections of Postgres end while they work on a statement: nobody knows whether it was committed."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(lyceum.database_url, timeout=10)
    cut = 0
    try:
        for _ in range(_CUT_TRIES):
            cut += await connection.fetchval(_CUT)
            if cut >= 5:
                break
            await asyncio.sleep(0.005)
    finally:
        await connection.close()
    return f"{cut} cut"


async def fill_disk(lyceum: RunningLyceum, rng: random.Random) -> str:
    """The file system of the database is full for some seconds, and what the write-ahead log has in store is used up, so
    that Postgres cannot write. Only where the data has a small file system of its own."""
    filler = lyceum.data_dir / "filler"
    with filler.open("wb") as file:
        await asyncio.to_thread(_fill, file.fileno())
    try:
        refused = await _use_up_the_log(lyceum.database_url)
        await asyncio.sleep(rng.uniform(2, 5))
    finally:
        filler.unlink()
    return "Postgres could not write" if refused else "Postgres still had room"


async def _use_up_the_log(database_url: str) -> bool:
    """Whether the server stopped answering before two hundred segments were begun."""
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url, timeout=10)
        try:
            for _ in range(200):
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


BLOWS: dict[str, Blow] = {
    "one GrainHost killed": _killing("GrainHost", all_of_them=False),
    "every GrainHost killed": _killing("GrainHost", all_of_them=True),
    "Gateway killed": _killing("Gateway", all_of_them=True),
    "API replica killed": _killing("ServeReplica", all_of_them=False),
    "Serve controller killed": _killing("ServeController", all_of_them=True),
    "haproxy killed": kill_haproxy,
    "Postgres killed": _killing_server("postgres"),
    "Redis killed": _killing_server("redis-server"),
    "commits cut": cut_commits,
    "GrainHost stopped, then continued": pause_host,
    "database's disk full": fill_disk,
}
