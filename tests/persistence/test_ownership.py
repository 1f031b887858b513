import asyncio
from typing import Any

from persistence.ownership import Owner


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
