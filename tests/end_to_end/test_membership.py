"""A host that stands still is replaced, and does no harm when it goes on: two owners at once, of which one can write."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import psutil
import pytest

from actors.shards import shard_of
from actors.shares import LONGEST_HOLD_SECONDS
from loadtests.storm import check_postgres, check_promises, stampede
from tests.end_to_end.crowds import Progress, crowd_at, healthy, next_answer, prepare
from tests.end_to_end.joining import raylet_of, second_node
from tests.end_to_end.killing import find_actors, paused

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(480)]
SETTLED_SECONDS = 2 * LONGEST_HOLD_SECONDS
"""On a slow machine hosts stand still by themselves, and hold back for up to a minute each time."""


@pytest.mark.parametrize("over", ["socket", "rest"])
async def test_the_host_of_a_stampede_stands_still_and_goes_on_while_another_has_its_classes(
    over: str, lyceum: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = await prepare(lyceum, 900, 300)
    async with asyncpg.create_pool(lyceum.database_url, min_size=1, max_size=2) as pool:
        rightful = await _owner(pool, prepared.session_id)
        process = await _process_of(pool, lyceum.pid, rightful)
        progress = Progress()
        async with crowd_at(lyceum, prepared, over, progress.hear) as crowd:
            storming = asyncio.create_task(stampede(crowd, prepared.session_id, patience_seconds=120, spread_seconds=10))
            await progress.reached(150)
            stopped_at = perf_counter()
            with paused(process.pid):
                await progress.reached(450)
                assert await _owner(pool, prepared.session_id) != rightful
            run = await storming
            check_promises(run.journeys, 300)
            await check_postgres(lyceum.database_url, prepared.session_id, run.journeys)
            await _until_owner(pool, prepared.session_id, rightful)
            again = await stampede(crowd, prepared.session_id)
        assert process.is_running()
    assert {each.student_id: each.answer for each in run.journeys} == {
        each.student_id: each.answer for each in again.journeys
    }
    wait = await next_answer(lyceum, prepared, run.journeys, stopped_at)
    record_property("seconds_to_next_answer", wait)
    with capsys.disabled():
        print(f"\nnext good answer over {over} after the host stood still: {wait:.2f} s")
    await healthy(lyceum)


async def test_shards_move_to_a_node_that_joins_and_back_when_it_dies_in_a_stampede(
    lyceum: Any, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "node.log"
    async with asyncpg.create_pool(lyceum.database_url, min_size=1, max_size=2) as pool:
        before = await _hosts(pool)
        joined_at = perf_counter()
        with second_node(lyceum.pid, log) as node:
            try:
                await _until(lambda: _has_come(pool, before, 4), SETTLED_SECONDS)
            except TimeoutError:
                raise AssertionError(f"no shard moved to the second node: {log.read_text()}") from None
            moved = perf_counter() - joined_at
            for _ in range(12):
                prepared = await prepare(lyceum, 400, 150)
                if await _owner(pool, prepared.session_id) not in before:
                    break
            else:
                raise AssertionError("twelve classes, and none of them on the new node")
            progress = Progress()
            async with crowd_at(lyceum, prepared, "socket", progress.hear) as crowd:
                storming = asyncio.create_task(stampede(crowd, prepared.session_id, patience_seconds=120, spread_seconds=8))
                await progress.reached(100)
                raylet = raylet_of(node)
                assert raylet is not None
                raylet.kill()
                killed_at = perf_counter()
                run = await storming
                check_promises(run.journeys, 150)
                await check_postgres(lyceum.database_url, prepared.session_id, run.journeys)
        await _until(lambda: _are(pool, before), SETTLED_SECONDS)
    wait = await next_answer(lyceum, prepared, run.journeys, killed_at)
    record_property("seconds_to_next_answer", wait)
    with capsys.disabled():
        print(f"\nshards moved to the new node after {moved:.1f} s; next good answer after its death: {wait:.2f} s")
    await healthy(lyceum)


async def _hosts(pool: "asyncpg.Pool[Any]") -> set[str]:
    return {row["host"] for row in await pool.fetch("SELECT DISTINCT host FROM actor_shards")}


async def _has_come(pool: "asyncpg.Pool[Any]", before: set[str], count: int) -> bool:
    return len(await _hosts(pool) | before) >= count


async def _are(pool: "asyncpg.Pool[Any]", hosts: set[str]) -> bool:
    return await _hosts(pool) == hosts


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 # other processes bring it about
            await asyncio.sleep(0.2)


async def _owner(pool: "asyncpg.Pool[Any]", session_id: str) -> str:
    return str(await pool.fetchval("SELECT host FROM actor_shards WHERE shard_id = $1", shard_of("live", session_id)))


async def _until_owner(pool: "asyncpg.Pool[Any]", session_id: str, host: str) -> None:
    async with asyncio.timeout(SETTLED_SECONDS):
        while await _owner(pool, session_id) != host:  # noqa: ASYNC110 # another process changes it
            await asyncio.sleep(0.1)


async def _process_of(pool: "asyncpg.Pool[Any]", root: int, host: str) -> psutil.Process:
    """The process of a host: while it stands still, for too short a time to be replaced, this name shows no sign of life."""
    for process in find_actors(root, "GrainHost"):
        with paused(process.pid):
            before = await pool.fetchval("SELECT seen_at FROM grain_hosts WHERE name = $1", host)
            await asyncio.sleep(0.7)  # more than two signs of life
            after = await pool.fetchval("SELECT seen_at FROM grain_hosts WHERE name = $1", host)
        if before == after:
            return process
    raise AssertionError(f"no process stands for {host}")
