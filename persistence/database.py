"""SQLAlchemy engines for the stores, and one kind of error when Postgres is away."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy import URL, text
from sqlalchemy import exc as sa_errors
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from persistence.errors import StoreAway, reaching_store
from persistence.pools import CONNECT_SECONDS, SESSION, STATEMENT_SECONDS

_AWAY_STATES = ("08", "53", "57", "58", "40", "25006")  # the same as `persistence.errors.AWAY`, by SQLSTATE


class Database:
    """One engine and the two ways to use it. Both raise `StoreAway` instead of what the driver says."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single statements, each on its own: no round trips for a transaction."""
        with _away():
            async with self._reads.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed when the block ends, undone when it raises."""
        with _away():
            async with self._engine.begin() as connection:
                yield connection

    async def check(self) -> None:
        """Ask Postgres for nothing. Raises `StoreAway` when no answer comes."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@contextmanager
def _away() -> Iterator[None]:
    try:
        with reaching_store():
            yield
    except sa_errors.TimeoutError as error:
        raise StoreAway("No connection to Postgres became free in time.") from error
    except sa_errors.DBAPIError as error:
        # SQLAlchemy wraps what asyncpg says; connecting alone raises it as it is.
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or isinstance(error, sa_errors.InterfaceError) or state.startswith(_AWAY_STATES):
            raise StoreAway(f"Postgres is away: {error.orig}") from error
        raise


def url_of(database_url: str) -> URL:
    """The URL as SQLAlchemy wants it for asyncpg. `postgres://` and `postgresql://` are the same, and a unix socket's
    folder may stand in `?host=`. Raises ValueError for another scheme or a URL that names no database."""
    parts = urlsplit(database_url)
    if parts.scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise ValueError("a database URL starts with postgresql://")
    if not parts.path.strip("/"):
        raise ValueError("a database URL names a database: postgresql://user@host/name")
    return URL.create(
        "postgresql+asyncpg",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        host=parts.hostname or None,
        port=parts.port,
        database=unquote(parts.path.strip("/")),
        query=_for_asyncpg(dict(parse_qsl(parts.query))),
    )


def _for_asyncpg(query: dict[str, str]) -> dict[str, str]:
    """libpq's word for encryption is `sslmode`, asyncpg's is `ssl`; everything else is the same."""
    mode = query.pop("sslmode", None)
    return {**query, "ssl": mode} if mode else query


def open_engine(database_url: str, size: int = 5, spare: int = 5) -> AsyncEngine:
    """An engine that keeps up to `size` connections, `size + spare` at a rush; connects when first used.

    Waiting for a free connection, connecting and each statement end after 5, 5 and 10 s with an error.
    """
    return create_async_engine(
        url_of(database_url),
        pool_size=size,
        max_overflow=spare,
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=1_800,
        pool_pre_ping=True,  # after Postgres was restarted nobody should meet a connection from before
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS, "server_settings": dict(SESSION)},
    )
