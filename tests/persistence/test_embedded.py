"""The embedded servers: started, found again after a kill, and refused with a sentence when they cannot run."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis as redis_client

from persistence.embedded import postgres, redis
from persistence.embedded.server import RunningServer, ServerFailed, spawn, wait_until


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name that everybody may pass through."""
    path = Path(tempfile.mkdtemp(prefix="lyceum-em-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def start_postgres(folder: Path) -> RunningServer:
    return postgres.start(folder / "data", folder / "pg", folder / "postgres.log")


async def ask(url: str, *statements: str) -> list[object]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        await connection.close()


async def test_postgres_is_18_durable_and_has_no_port(folder: Path) -> None:
    server = await asyncio.to_thread(start_postgres, folder)
    try:
        shown = await ask(
            server.url, *(f"SHOW {name}" for name in ("server_version", "fsync", "synchronous_commit", "listen_addresses"))
        )
        assert str(shown[0]).startswith("18.")
        assert shown[1:] == ["on", "on", ""]
        assert (folder / "pg").stat().st_mode & 0o077 == 0
        [sorted_names] = await ask(server.url, "SELECT string_agg(n, '' ORDER BY n) FROM unnest(ARRAY['b','a','B','A']) n")
        assert sorted_names == "ABab"
    finally:
        server.stop(20)
    assert not psutil.pid_exists(server.process.pid)
    assert not list((folder / "pg").iterdir())


async def test_killed_postgres_keeps_what_it_acknowledged(folder: Path) -> None:
    first = await asyncio.to_thread(start_postgres, folder)
    await ask(first.url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
    first.process.kill()
    first.process.wait(10)
    second = await asyncio.to_thread(start_postgres, folder)
    try:
        assert await ask(second.url, "SELECT x FROM t") == [7]
    finally:
        second.stop(20)


async def test_leftover_postgres_is_ended_before_the_next_starts(folder: Path) -> None:
    first = await asyncio.to_thread(start_postgres, folder)
    second = await asyncio.to_thread(start_postgres, folder)
    try:
        assert first.process.wait(10) == 0
        assert await ask(second.url, "SELECT 1") == [1]
    finally:
        second.stop(20)


def test_process_that_only_got_the_number_is_left_alone(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/postmaster.pid").write_text(f"{os.getpid()}\n")
    assert postgres.end_leftover(folder / "data") is False


def test_half_made_database_is_made_anew(folder: Path) -> None:
    (folder / "data.new").mkdir()
    (folder / "data.new/PG_VERSION").write_text("18\n")
    server = start_postgres(folder)
    server.stop(20)
    assert (folder / "data/global/pg_control").exists()
    assert not (folder / "data.new").exists()


@pytest.mark.parametrize(("content", "said"), [("16\n", "written by PostgreSQL 16"), (None, "not a database")])
def test_foreign_data_folder_is_refused(content: str | None, said: str, folder: Path) -> None:
    (folder / "data").mkdir()
    if content is not None:
        (folder / "data/PG_VERSION").write_text(content)
    with pytest.raises(ServerFailed, match=said):
        start_postgres(folder)


def test_redis_answers_and_keeps_nothing(folder: Path) -> None:
    server = redis.start(folder / "redis", folder / "redis.log")
    try:
        with redis_client.Redis.from_url(server.url, socket_timeout=5) as client:
            client.set("seat", "1")
            assert client.get("seat") == b"1"
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert (folder / "redis").stat().st_mode & 0o077 == 0
    finally:
        server.stop(10)
    assert not psutil.pid_exists(server.process.pid)
    assert list((folder / "redis").iterdir()) == []


def test_leftover_redis_is_ended(folder: Path) -> None:
    server = redis.start(folder / "redis", folder / "redis.log")
    assert redis.end_leftover(folder / "redis") is True
    assert server.process.wait(10) == 0
    assert redis.end_leftover(folder / "redis") is False


def test_server_that_dies_while_starting_is_named_with_its_last_words(folder: Path) -> None:
    log = folder / "log"
    process = spawn(["/bin/sh", "-c", "echo no room >&2; exit 3"], log)
    with pytest.raises(ServerFailed, match="Thing stopped while starting: no room"):
        wait_until(lambda: False, process, "Thing", log, timeout_seconds=10)


def test_server_that_is_never_ready_is_given_up(folder: Path) -> None:
    log = folder / "log"
    process = spawn(["/bin/sleep", "60"], log)
    try:
        with pytest.raises(ServerFailed, match="not ready within"):
            wait_until(lambda: False, process, "Thing", log, timeout_seconds=0.1)
    finally:
        process.kill()
        process.wait(5)


def test_server_that_ignores_the_signal_is_killed(folder: Path) -> None:
    process = spawn(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"], folder / "log")
    wait_until(lambda: "ready" in (folder / "log").read_text(), process, "Thing", folder / "log", timeout_seconds=10)
    RunningServer("Thing", "", process, signal.SIGTERM).stop(timeout_seconds=0.2)
    assert process.returncode == -signal.SIGKILL
