import asyncio
from typing import Any

import pytest

from persistence.command_keys import RedisCommandKeys
from persistence.idempotency import Request, Reused, Stored
from persistence.ids import new_id
from persistence.memory.command_keys import MemoryCommandKeys
from persistence.redis_store import Together, open_redis


@pytest.fixture(params=["memory", "redis"])
def keys(request: pytest.FixtureRequest, redis_client: Any) -> Any:
    return MemoryCommandKeys() if request.param == "memory" else RedisCommandKeys(Together(redis_client))


def asked(fingerprint: bytes = b"a" * 32) -> Request:
    return Request("user:1", new_id(), fingerprint)


async def test_the_answer_that_was_given_is_given_again(keys: Any) -> None:
    request = asked()
    assert await keys.claim(request) is None
    keys.keep(request, Stored(202, b'{"position":3}'))
    assert await keys.claim(request) == Stored(202, b'{"position":3}')


async def test_a_command_without_an_answer_yet_is_sent_again(keys: Any) -> None:
    request = asked()
    assert await asyncio.gather(*(keys.claim(request) for _ in range(5))) == [None] * 5


async def test_an_empty_answer_is_an_answer(keys: Any) -> None:
    request = asked()
    await keys.claim(request)
    keys.keep(request, Stored(204, b""))
    assert await keys.claim(request) == Stored(204, b"")


async def test_one_key_stands_for_one_request_of_one_person(keys: Any) -> None:
    request = asked()
    await keys.claim(request)
    assert await keys.claim(Request(request.scope, request.key, b"b" * 32)) == Reused()
    keys.keep(request, Stored(200, b"{}"))
    assert await keys.claim(Request(request.scope, request.key, b"b" * 32)) == Reused()
    assert await keys.claim(Request("user:2", request.key, b"b" * 32)) is None


async def test_keys_are_forgotten_after_a_day(redis_client: Any) -> None:
    keys, request = RedisCommandKeys(Together(redis_client)), asked()
    name = f"lyceum:command:{request.scope}:{request.key}"
    await keys.claim(request)
    assert 86_000 < await redis_client.ttl(name) <= 86_400
    keys.keep(request, Stored(200, b"{}"))
    await keys.claim(request)
    assert 86_000 < await redis_client.ttl(name) <= 86_400


async def test_memory_holds_a_bounded_number_of_keys() -> None:
    keys = MemoryCommandKeys()
    first = asked()
    await keys.claim(first)
    keys.keep(first, Stored(200, b"{}"))
    for _ in range(10_000):
        await keys.claim(asked())
    assert await keys.claim(first) is None


async def test_without_redis_every_key_is_new() -> None:
    client = open_redis("redis://127.0.0.1:1/0")
    keys, request = RedisCommandKeys(Together(client)), asked()
    async with asyncio.timeout(5):
        assert await keys.claim(request) is None
        keys.keep(request, Stored(200, b"{}"))
        assert await keys.claim(request) is None
    await client.aclose()
