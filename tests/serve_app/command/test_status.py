"""What `lyceum status` says of a database that would not survive a power failure."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from persistence.embedded import postgres
from serve_app.command.status import warnings


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server as `lyceum up` starts it."""
    folder = Path(tempfile.mkdtemp(prefix="lyceum-st-"))
    folder.chmod(0o711)
    server = postgres.start(folder / "data", folder / "pg", folder / "postgres.log")
    yield server.url
    server.stop(20)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_server_of_ours_needs_no_warning(url: str) -> None:
    assert warnings(url) == []


def test_an_operator_is_warned_of_a_default_that_does_not_wait_for_the_disk(url: str) -> None:
    async def execute(statement: str) -> None:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute("ALTER DATABASE lyceum SET synchronous_commit = 'off'"))
    try:
        [warning] = warnings(url)
    finally:
        asyncio.run(execute("ALTER DATABASE lyceum RESET synchronous_commit"))
    assert warning.startswith("Not safe against power loss. PostgreSQL runs with synchronous_commit off")


def test_of_a_database_that_is_away_nothing_is_said(tmp_path: Path) -> None:
    assert warnings(f"postgresql://nobody@/nothing?host={tmp_path}") == []
