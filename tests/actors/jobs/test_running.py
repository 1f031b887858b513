"""Jobs are done, tried again, given up, and done by another when their worker is gone."""

import asyncio
import time
from typing import Any

import pytest

from actors.jobs import running
from actors.jobs.tools import Care, GiveUp, JobTools
from classroom.ids import UserId
from persistence.ids import new_id
from persistence.job_queue import JobQueue
from persistence.pools import open_pool
from persistence.queue_figures import look_at_queue


async def until(condition: Any, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if await holds if asyncio.iscoroutine(holds) else holds:
                return
            await asyncio.sleep(0.01)


async def test_what_is_due_is_done_and_what_that_makes_due_too(workshop: Any) -> None:
    seen = []

    async def handle(_tools: JobTools, payload: dict[str, Any]) -> None:
        seen.append(payload["step"])
        if payload["step"] < 3:
            await workshop.put(step=payload["step"] + 1)

    await workshop.put(step=1)
    assert await workshop.runner(handle).run_due() == 3
    assert seen == [1, 2, 3]
    assert await workshop.rows() == []


async def test_a_failure_is_tried_again_later_and_in_the_end_given_up(workshop: Any) -> None:
    tried = []

    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        tried.append(time.monotonic())
        raise ZeroDivisionError("no luck")

    await workshop.put()
    runner = workshop.runner(handle, Care(tries=3))
    for expected in (1, 2):
        assert await runner.run_due() == 1
        assert await runner.run_due() == 0
        assert await workshop.rows() == [("queued", expected)]
        wait = await JobQueue(workshop.pool).seconds_until_due([workshop.kind])
        assert 2.0**expected - 1.5 < (wait or 0) <= 2.0**expected
        await workshop.hurry()
    await runner.run_due()
    assert await workshop.rows() == [("failed", 2)]
    dead = [job for job in (await look_at_queue(workshop.url, 10))[1] if job.kind == workshop.kind]
    assert [(job.tries, job.reason) for job in dead] == [(3, "ZeroDivisionError: no luck")]
    assert len(tried) == 3


async def test_what_no_other_try_helps_is_given_up_at_once(workshop: Any) -> None:
    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        raise GiveUp("nobody lives there")

    await workshop.put()
    await workshop.runner(handle).run_due()
    assert await workshop.rows() == [("failed", 0)]


async def test_what_takes_too_long_is_a_failure(workshop: Any) -> None:
    ended = []

    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    await workshop.put()
    await workshop.runner(handle, Care(seconds=0.05)).run_due()
    assert await workshop.rows() == [("queued", 1)]
    assert ended == [True]


async def test_a_worker_that_waits_begins_within_moments(workshop: Any) -> None:
    began: asyncio.Queue[float] = asyncio.Queue()

    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        began.put_nowait(time.monotonic())

    task = asyncio.create_task(workshop.runner(handle).run())
    await workshop.put()
    await asyncio.wait_for(began.get(), 20)  # it listens now
    waits = []
    for _ in range(5):
        await until(lambda: _is_idle(workshop))
        asked = time.monotonic()
        await workshop.put()
        waits.append(await asyncio.wait_for(began.get(), 20) - asked)
    task.cancel()
    # Without a word from Postgres it would be half of LOOK_SECONDS on average.
    assert sorted(waits)[2] < 0.5


async def _is_idle(workshop: Any) -> bool:
    return not await workshop.rows()


async def test_a_job_for_later_begins_when_its_time_comes(workshop: Any) -> None:
    began: asyncio.Queue[float] = asyncio.Queue()

    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        began.put_nowait(time.time())
        raise ZeroDivisionError  # and again after two seconds, and after four

    task = asyncio.create_task(workshop.runner(handle, Care(tries=2)).run())
    await workshop.put()
    first = await asyncio.wait_for(began.get(), 20)
    second = await asyncio.wait_for(began.get(), 20)
    task.cancel()
    assert 1.9 <= second - first < running.LOOK_SECONDS


async def test_a_worker_killed_in_the_middle_is_survived_by_its_job(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.2)
    started, finished = asyncio.Event(), []

    async def stuck(_tools: JobTools, _payload: dict[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    async def handle(_tools: JobTools, payload: dict[str, Any]) -> None:
        finished.append(payload)

    async with await open_pool(workshop.url, 4) as pool:
        killed = asyncio.create_task(workshop.runner(stuck, pool=pool).run())
        await workshop.put(what="the work")
        await asyncio.wait_for(started.wait(), 20)
        pool.terminate()  # as a kill does: no word to anybody
        killed.cancel()
    other = asyncio.create_task(workshop.runner(handle).run())
    asked = time.monotonic()
    await until(lambda: finished, 30)
    await until(lambda: _is_idle(workshop))
    other.cancel()
    assert finished == [{"what": "the work"}]
    assert time.monotonic() - asked > 5  # not while the first might have lived


async def test_a_job_that_kills_its_workers_is_given_up(workshop: Any) -> None:
    tried = []

    async def handle(_tools: JobTools, payload: dict[str, Any]) -> None:
        tried.append(payload)

    await workshop.put()
    for expected in range(3):
        (job,) = await JobQueue(workshop.pool).claim({workshop.kind: 0}, 1)
        assert job.tries == expected
        await workshop.pool.execute(
            "UPDATE jobs.pgqueuer SET heartbeat = now() - interval '1 hour' WHERE entrypoint = $1", workshop.kind
        )
    assert await workshop.runner(handle, Care(tries=3)).run_due() == 1
    assert tried == []
    assert [status for status, _ in await workshop.rows()] == ["failed"]
    dead = [job for job in (await look_at_queue(workshop.url, 10))[1] if job.kind == workshop.kind]
    assert "died" in dead[0].reason
    await JobQueue(workshop.pool).put_back([dead[0].id])
    assert await workshop.runner(handle, Care(tries=3)).run_due() == 1
    assert tried == [{}]


async def test_two_workers_share_the_jobs_and_do_none_twice(workshop: Any) -> None:
    done: list[int] = []
    inside: set[int] = set()

    async def handle(_tools: JobTools, payload: dict[str, Any]) -> None:
        assert payload["number"] not in inside
        inside.add(payload["number"])
        await asyncio.sleep(0)
        done.append(payload["number"])

    for number in range(120):
        await workshop.put(number=number)
    workers = [workshop.runner(handle) for _ in range(2)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    await until(lambda: _is_idle(workshop))
    for task in tasks:
        task.cancel()
    assert sorted(done) == list(range(120))
    assert sum(worker.failed for worker in workers) == 0


async def test_who_has_lost_a_job_stops_doing_it(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BEAT_SECONDS", 0.05)
    started, stopped = asyncio.Event(), asyncio.Event()

    async def handle(_tools: JobTools, _payload: dict[str, Any]) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    runner = workshop.runner(handle)
    task = asyncio.create_task(runner.run())
    await workshop.put()
    await asyncio.wait_for(started.wait(), 20)
    thief = JobQueue(workshop.pool)
    await workshop.pool.execute(
        "UPDATE jobs.pgqueuer SET heartbeat = now() - interval '1 hour' WHERE entrypoint = $1", workshop.kind
    )
    taken = await thief.claim({workshop.kind: 0}, 1)
    if taken:  # a sign of life may have come in between; then there is nothing to see
        await asyncio.wait_for(stopped.wait(), 20)
        assert await thief.beat([taken[0].id]) == {taken[0].id}
    task.cancel()


async def test_what_is_delivered_stands_in_the_inbox_once(workshop: Any) -> None:
    user_id = UserId(new_id())
    for _ in range(2):
        await workshop.tools.deliver(user_id, "certificate.issued", {"number": "LY-1"}, "job:1")
    assert [event.type for event in workshop.lyceum.tables.inbox_events[user_id]] == ["certificate.issued"]
