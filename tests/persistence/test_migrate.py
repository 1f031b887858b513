import asyncio
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
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


_BEFORE = "0004"
_DATA = """
INSERT INTO users (id, email, name, password_hash, role) VALUES
    ('00000000-0000-7000-8000-000000000001', 'ina@example.org', 'Ina', '-', 'instructor'),
    ('00000000-0000-7000-8000-000000000002', 'sam@example.org', 'Sam', '-', 'student'),
    ('00000000-0000-7000-8000-000000000003', 'mei@example.org', 'Mei', '-', 'student');
INSERT INTO categories (id, slug, name) VALUES ('00000000-0000-7000-8000-000000000010', 'sea', 'Sea');
INSERT INTO courses (id, slug, instructor_id, category_id, title, summary, status, published_at) VALUES
    ('00000000-0000-7000-8000-000000000020', 'tides', '00000000-0000-7000-8000-000000000001',
     '00000000-0000-7000-8000-000000000010', 'Tides and the Moon', 'Ebb and flood.', 'published', now()),
    ('00000000-0000-7000-8000-000000000021', 'storms', '00000000-0000-7000-8000-000000000001', NULL,
     'Storms', '', 'draft', NULL);
INSERT INTO enrollments (id, course_id, user_id, enrolled_at, left_at) VALUES
    ('00000000-0000-7000-8000-000000000030', '00000000-0000-7000-8000-000000000020',
     '00000000-0000-7000-8000-000000000002', now(), NULL),
    ('00000000-0000-7000-8000-000000000031', '00000000-0000-7000-8000-000000000020',
     '00000000-0000-7000-8000-000000000003', now(), now());
INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, current_students,
    waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name, created_at) VALUES
    ('00000000-0000-7000-8000-000000000040', '00000000-0000-7000-8000-000000000020', 'High tide', now(), 60,
     now() + interval '1 hour', 2, 1, 0, 'live', 10, true, false, '00000000-0000-7000-8000-000000000001', 'Ina', now());
INSERT INTO attendance_intervals (session_id, user_id, ordinal, joined_at) VALUES
    ('00000000-0000-7000-8000-000000000040', '00000000-0000-7000-8000-000000000002', 1, now());
"""


async def test_a_database_of_the_release_before_with_data_in_it_is_brought_up(empty_database_url: str) -> None:
    server = await asyncpg.connect(empty_database_url)
    await server.execute("CREATE DATABASE of_the_release_before")
    url = urlunsplit(urlsplit(empty_database_url)._replace(path="/of_the_release_before"))
    try:
        await asyncio.to_thread(upgrade, url, _BEFORE)
        database = await asyncpg.connect(url)
        try:
            await database.execute(_DATA)
            kept = {table: await _rows(database, table) for table in ("users", "enrollments", "live_sessions")}
            intervals = await _rows(database, "attendance_intervals")
            await asyncio.to_thread(upgrade, url)
            for table, before in kept.items():
                assert [{name: row[name] for name in before[0]} for row in await _rows(database, table)] == before
            assert await _rows(database, "attendance_intervals") == intervals
            course = await database.fetchrow("SELECT * FROM courses WHERE slug = 'tides'")
            assert (course["student_count"], course["instructor_name"], course["lesson_count"]) == (1, "Ina", 0)
            assert await database.fetchval("SELECT course_count FROM categories") == 1
            assert await database.fetchval("SELECT count(*) FROM catalogue_words WHERE word = 'moon'") == 1
            figures = await database.fetch("SELECT name, sum(value)::int AS value FROM statistics GROUP BY name")
            counted = {row["name"]: row["value"] for row in figures}
            assert (counted["users.student"], counted["courses.published"], counted["enrollments"]) == (2, 1, 1)
        finally:
            await database.close()
    finally:
        await server.execute("DROP DATABASE of_the_release_before WITH (FORCE)")
        await server.close()


async def _rows(database: Any, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]  # noqa: S608 - our own names
