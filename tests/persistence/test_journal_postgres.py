import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import StoreAway
from persistence.ids import new_id
from persistence.journal import Committed
from persistence.live_pool import open_live_pool


async def blocked(live: Any) -> int:
    """How many of Postgres' connections wait for another one's lock."""
    waiting: int = await live.pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return waiting


async def until_blocked(live: Any, count: int = 1) -> None:
    async def enough() -> bool:
        return await blocked(live) >= count

    await live.until(enough)


@asynccontextmanager
async def uncommitted(live: Any, sql: str, *arguments: Any) -> AsyncIterator[Any]:
    """Another connection in a transaction that has run `sql`; ends it however the test says, else rolls back."""
    async with live.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(sql, *arguments)
        try:
            yield transaction
        finally:
            if connection.is_in_transaction():
                await transaction.rollback()


def in_the_way(live: Any, lesson: Any) -> Any:
    """Another connection that holds the event at offset 1, so that a commit of it hangs behind its fence."""
    return uncommitted(
        live,
        """
        INSERT INTO live_events (session_id, "offset", live_offset, staff_offset, queue_offset, at, type, payload)
        VALUES ($1, 1, 1, 1, 1, now(), 'x', '{}')
        """,
        lesson.session_id,
    )


CLAIM = "UPDATE actor_shards SET epoch = epoch + 1 WHERE shard_id = $1"


async def settled(answer: asyncio.Future[Committed]) -> Committed:
    return await asyncio.wait_for(answer, 10)


