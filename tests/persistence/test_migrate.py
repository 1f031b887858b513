import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from persistence.database import open_engine
from persistence.migrate import upgrade
from persistence.models import Base
from persistence.tables import __all__ as _known  # noqa: F401 - every model must be known


def test_upgrading_twice_changes_nothing_and_needs_no_loop(database_url: str) -> None:
    upgrade(database_url)


async def test_upgrade_works_inside_a_running_loop(database_url: str) -> None:
    assert asyncio.get_running_loop().is_running()
    upgrade(database_url)


async def test_the_models_say_what_the_migrations_made(database_url: str) -> None:
    engine = open_engine(database_url)

    def differences(connection: Connection) -> list[object]:
        ours = Base.metadata.tables
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
        return [
            change
            for change in found
            # Tables without a model here belong to stores that write plain SQL.
            if not (change[0] == "remove_table" and change[1].name not in ours)
            and not (change[0] == "remove_index" and change[1].table.name not in ours)
        ]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()
