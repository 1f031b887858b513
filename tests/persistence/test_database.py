import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from persistence.database import Database, open_engine, url_of
from persistence.errors import StoreAway
from persistence.pools import open_pool


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("postgresql://u:p%40ss@db.example:5433/lyceum", "postgresql+asyncpg://u:p%40ss@db.example:5433/lyceum"),
        ("postgres://u@db/lyceum", "postgresql+asyncpg://u@db/lyceum"),
        ("postgresql://postgres:@/postgres?host=/run/pg", "postgresql+asyncpg://postgres@/postgres?host=%2Frun%2Fpg"),
        ("postgresql://db/lyceum?sslmode=require", "postgresql+asyncpg://db/lyceum?ssl=require"),
    ],
)
def test_urls_mean_the_same_to_both_drivers(said: str, meant: str) -> None:
    assert url_of(said).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize("url", ["mysql://db/lyceum", "postgresql://db", "lyceum"])
def test_what_is_no_database_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database URL"):
        url_of(url)


async def test_a_block_that_raises_leaves_nothing_behind(database: Any) -> None:
    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE left_behind (x int)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT to_regclass('left_behind')"))).scalar_one() is None


async def test_a_fault_of_ours_is_not_taken_for_an_absent_store(database: Any) -> None:
    with pytest.raises(ProgrammingError):
        async with database.reading() as connection:
            await connection.execute(text("SELECT nonsense"))


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/db", "postgresql://u@/db?host=/nowhere"])
async def test_a_store_that_cannot_be_reached_is_away(url: str) -> None:
    database = Database(open_engine(url))
    for use in (database.reading, database.writing):
        with pytest.raises(StoreAway):
            async with asyncio.timeout(10), use() as connection:
                await connection.execute(text("SELECT 1"))
    with pytest.raises(StoreAway):
        await database.check()
    await database.close()


async def test_connections_that_the_server_cut_are_replaced(database_url: str) -> None:
    database = Database(open_engine(database_url, size=2, spare=0))
    async with database.reading() as connection:
        mine = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    other = Database(open_engine(database_url))
    async with other.reading() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    await database.check()
    await database.close()
    await other.close()


async def test_a_connection_cut_in_the_middle_is_a_store_that_is_away(database_url: str) -> None:
    database, other = Database(open_engine(database_url)), Database(open_engine(database_url))

    async def be_cut() -> None:
        async with database.writing() as connection:
            mine = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with other.reading() as killer:
                await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
            await connection.execute(text("SELECT 1"))

    with pytest.raises(StoreAway):
        await be_cut()
    await database.check()
    await database.close()
    await other.close()


async def test_a_pool_without_connections_needs_no_server_yet() -> None:
    pool = await open_pool("postgresql://u@127.0.0.1:1/db", least=0)
    await pool.close()


async def test_pools_speak_utc(database_url: str) -> None:
    pool = await open_pool(database_url)
    assert await pool.fetchval("SHOW timezone") == "UTC"
    await pool.close()
