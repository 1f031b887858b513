import asyncio
from typing import Any

from persistence.idempotency import KEEP_SECONDS, LEASE_SECONDS, Busy, Fresh, Request, Reused, Stored, claim_or_wait
from persistence.ids import new_id

SECOND = 1_000_000


def request(fingerprint: bytes = b"a") -> Request:
    return Request("user:1", new_id(), fingerprint)


async def test_the_answer_that_was_given_is_given_again(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    assert await keys.claim(asked, entity, platform.now) == Fresh(entity)
    await keys.complete(asked, Stored(201, b"sealed"))
    assert await keys.claim(asked, new_id(), platform.now + 1) == Stored(201, b"sealed")


async def test_one_key_stands_for_one_request_of_one_person(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    await keys.claim(asked, new_id(), platform.now)
    assert await keys.claim(Request(asked.scope, asked.key, b"b"), new_id(), platform.now) == Reused()
    other = new_id()
    assert await keys.claim(Request("user:2", asked.key, b"b"), other, platform.now) == Fresh(other)


async def test_of_many_at_once_one_does_it(platform: Any) -> None:
    asked = request()
    claims = await asyncio.gather(*(platform.idempotency.claim(asked, new_id(), platform.now) for _ in range(6)))
    assert sum(isinstance(claim, Fresh) for claim in claims) == 1
    assert claims.count(Busy()) == 5


async def test_what_died_half_way_is_taken_over_with_the_same_entity(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    await keys.claim(asked, entity, platform.now)
    late = platform.now + LEASE_SECONDS * SECOND + 1
    assert await keys.claim(asked, new_id(), late) == Fresh(entity)
    assert await keys.claim(asked, new_id(), late) == Busy()


async def test_what_was_not_done_may_be_tried_at_once_but_only_as_it_was(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    await keys.claim(asked, entity, platform.now)
    await keys.release(asked)
    assert await keys.claim(Request(asked.scope, asked.key, b"b"), new_id(), platform.now) == Reused()
    assert await keys.claim(asked, new_id(), platform.now) == Fresh(entity)


async def test_who_comes_meanwhile_waits_for_the_answer(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    await keys.claim(asked, new_id(), platform.now)
    waiting = asyncio.create_task(claim_or_wait(keys, asked, new_id(), platform.now, wait_seconds=10))
    await asyncio.sleep(0)
    await keys.complete(asked, Stored(200, b"x"))
    assert await asyncio.wait_for(waiting, 10) == Stored(200, b"x")


async def test_waiting_ends(platform: Any) -> None:
    keys, asked = platform.idempotency, request()
    await keys.claim(asked, new_id(), platform.now)
    assert await claim_or_wait(keys, asked, new_id(), platform.now, wait_seconds=0.1) == Busy()


async def test_keys_are_forgotten_after_a_day(platform: Any) -> None:
    keys, asked, entity = platform.idempotency, request(), new_id()
    await keys.claim(asked, new_id(), platform.now)
    await keys.complete(asked, Stored(200, b"x"))
    assert await keys.forget_expired(platform.now + KEEP_SECONDS * SECOND + 1) >= 1
    assert await keys.claim(asked, entity, platform.now) == Fresh(entity)
