"""asyncpg pools from a database URL. Without SQLAlchemy, whose import would double the time a host needs to come back."""

from collections.abc import Mapping
from typing import Any

import asyncpg

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
SESSION: Mapping[str, str] = {"timezone": "UTC", "application_name": "lyceum"}


async def open_pool(database_url: str, size: int = 2, least: int = 1, **options: Any) -> "asyncpg.Pool[asyncpg.Record]":
    """An asyncpg pool of `least` to `size` connections. `options` go to `asyncpg.create_pool`.

    With `least` 0 nothing is connected to yet; otherwise raises OSError, TimeoutError or asyncpg.PostgresError when the
    server cannot be reached.
    """
    settings = {"command_timeout": STATEMENT_SECONDS, "timeout": CONNECT_SECONDS, **options}
    return await asyncpg.create_pool(
        database_url.replace("postgresql+asyncpg://", "postgresql://", 1),
        min_size=min(least, size),
        max_size=size,
        server_settings=dict(SESSION),
        **settings,
    )
