"""Events by month: a table for each, made before its month begins, dropped when it is too old."""
# ruff: noqa: S608 - made of names and dates of our own

from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.times import Moment, to_datetime
from persistence.database import Database

AHEAD = 2
"""So many months after this one have their tables."""
KEEP_MONTHS = 24
"""So long events are kept, if no admin has said otherwise."""
_LOCK = 5_015_000_001  # only one at a time makes and drops tables


class EventMonths:
    """The tables of the months. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def arrange(self, now: Moment, keep_months: int) -> tuple[list[str], list[str]]:
        """Make the tables of this month and those to come, drop those of months more than `keep_months` ago; the names of
        both. What came before its month's table was there moves into it."""
        this = to_datetime(now).date().replace(day=1)
        async with self._database.writing() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            names = set((await connection.execute(text(_MONTHS))).scalars())
            wanted = [_shifted(this, ahead) for ahead in range(AHEAD + 1)]
            made = [month for month in wanted if _name(month) not in names]
            for month in made:
                await _make(connection, month)
            oldest = _name(_shifted(this, -keep_months))
            dropped = sorted(name for name in names if name < oldest)
            for name in dropped:
                await connection.execute(text(f"DROP TABLE {name}"))
            await connection.execute(
                text("DELETE FROM events_unsorted WHERE at < :oldest"),
                {"oldest": datetime.combine(_shifted(this, -keep_months), datetime.min.time(), UTC)},
            )
        return [_name(month) for month in made], dropped

    async def months(self) -> list[str]:
        """The tables that there are, the oldest first."""
        async with self._database.reading() as connection:
            return sorted((await connection.execute(text(_MONTHS))).scalars())


async def _make(connection: AsyncConnection, month: date) -> None:
    name, following = _name(month), _shifted(month, 1)
    between = f"at >= '{month}T00:00:00Z' AND at < '{following}T00:00:00Z'"
    await connection.execute(text(f"CREATE TABLE {name} (LIKE events INCLUDING ALL)"))
    # Nobody may put another such row there before this table takes them.
    await connection.execute(text("LOCK TABLE events_unsorted IN ACCESS EXCLUSIVE MODE"))
    taken = f"DELETE FROM events_unsorted WHERE {between} RETURNING *"
    await connection.execute(text(f"WITH taken AS ({taken}) INSERT INTO {name} SELECT * FROM taken"))
    await connection.execute(
        text(
            f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{month}T00:00:00Z') TO ('{following}T00:00:00Z')"
        )
    )


def _name(month: date) -> str:
    return f"events_{month:%Y_%m}"


def _shifted(month: date, by: int) -> date:
    years, index = divmod(month.year * 12 + month.month - 1 + by, 12)
    return date(years, index + 1, 1)


# By their bounds, not by all that begins so: an operator's own table is left alone.
_MONTHS = """
    SELECT child.relname FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
    WHERE parent.relname = 'events' AND child.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
"""
