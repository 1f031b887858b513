"""What survives a power failure, asked of a real server whose settings an operator has changed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from persistence.durability import find_risks
from persistence.errors import StoreAway
from persistence.live_pool import open_live_pool


@asynccontextmanager
async def server_with(database_url: str, names: Sequence[str]) -> AsyncIterator[None]:
    """These settings are off for whoever connects inside the block."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    try:
        for name in names:
            await connection.execute(f"ALTER SYSTEM SET {name} = 'off'")
        await _reloaded(connection, names, "off")
        yield
    finally:
        for name in names:
            await connection.execute(f"ALTER SYSTEM RESET {name}")
        await _reloaded(connection, names, None)
        await connection.close()


async def _reloaded(connection: "asyncpg.Connection[Any]", names: Sequence[str], value: str | None) -> None:
    """Returns when new connections see it: the server reads its files in its own time, this connection when it next asks."""
    await connection.execute("SELECT pg_reload_conf()")
    for name in names:
        for _ in range(1_000):
            shown = await connection.fetchval("SELECT setting FROM pg_settings WHERE name = $1", name)
            if (shown == "off") == (value == "off"):
                break
        else:
            pytest.fail(f"{name} is still {shown}")


@pytest.mark.parametrize(
    "off",
    [[], ["fsync"], ["full_page_writes"], ["synchronous_commit"], ["fsync", "full_page_writes", "synchronous_commit"]],
    ids="-".join,
)
async def test_each_setting_that_is_off_is_a_risk_with_its_harm(database_url: str, off: list[str]) -> None:
    async with server_with(database_url, off):
        risks = await find_risks(database_url)
    assert [risk.setting for risk in risks] == off
    assert [str(risk) for risk in risks] == [f"PostgreSQL runs with {risk.setting} off: {risk.harm}." for risk in risks]


async def test_a_default_of_the_database_counts_as_well(database_url: str) -> None:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = 'off'")
    try:
        assert [risk.setting for risk in await find_risks(database_url)] == ["synchronous_commit"]
    finally:
        await connection.execute(f"ALTER DATABASE {database} RESET synchronous_commit")
        await connection.close()


async def test_a_server_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    with pytest.raises(StoreAway):
        await find_risks(f"postgresql://nobody@/nothing?host={tmp_path}")


@pytest.mark.parametrize(("default", "used"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
async def test_connections_of_the_live_class_wait_for_the_disk_whatever_the_default(
    database_url: str, default: str, used: str
) -> None:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = '{default}'")
    try:
        pool = await open_live_pool(database_url, size=2)
        try:
            async with pool.acquire() as first, pool.acquire() as second:
                assert [await each.fetchval("SHOW synchronous_commit") for each in (first, second)] == [used, used]
        finally:
            await pool.close()
    finally:
        await connection.execute(f"ALTER DATABASE {database} RESET synchronous_commit")
        await connection.close()
