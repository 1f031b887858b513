import asyncio
from typing import Any

import pytest

from persistence.ids import new_id
from persistence.rate_limits import SharedRateLimits, memory_rate_limits, redis_rate_limits
from persistence.redis_store import open_redis


@pytest.fixture(params=["memory", "redis"])
def make_limits(request: pytest.FixtureRequest, redis_client: Any) -> Any:
    """Makes limits over one storage, as two processes would."""
    if request.param == "redis":
        return lambda per_minute, live: redis_rate_limits(redis_client, per_minute, live)
    shared = memory_rate_limits(1, 1)._storage
    return lambda per_minute, live: SharedRateLimits(shared, per_minute, live)


async def test_so_many_a_minute_and_not_one_more_whoever_counts(make_limits: Any) -> None:
    one, other = make_limits(5, 5), make_limits(5, 5)
    who = new_id()
    hits = [await (one, other)[number % 2].hit(who) for number in range(7)]
    assert [hit.allowed for hit in hits] == [True] * 5 + [False] * 2
    assert [hit.remaining for hit in hits] == [4, 3, 2, 1, 0, 0, 0]
    assert all(hit.limit == 5 and 1 <= hit.reset_seconds <= 60 for hit in hits)
    assert (await one.hit(new_id())).allowed


async def test_many_at_once_are_counted_one_by_one(make_limits: Any) -> None:
    limits, who = make_limits(10, 10), new_id()
    hits = await asyncio.gather(*(limits.hit(who) for _ in range(30)))
    assert sum(hit.allowed for hit in hits) == 10


async def test_the_door_counts_at_once(make_limits: Any) -> None:
    limits, who = make_limits(1, 4), new_id()
    hits = [limits.hit_live(who) for _ in range(6)]
    assert [hit.allowed for hit in hits] == [True] * 4 + [False] * 2
    assert [hit.remaining for hit in hits] == [3, 2, 1, 0, 0, 0]
    assert limits.hit_live(new_id()).allowed
    await limits.close()


async def test_processes_compare_what_the_door_counted(make_limits: Any) -> None:
    one, other = make_limits(1, 10), make_limits(1, 10)
    one._now = other._now = lambda: 60_000_030.0  # one minute for both, however slow the machine
    who = new_id()
    for _ in range(10):
        assert one.hit_live(who).allowed
    async with asyncio.timeout(10):
        while other.hit_live(who).allowed:  # noqa: ASYNC110 - what is waited for happens in Redis
            await asyncio.sleep(0.01)
    assert other._counts[who].ours < 10  # it was refused for what the other process had counted
    await one.close()
    await other.close()


async def test_a_new_minute_is_a_new_beginning() -> None:
    limits = memory_rate_limits(1, 2)
    now = [120.0]
    limits._now = lambda: now[0]
    who = new_id()
    assert [limits.hit_live(who).allowed for _ in range(3)] == [True, True, False]
    assert limits.hit_live(who).reset_seconds == 60
    now[0] = 180.0
    assert limits.hit_live(who).allowed
    await limits.close()


async def test_without_redis_nobody_is_held_up() -> None:
    client = open_redis("redis://127.0.0.1:1/0")
    limits = redis_rate_limits(client, 1, 1)
    async with asyncio.timeout(5):
        assert [await limits.hit("anybody") for _ in range(50)] == [None] * 50
        assert limits.hit_live("anybody").allowed
    await limits.close()
    await client.aclose()
