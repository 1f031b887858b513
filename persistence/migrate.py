"""Bringing a database to the newest schema."""

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from persistence.database import url_of
from persistence.pools import CONNECT_SECONDS

_SCRIPTS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 0x4C59_4345  # "LYCE": the advisory lock under which migrations run


class LaterSchema(Exception):
    """The database was written by a later release, whose migrations this one does not have."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Run every migration up to `revision` that has not run yet; two at once wait for each other.

    Works with and without a running event loop (it blocks either way). Raises LaterSchema, or what Postgres or the
    network raises.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_upgrade(database_url, revision))
        except BaseException as error:  # handed to the caller's thread below
            failed.append(error)

    # A thread of its own, so that a loop that runs in the caller's thread does not matter.
    thread = threading.Thread(target=run, name="migrate")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


async def _upgrade(database_url: str, revision: str) -> None:
    engine = create_async_engine(url_of(database_url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            await connection.run_sync(_run_scripts, revision)
    finally:
        await engine.dispose()


def _run_scripts(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise LaterSchema(str(error)) from error
