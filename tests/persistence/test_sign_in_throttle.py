import asyncio
from typing import Any

import pytest
from limits.aio.storage import MemoryStorage

from persistence import sign_in_throttle
from persistence.ids import new_id
from persistence.redis_store import open_redis
from persistence.sign_in_throttle import SignInThrottle, redis_sign_in_throttle


@pytest.fixture(params=["memory", "redis"])
def make_throttle(request: pytest.FixtureRequest, redis_client: Any) -> Any:
    """Makes throttles over one storage, as two processes would."""
    storage: Any = (
        MemoryStorage() if request.param == "memory" else redis_sign_in_throttle(redis_client, 1, 1)._shared.storage
    )
    return lambda account=10, address=50: SignInThrottle(storage, account, address)


def email() -> str:
    return f"{new_id()}@example.org"


async def test_so_many_wrong_tries_for_an_account_and_not_one_more(make_throttle: Any) -> None:
    one, other, account = make_throttle(), make_throttle(), email()
    tries = [await (one, other)[each % 2].begin(account, new_id()) for each in range(12)]
    assert [attempt.wait_seconds is None for attempt in tries] == [True] * 10 + [False] * 2
    assert 880 <= tries[-1].wait_seconds <= 901
    again = await one.begin(f" {account.upper()}", new_id())
    assert again.wait_seconds is not None
    assert (await one.begin(email(), new_id())).wait_seconds is None


async def test_many_at_once_get_no_further(make_throttle: Any) -> None:
    throttle, account = make_throttle(), email()
    tries = await asyncio.gather(*(throttle.begin(account, new_id()) for _ in range(40)))
    assert sum(attempt.wait_seconds is None for attempt in tries) == 10


async def test_so_many_wrong_tries_from_an_address_whatever_the_account(make_throttle: Any) -> None:
    throttle, address = make_throttle(address=5), new_id()
    tries = [await throttle.begin(email(), address) for _ in range(6)]
    assert [attempt.wait_seconds is None for attempt in tries] == [True] * 5 + [False]
    assert (await throttle.begin(email(), new_id())).wait_seconds is None


async def test_the_right_password_makes_the_tries_forgotten_and_frees_nobody_else(make_throttle: Any) -> None:
    throttle, account, address = make_throttle(3, 4), email(), new_id()
    for _ in range(3):
        for _ in range(2):
            await throttle.begin(account, new_id())
        await throttle.succeed(await throttle.begin(account, address))
    # Signing in oneself does not make an address forget what it tried on others.
    tries = [await throttle.begin(email(), address) for _ in range(2)]
    await throttle.succeed(await throttle.begin(account, address))
    tries += [await throttle.begin(email(), address) for _ in range(3)]
    assert [attempt.wait_seconds is None for attempt in tries] == [True] * 4 + [False]


async def test_what_was_not_looked_at_does_not_count(make_throttle: Any) -> None:
    throttle, account, address = make_throttle(2, 2), email(), new_id()
    for _ in range(5):
        await throttle.withdraw(await throttle.begin(account, address))
    tries = [await throttle.begin(account, address) for _ in range(3)]
    assert [attempt.wait_seconds is None for attempt in tries] == [True, True, False]


async def test_without_redis_each_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_redis("redis://127.0.0.1:1/0")
    throttle, account = redis_sign_in_throttle(client, 10, 50), email()
    tries = [await throttle.begin(account, new_id()) for _ in range(11)]
    assert [attempt.wait_seconds is None for attempt in tries] == [True] * 10 + [False]
    await throttle.succeed(tries[0])
    assert (await throttle.begin(account, new_id())).wait_seconds is None

    monkeypatch.setattr(sign_in_throttle, "MOST_IN_MEMORY", 20)
    for _ in range(40):
        await throttle.begin(email(), new_id())
    assert len(throttle._memory.storage) <= 22
    await client.aclose()
