"""The database for commands that need it: the external one, that of the running system, or the embedded one for a moment."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from persistence.database import Database, open_engine
from persistence.embedded import postgres
from persistence.embedded.server import ServerFailed
from persistence.errors import StoreAway
from serve_app.command.data_folder import DataFolder, Run, make_temporary
from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings

T = TypeVar("T")


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The URL of the database inside the block, with this release's tables. Raises `CannotRun`."""
    if settings.database_url:
        yield settings.database_url
        return
    folder = DataFolder(settings.data_dir)
    run = folder.find_run()
    if run is not None and run.is_alive:
        yield run.database_url
        return
    with folder.locked():
        folder.clean_up()
        temporary = make_temporary()
        try:
            server = postgres.start(folder.postgres, temporary / "pg", folder.logs / "postgres.log")
            try:
                migrate(server.url)
                yield server.url
            finally:
                server.stop(timeout_seconds=20)
        except ServerFailed as error:
            raise CannotRun(str(error)) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def migrate(url: str) -> None:
    """Bring the tables up to this release. Raises `CannotRun` when the database cannot be reached or is of a later one."""
    from persistence.migrate import LaterSchema, upgrade  # heavy; most commands do without

    try:
        upgrade(url)
    except LaterSchema as error:
        raise CannotRun(f"The database was written by a later release of Lyceum: {error}") from error
    except (OSError, StoreAway) as error:
        raise CannotRun(f"The database cannot be reached: {error}") from error


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` against the database. Raises `CannotRun` when it is away."""

    async def run(url: str) -> T:
        database = Database(open_engine(url, size=1, spare=1))
        try:
            return await work(database)
        finally:
            await database.close()

    with database_url(settings) as url:
        try:
            return asyncio.run(run(url))
        except StoreAway as error:
            raise CannotRun(f"The database cannot be reached: {error}") from error


def running(settings: Settings) -> Run:
    """The run that serves from this data folder. Raises `CannotRun` when there is none or it is not ready yet."""
    run = DataFolder(settings.data_dir).find_run()
    if run is None or not run.is_alive:
        raise CannotRun(f"Lyceum is not running on {settings.data_dir}; `lyceum up` starts it.")
    if not run.ready:
        raise CannotRun("Lyceum is still starting; try again in a moment.")
    return run


def secret_key(settings: Settings) -> str:
    """The key that access tokens are signed with."""
    return settings.secret_key or DataFolder(settings.data_dir).secret("secret_key").read_text()
