"""No route reads a large table from end to end: there is an index for every statement that it causes."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from persistence.events import EventMonths
from persistence.scale import AlreadyThere, Size, fill
from persistence.statistics import Statistics
from tests.scale.routes import Statement, open_large, routes, scans

SMALL = Size(users=400, courses=40)


@pytest.fixture
async def large(databases: Any, tmp_path: Path) -> Any:
    async with databases.open() as database:
        said: list[str] = []
        async with open_large(database.url, tmp_path) as large:
            await EventMonths(database).arrange(large.edge.parts.clock(), 24)
            await fill(database.url, SMALL, said.append)
            assert said[-1] == "what the planner knows"
            yield large


async def test_every_statement_has_an_index(large: Any) -> None:
    connection = await asyncpg.connect(large.edge.database.url.replace("+asyncpg", ""))
    try:
        # So few rows are read from end to end because that is quick. Without that choice, what still is has no other way.
        # Joins that read one side whole pay at this size, too.
        for choice in ("seqscan", "hashjoin", "mergejoin"):
            await connection.execute(f"SET enable_{choice} = off")
        assert await scans(connection, Statement("SELECT count(*) FROM enrollments", ()))
        found = []
        for route in routes(SMALL):
            with large.caused() as statements:
                answer = await large.ask(route)
            assert answer.status_code in (200, 201), (route, answer.text)
            for each in statements:
                found += [f"{route.path}: {hit}: {' '.join(each.sql.split())}" for hit in await scans(connection, each)]
        assert not found, "\n".join(found)
    finally:
        await connection.close()


async def test_the_large_platform_adds_up(large: Any) -> None:
    database = large.edge.database
    statistics = Statistics(database)
    async with database.reading() as connection:
        counted = (await connection.exec_driver_sql("SELECT count(*) FROM enrollments")).scalar_one()
        progress = (await connection.exec_driver_sql("SELECT count(*) FROM lesson_progress")).scalar_one()
    assert (counted, progress) == (SMALL.users * 5, SMALL.users * 50)
    assert (await statistics.totals("00000000-0000-0000-0000-000000000000"))["enrollments"] == counted
    with pytest.raises(AlreadyThere):
        await fill(database.url, SMALL, print)
