"""The servers of a comparison as processes of this run: one Postgres, and the contenders' services before it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from loadtests.http_client import HttpConnection, get_request
from loadtests.prepared import PreparedClass, read_prepared
from persistence.embedded import postgres

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET_KEY = "a-key-for-the-benchmark-and-nothing-else"


class ServiceFailed(RuntimeError):
    """A service of the comparison did not come up; the text says which and why."""


@asynccontextmanager
async def running_postgres(folder: Path) -> AsyncIterator[str]:
    """PostgreSQL as `lyceum up` runs it, with the same settings, on data of its own; gives its URL."""
    server = await asyncio.to_thread(postgres.start, folder / "postgres", folder / "socket", folder / "postgres.log")
    try:
        yield server.url
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
) -> AsyncIterator[None]:
    """A service from the moment in which it answers, and has said `word`, until it has ended. Raises ServiceFailed."""
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
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(60):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


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
    folder: Path, database_url: str, http_port: int, realtime_port: int
) -> AsyncIterator[LyceumService]:
    """`lyceum up` on this Postgres, with data of its own."""
    environment = {
        "LYCEUM_DATA_DIR": str(folder / "lyceum"),
        "LYCEUM_DATABASE_URL": database_url,
        "LYCEUM_HTTP_PORT": str(http_port),
        "LYCEUM_REALTIME_PORT": str(realtime_port),
        "LYCEUM_SECRET_KEY": SECRET_KEY,
    }
    url = f"http://127.0.0.1:{http_port}"
    async with running(
        lyceum_command("up"), environment, f"{url}/api/health", folder / "lyceum.log", 300, "Lyceum is ready"
    ):
        yield LyceumService(url, environment)


@asynccontextmanager
async def running_plain(folder: Path, database_url: str, port: int, one_statement: bool) -> AsyncIterator[str]:
    """The plain service on this Postgres with 2 uvicorn workers; gives its URL."""
    environment = {
        "PLAIN_DATABASE_URL": database_url,
        "PLAIN_SECRET_KEY": SECRET_KEY,
        "PLAIN_ONE_STATEMENT": "1" if one_statement else "0",
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "loadtests.benchmarks.plain_service:app",
        "--port",
        str(port),
        "--workers",
        "2",
    ]
    tuned = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "4096"]
    url = f"http://127.0.0.1:{port}"
    async with running([*command, *tuned], environment, f"{url}/api/health", folder / f"plain-{port}.log"):
        yield url


def lyceum_command(*arguments: str) -> list[str]:
    """The `lyceum` command of this checkout."""
    return [sys.executable, "-m", "serve_app.cli", *arguments]
