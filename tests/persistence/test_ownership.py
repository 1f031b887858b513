import asyncio
from typing import Any

from persistence.live_pool import STATEMENT_SECONDS, open_live_pool
from persistence.ownership import Owner, PostgresOwnership


async def test_each_claim_is_a_new_epoch_of_the_shard(live: Any) -> None:
    before = {owner.shard_id: owner.epoch for owner in await live.ownership.owners()}

    first = await live.ownership.claim("a", [3, 5])
    second = await live.ownership.claim("b", [5])

    assert first == {3: before.get(3, 0) + 1, 5: before.get(5, 0) + 1}
    assert second == {5: first[5] + 1}
    owners = {owner.shard_id: owner for owner in await live.ownership.owners()}
    assert owners[3] == Owner(3, "a", first[3])
    assert owners[5] == Owner(5, "b", second[5])
    assert sorted(owners) == list(owners)


async def test_a_shard_named_twice_is_claimed_once(live: Any) -> None:
    [epoch] = (await live.ownership.claim("a", [9])).values()

    assert await live.ownership.claim("a", [9, 9]) == {9: epoch + 1}
    assert await live.ownership.claim("a", []) == {}


async def test_claims_at_once_have_epochs_of_their_own(live: Any) -> None:
    shards = list(range(256))
    claims = await asyncio.gather(*[live.ownership.claim(f"h{n}", shards if n % 2 else shards[::-1]) for n in range(6)])

    for shard_id in shards:
        epochs = sorted(claim[shard_id] for claim in claims)
        assert epochs == list(range(epochs[0], epochs[0] + 6))
    last = {owner.shard_id: owner for owner in await live.ownership.owners()}
    assert all(claims[int(last[shard_id].host[1:])][shard_id] == last[shard_id].epoch for shard_id in shards)


async def test_a_shard_is_taken_only_by_who_knows_its_last_epoch(live: Any) -> None:
    [epoch] = (await live.ownership.claim("a", [77])).values()
    assert await live.ownership.take("b", {77: epoch - 1}) == {}
    assert await live.ownership.take("b", {77: epoch}) == {77: epoch + 1}
    assert await live.ownership.take("c", {77: epoch}) == {}
    assert {owner.shard_id: owner for owner in await live.ownership.owners()}[77] == Owner(77, "b", epoch + 1)


async def test_of_many_who_take_at_once_each_shard_has_one(live: Any) -> None:
    known = {owner.shard_id: owner.epoch for owner in await live.ownership.owners()}
    wanted = {shard: known.get(shard, 0) for shard in range(256)}
    taken = await asyncio.gather(*[live.ownership.take(f"t{n}", wanted) for n in range(6)])
    assert sum(map(len, taken)) == 256
    for owner in await live.ownership.owners():
        assert taken[int(owner.host[1:])][owner.shard_id] == owner.epoch


async def test_who_takes_does_not_wait_long_for_a_commit_of_the_owner(live_pool: Any, database_url: str) -> None:
    impatient = await open_live_pool(database_url, 1, impatient=True)
    owner, taker = PostgresOwnership(live_pool), PostgresOwnership(impatient)
    [epoch] = (await owner.claim("a", [78])).values()
    try:
        async with live_pool.acquire() as commit, commit.transaction():
            await commit.execute("SELECT FROM actor_shards WHERE shard_id = 78 FOR SHARE")
            async with asyncio.timeout(STATEMENT_SECONDS - 1):
                assert await taker.take("b", {78: epoch}) == {}
        assert await taker.take("b", {78: epoch}) == {78: epoch + 1}
    finally:
        await impatient.close()
