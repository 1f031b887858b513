"""The queue on a real Postgres: with the cause or not at all, once at a time, again after a crash."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from classroom.times import Moment
from persistence import job_queue
from persistence.database import Database
from persistence.ids import new_id
from persistence.job_queue import STALE_SECONDS, Job, JobQueue
from persistence.jobs import MOST_BYTES, enqueue
from persistence.pools import open_pool
from persistence.queue_figures import look_at_queue


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Any]:
    async with await open_pool(database_url, 6) as pool:
        yield pool
        await pool.execute("DELETE FROM jobs.pgqueuer")


@pytest.fixture
def queue(pool: Any) -> JobQueue:
    return JobQueue(pool)


async def put(database: Database, kind: str, payload: dict[str, Any] | None = None, **words: Any) -> None:
    async with database.writing() as connection:
        await enqueue(connection, kind, payload or {}, **words)


def in_seconds(seconds: float) -> Moment:
    return Moment(time.time_ns() // 1_000 + int(seconds * 1_000_000))


async def test_a_job_exists_exactly_when_its_cause_was_committed(database: Database, queue: JobQueue) -> None:
    kind = new_id()

    async def cause_that_fails() -> None:
        async with database.writing() as connection:
            await enqueue(connection, kind, {"undone": True})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cause_that_fails()
    assert await queue.claim({kind: 0}, 10) == []

    async with database.writing() as connection:
        await enqueue(connection, kind, {"words": "Größe \U0001f30a", "n": [1, None]})
        assert await queue.claim({kind: 0}, 10) == []
    (job,) = await queue.claim({kind: 0}, 10)
    assert (job.kind, job.payload, job.tries) == (kind, {"words": "Größe \U0001f30a", "n": [1, None]}, 0)


async def test_a_job_of_two_workers_at_once_is_given_to_one(database: Database, pool: Any) -> None:
    kind = new_id()
    for number in range(40):
        await put(database, kind, {"number": number})
    workers = [JobQueue(pool) for _ in range(4)]
    rounds = [await asyncio.gather(*(worker.claim({kind: 0}, 5) for worker in workers)) for _ in range(4)]
    claimed = [job.payload["number"] for answers in rounds for jobs in answers for job in jobs]
    assert sorted(claimed) == list(range(40))


async def test_no_more_of_a_kind_run_at_once_than_it_allows(database: Database, pool: Any) -> None:
    kind = new_id()
    for _ in range(6):
        await put(database, kind)
    workers = [JobQueue(pool) for _ in range(3)]
    answers = await asyncio.gather(*(worker.claim({kind: 2}, 5) for worker in workers))
    held = [job for jobs in answers for job in jobs]
    held += [job for worker in workers for job in await worker.claim({kind: 2}, 5)]
    assert len(held) == 2
    await workers[0].finish(held[0])
    assert len(await workers[1].claim({kind: 2}, 5)) == 1


async def test_what_waits_under_a_key_is_there_once_and_at_the_earlier_time(database: Database, queue: JobQueue) -> None:
    kind = new_id()
    await put(database, kind, {"first": 1}, key="a", run_at=in_seconds(3_600))
    await put(database, kind, {"first": 2}, key="b", run_at=in_seconds(3_600))
    assert await queue.claim({kind: 0}, 10) == []
    await asyncio.gather(*(put(database, kind, {"later": each}, key="a") for each in range(5)))
    (job,) = await queue.claim({kind: 0}, 10)
    assert job.payload == {"first": 1}
    await put(database, f"{kind}.other", key="a")
    assert len(await queue.claim({f"{kind}.other": 0}, 10)) == 1


async def test_a_cause_that_comes_while_its_job_runs_is_not_lost(database: Database, queue: JobQueue) -> None:
    kind = new_id()
    await put(database, kind, key="a")
    (running,) = await queue.claim({kind: 0}, 10)
    await put(database, kind, key="a")
    (again,) = await queue.claim({kind: 0}, 10)
    assert again.id != running.id
    await queue.retry(running, 0, "twice of one key is allowed once they ran")
    await put(database, kind, key="a")
    await put(database, kind, key="a")
    assert len(await queue.claim({kind: 0}, 10)) == 2


async def test_a_job_waits_for_every_cause_of_its_key_to_commit(database: Database, queue: JobQueue) -> None:
    kind = new_id()
    await put(database, kind, key="a")
    async with database.writing() as connection:
        await enqueue(connection, kind, {}, key="a")
        # Done now it would not see what this transaction writes, and nothing would be left to do it again.
        assert await queue.claim({kind: 0}, 10) == []
    assert len(await queue.claim({kind: 0}, 10)) == 1


async def test_a_job_for_later_is_not_due_before(database: Database, queue: JobQueue) -> None:
    kind = new_id()
    assert await queue.seconds_until_due([kind]) is None
    await put(database, kind, run_at=in_seconds(600))
    await put(database, kind, run_at=in_seconds(60))
    assert await queue.claim({kind: 0}, 10) == []
    assert 50 < (await queue.seconds_until_due([kind]) or 0) <= 60


async def test_a_job_of_a_worker_that_was_killed_is_anothers(database: Database, pool: Any) -> None:
    kind = new_id()
    await put(database, kind)
    killed, other = JobQueue(pool), JobQueue(pool)
    (job,) = await killed.claim({kind: 0}, 10)
    assert await other.claim({kind: 0}, 10) == []
    await _silent_for(pool, job, STALE_SECONDS - 1)
    assert await killed.beat([job.id]) == {job.id}
    await _silent_for(pool, job, STALE_SECONDS - 1)
    assert await other.claim({kind: 0}, 10) == []
    await _silent_for(pool, job, STALE_SECONDS + 1)
    (taken,) = await other.claim({kind: 0}, 10)
    assert (taken.id, taken.tries) == (job.id, 1)
    assert await killed.beat([job.id]) == set()
    assert await other.beat([job.id]) == {job.id}


async def _silent_for(pool: Any, job: Job, seconds: float) -> None:
    await pool.execute(
        "UPDATE jobs.pgqueuer SET heartbeat = now() - make_interval(secs => $2) WHERE id = $1", job.id, seconds
    )


async def test_failures_count_and_end_as_a_dead_letter_with_its_reason(
    database: Database, queue: JobQueue, database_url: str
) -> None:
    kind = new_id()
    await put(database, kind, {"to": "nobody"}, key="a")
    (job,) = await queue.claim({kind: 0}, 10)
    await queue.retry(job, 0, "first")
    (job,) = await queue.claim({kind: 0}, 10)
    assert job.tries == 1
    await queue.give_up(job, "No such person\x00.")
    assert await queue.claim({kind: 0}, 10) == []
    sizes, letters = await look_at_queue(database_url, 100)
    (dead,) = [dead for dead in letters if dead.kind == kind]
    assert sizes.dead >= 1
    assert (dead.id, dead.payload, dead.tries, dead.reason) == (job.id, {"to": "nobody"}, 2, "No such person.")
    await put(database, kind, key="a")  # a dead letter does not stand in the way of its key

    await queue.put_back([dead.id])
    again = await queue.claim({kind: 0}, 10)
    assert {(each.id, each.tries) for each in again} >= {(job.id, 0)}
    assert len(again) == 2


async def test_a_worker_is_told_within_a_moment_and_learns_that_it_is_deaf(database: Database, pool: Any) -> None:
    queue, heard = JobQueue(pool), asyncio.Event()
    async with queue.listening(heard.set) as is_lost:
        await put(database, new_id())
        async with asyncio.timeout(2):
            await heard.wait()
        heard.clear()
        assert not is_lost()
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'"
        )
        async with asyncio.timeout(2):
            await heard.wait()
        assert is_lost()


async def test_what_is_old_goes(database: Database, pool: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, kind = JobQueue(pool), new_id()
    for number in range(3):
        await put(database, kind, {"number": number})
    first, second, third = await queue.claim({kind: 0}, 10)
    await queue.finish(first)
    await queue.give_up(second, "old")
    await queue.give_up(third, "young")
    await pool.execute("UPDATE jobs.pgqueuer_log SET created = now() - interval '25 hours' WHERE job_id = $1", first.id)
    await pool.execute("UPDATE jobs.pgqueuer SET updated = now() - interval '31 days' WHERE id = $1", second.id)
    monkeypatch.setattr(job_queue, "_TIDY_ROWS", 1)
    while await queue.tidy():
        pass
    logged = await pool.fetch("SELECT DISTINCT job_id FROM jobs.pgqueuer_log WHERE entrypoint = $1", kind)
    assert {row["job_id"] for row in logged} == {second.id, third.id}
    assert [dead.id for dead in (await look_at_queue(database_url, 100))[1] if dead.kind == kind] == [third.id]


async def test_what_is_too_large_is_refused_before_it_is_queued(database: Database, queue: JobQueue) -> None:
    kind = new_id()
    with pytest.raises(ValueError, match="65536"):
        await put(database, kind, {"text": "x" * MOST_BYTES})
    with pytest.raises(ValueError, match="301"):
        await put(database, kind, key="x" * 301)
    assert await queue.claim({kind: 0}, 10) == []