async def test_a_commit_waits_for_a_claim_and_is_fenced_by_it(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal()
    lesson, other = await live.make_class(), await live.make_class()
    async with uncommitted(live, CLAIM, lesson.shard_id) as claim:
        stale = journal.append(lesson.write(1, session=lesson.row(), intervals=[lesson.stay(new_id())]))
        fine = journal.append(other.write(1))
        await until_blocked(live)
        assert not stale.done()
        await claim.commit()

    assert await settled(stale) is Committed.FENCED
    assert await settled(fine) is Committed.YES
    assert (await live.log.load(lesson.session_id)).tail == []
    assert await live.records.get(lesson.session_id) is None


async def test_a_claim_that_was_taken_back_fences_nothing(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal()
    lesson = await live.make_class()
    async with uncommitted(live, CLAIM, lesson.shard_id) as claim:
        answer = journal.append(lesson.write(1))
        await until_blocked(live)
        await claim.rollback()

    assert await settled(answer) is Committed.YES


async def test_a_claim_waits_for_the_commit_that_is_under_way(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal()
    lesson = await live.make_class()
    async with in_the_way(live, lesson) as other:
        answer = journal.append(lesson.write(1))
        await until_blocked(live)
        claim = asyncio.create_task(live.ownership.claim("new", [lesson.shard_id]))
        await until_blocked(live, 2)
        assert not claim.done()
        await other.rollback()

    assert await settled(answer) is Committed.YES
    epochs = await asyncio.wait_for(claim, 10)
    assert epochs == {lesson.shard_id: lesson.epoch + 1}
    # What the new owner reads has everything that the old one was told is durable.
    assert [event.offset for event in (await live.log.load(lesson.session_id)).tail] == [1]
    assert await settled(journal.append(lesson.write(2))) is Committed.FENCED


async def test_claims_and_commits_of_many_shards_never_deadlock(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal()
    lessons = [await live.make_class() for _ in range(12)]
    shards = [lesson.shard_id for lesson in lessons]
    written = dict.fromkeys(shards, 0)

    async def write() -> None:
        for turn in range(30):
            order = lessons if turn % 2 else lessons[::-1]
            answers = [journal.append(lesson.write(written[lesson.shard_id] + 1)) for lesson in order]
            for lesson, answer in zip(order, answers, strict=True):
                committed = await settled(answer)
                assert committed in (Committed.YES, Committed.FENCED)
                written[lesson.shard_id] += committed is Committed.YES

    async def claim() -> None:
        for turn in range(30):
            epochs = await live.ownership.claim("host", shards if turn % 2 else shards[::-1])
            for lesson in lessons:
                lesson.epoch = epochs[lesson.shard_id]

    await asyncio.wait_for(asyncio.gather(write(), claim()), 60)

    for lesson in lessons:
        tail = (await live.log.load(lesson.session_id)).tail
        assert [event.offset for event in tail] == list(range(1, written[lesson.shard_id] + 1))
    assert journal.stats.unknown == 0


async def test_a_cut_connection_leaves_batch_and_followers_unknown_and_then_goes_on(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal()
    lesson, other = await live.make_class(), await live.make_class()
    async with in_the_way(live, lesson):
        first = journal.append(lesson.write(1))
        bystander = journal.append(other.write(1))
        await until_blocked(live)
        behind = [journal.append(lesson.write(2)), journal.append(other.write(2))]
        await live.pool.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

        assert {await settled(answer) for answer in (first, bystander, *behind)} == {Committed.UNKNOWN}

    assert (await live.log.load(lesson.session_id)).tail == []
    # A grain that has not heard yet and writes on behind its lost events makes no hole.
    assert await settled(journal.append(lesson.write(3))) is Committed.UNKNOWN
    assert await settled(journal.append(lesson.write(1, 2))) is Committed.YES
    assert await settled(journal.append(other.write(1))) is Committed.YES


async def test_a_commit_that_takes_too_long_is_unknown_and_the_next_one_is_not(postgres_live: Any) -> None:
    live = postgres_live
    journal = live.start_journal(commit_seconds=0.3)
    lesson, other = await live.make_class(), await live.make_class()
    async with in_the_way(live, lesson):
        assert await settled(journal.append(lesson.write(1))) is Committed.UNKNOWN
        assert await settled(journal.append(other.write(1))) is Committed.YES

    assert await settled(journal.append(lesson.write(1))) is Committed.YES


@pytest.mark.parametrize("fault", ["title", "course", "command", "payload", "reason"])
async def test_what_postgres_cannot_hold_hurts_nobody_else(postgres_live: Any, fault: str) -> None:
    live = postgres_live
    journal = live.start_journal()
    lessons = [await live.make_class() for _ in range(9)]
    bad = lessons[4]
    spoiled = {
        "title": bad.write(1, session=bad.row(title="a\x00b")),
        "course": bad.write(1, session=bad.row(course_id=new_id())),
        "command": bad.write(1, events=[bad.event(1, command_id="u:\x00")]),
        "payload": bad.write(1, events=[bad.event(1, payload=b"{")]),
        "reason": bad.write(1, intervals=[bad.stay(new_id(), 1, bad.at, "bored")]),
    }[fault]

    answers = [journal.append(spoiled if lesson is bad else lesson.write(1)) for lesson in lessons]

    assert [await settled(answer) for answer in answers] == [
        Committed.UNKNOWN if lesson is bad else Committed.YES for lesson in lessons
    ]
    assert (await live.log.load(bad.session_id)).tail == []
    assert await settled(journal.append(bad.write(1))) is Committed.YES


@asynccontextmanager
async def default_of_the_database(live: Any, name: str, value: str) -> AsyncIterator[None]:
    """What an administrator may have set for all who connect."""
    database = await live.pool.fetchval("SELECT quote_ident(current_database())")
    await live.pool.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
    try:
        await live.pool.expire_connections()
        assert await live.pool.fetchval("SELECT reset_val FROM pg_settings WHERE name = $1", name) == value
        yield
    finally:
        await live.pool.execute(f"ALTER DATABASE {database} RESET {name}")
        await live.pool.expire_connections()


async def test_the_fence_holds_where_the_database_prefers_another_isolation(postgres_live: Any) -> None:
    live = postgres_live
    lesson, other = await live.make_class(), await live.make_class()
    async with default_of_the_database(live, "default_transaction_isolation", "repeatable read"):
        journal = live.start_journal()
        async with uncommitted(live, CLAIM, lesson.shard_id) as claim:
            stale, fine = journal.append(lesson.write(1)), journal.append(other.write(1))
            await until_blocked(live)
            await claim.commit()
        assert await settled(stale) is Committed.FENCED
        assert await settled(fine) is Committed.YES


async def test_commits_are_durable_even_where_the_database_would_not_wait_for_the_disk(postgres_live: Any) -> None:
    live = postgres_live
    lesson = await live.make_class()
    await live.pool.execute("CREATE TABLE IF NOT EXISTS durability (setting text)")
    await live.pool.execute(
        """
        CREATE OR REPLACE FUNCTION note_durability() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO durability VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$
        """
    )
    await live.pool.execute("CREATE TRIGGER note AFTER INSERT ON live_events EXECUTE FUNCTION note_durability()")
    try:
        async with default_of_the_database(live, "synchronous_commit", "off"):
            assert await settled(live.start_journal().append(lesson.write(1))) is Committed.YES
            assert await live.pool.fetch("SELECT setting FROM durability") == [("on",)]
    finally:
        await live.pool.execute("DROP TRIGGER note ON live_events")
        await live.pool.execute("DROP TABLE durability")


async def test_readers_say_that_postgres_is_away(postgres_live: Any) -> None:
    live = postgres_live

    async def look() -> None:
        await live.log.load(new_id())

    async with uncommitted(live, "LOCK TABLE live_snapshots"):
        reading = asyncio.create_task(look())
        await until_blocked(live)
        await live.pool.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(StoreAway):
            await reading
    await look()


async def test_where_nobody_listens_the_pool_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreAway):
        await asyncio.wait_for(open_live_pool(f"postgresql://nobody@/nothing?host={tmp_path}"), 5)
