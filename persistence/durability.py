"""Whether a PostgreSQL server keeps what it acknowledged when the power goes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from persistence.errors import reaching_store

SECONDS: Final = 5.0
_HARM: Final[Mapping[str, str]] = {
    "fsync": "a power failure can lose acknowledged seats and damage the whole database",
    "full_page_writes": "a power failure in the middle of writing a page can damage the database",
    "synchronous_commit": "a power failure can lose the newest accounts and enrolments, but nothing of a class",
}
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1) AND setting = 'off'"


@dataclass(frozen=True)
class Risk:
    """A setting that is off, and what that can cost."""

    setting: str
    harm: str

    def __str__(self) -> str:
        return f"PostgreSQL runs with {self.setting} off: {self.harm}."


async def find_risks(database_url: str) -> tuple[Risk, ...]:
    """What is off for a new connection to this server, the worst first. Raises StoreAway within 5 s when it is away."""
    with reaching_store():
        async with asyncio.timeout(SECONDS):
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                database_url.replace("postgresql+asyncpg://", "postgresql://", 1), timeout=SECONDS
            )
            try:
                off = {row["name"] for row in await connection.fetch(_SETTINGS, list(_HARM))}
            finally:
                connection.terminate()
    return tuple(Risk(name, harm) for name, harm in _HARM.items() if name in off)
