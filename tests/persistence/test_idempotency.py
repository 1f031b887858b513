import asyncio
from typing import Any

import pytest

from persistence.idempotency import KEEP_SECONDS, LEASE_SECONDS, Busy, Fresh, Request, Reused, Stored, claim_or_wait
from persistence.ids import new_id

SECOND = 1_000_000


async def claim_fresh(keys: Any, asked: Request, entity_id: str, now: Any) -> Fresh:
    claim = await keys.claim(asked, entity_id, now)
    assert isinstance(claim, Fresh), claim
    return claim


def request(fingerprint: bytes = b"a") -> Request:
    return Request("user:1", new_id(), fingerprint)


async def test_the_answer_that_was_given_is_given_again(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    fresh = await claim_fresh(keys, asked, entity, platform.now)
    assert fresh.entity_id == entity
    await keys.complete(asked, fresh.lease, Stored(201, b"sealed"))
    assert await keys.claim(asked, new_id(), platform.now + 1) == Stored(201, b"sealed")


async def test_one_key_stands_for_one_request_of_one_person(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    await keys.claim(asked, new_id(), platform.now)
    assert await keys.claim(Request(asked.scope, asked.key, b"b"), new_id(), platform.now) == Reused()
    other = new_id()
    assert (await claim_fresh(keys, Request("user:2", asked.key, b"b"), other, platform.now)).entity_id == other


async def test_of_many_at_once_one_does_it(platform: Any) -> None:
    asked = request()
    claims = await asyncio.gather(*(platform.idempotency.claim(asked, new_id(), platform.now) for _ in range(6)))
    assert sum(isinstance(claim, Fresh) for claim in claims) == 1
    assert claims.count(Busy()) == 5


async def test_what_died_half_way_is_taken_over_with_the_same_entity(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    await keys.claim(asked, entity, platform.now)
    late = platform.now + LEASE_SECONDS * SECOND + 1
    assert (await claim_fresh(keys, asked, new_id(), late)).entity_id == entity
    assert await keys.claim(asked, new_id(), late) == Busy()


async def test_what_was_not_done_may_be_tried_at_once_but_only_as_it_was(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    fresh = await claim_fresh(keys, asked, entity, platform.now)
    await keys.release(asked, fresh.lease)
    assert await keys.claim(Request(asked.scope, asked.key, b"b"), new_id(), platform.now) == Reused()
    assert (await claim_fresh(keys, asked, new_id(), platform.now)).entity_id == entity


async def test_who_waits_takes_over_when_the_lease_runs_out_meanwhile(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    await keys.claim(asked, entity, platform.now)
    almost = platform.now + LEASE_SECONDS * SECOND - SECOND // 10
    claim = await claim_or_wait(keys, asked, new_id(), almost, wait_seconds=10)
    assert isinstance(claim, Fresh)
    assert claim.entity_id == entity
    assert claim.lease > almost + LEASE_SECONDS * SECOND


async def test_who_waits_asks_to_write_only_once(platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, asked, claims = platform.idempotency, request(), []
    await keys.claim(asked, new_id(), platform.now)
    claim = keys.claim
    monkeypatch.setattr(keys, "claim", lambda *given: claims.append(given) or claim(*given))
    assert await claim_or_wait(keys, asked, new_id(), platform.now, wait_seconds=0.5) == Busy()
    assert len(claims) == 1


async def test_who_lost_the_lease_neither_gives_it_back_nor_answers(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    first = await claim_fresh(keys, asked, new_id(), platform.now)
    late = platform.now + (LEASE_SECONDS + 1) * SECOND
    second = await claim_fresh(keys, asked, new_id(), late)
    await keys.release(asked, first.lease)
    assert await keys.claim(asked, new_id(), late + SECOND) == Busy()
    await keys.complete(asked, first.lease, Stored(500, b"first"))
    assert await keys.claim(asked, new_id(), late + SECOND) == Busy()
    await keys.complete(asked, second.lease, Stored(201, b"second"))
    assert await keys.claim(asked, new_id(), late + SECOND) == Stored(201, b"second")


async def test_who_is_late_and_was_not_replaced_still_answers(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    fresh = await claim_fresh(keys, asked, new_id(), platform.now)
    await keys.complete(asked, fresh.lease, Stored(201, b"x"))
    assert await keys.claim(asked, new_id(), platform.now + 2 * LEASE_SECONDS * SECOND) == Stored(201, b"x")


async def test_who_comes_meanwhile_waits_for_the_answer(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    fresh = await claim_fresh(keys, asked, new_id(), platform.now)
    waiting = asyncio.create_task(claim_or_wait(keys, asked, new_id(), platform.now, wait_seconds=10))
    await asyncio.sleep(0)
    await keys.complete(asked, fresh.lease, Stored(200, b"x"))
    assert await asyncio.wait_for(waiting, 10) == Stored(200, b"x")


async def test_waiting_ends(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    await keys.claim(asked, new_id(), platform.now)
    assert await claim_or_wait(keys, asked, new_id(), platform.now, wait_seconds=0.1) == Busy()


async def test_keys_are_forgotten_after_a_day(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    fresh = await claim_fresh(keys, asked, new_id(), platform.now)
    await keys.complete(asked, fresh.lease, Stored(200, b"x"))
    assert await keys.forget_expired(platform.now + KEEP_SECONDS * SECOND + 1) >= 1
    assert (await claim_fresh(keys, asked, entity, platform.now)).entity_id == entity
