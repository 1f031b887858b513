"""How often a wrong password may be tried: by account, whether there is one or not, and by the address it comes from."""

import asyncio
import hashlib
import time
from dataclasses import dataclass

import redis.asyncio as redis
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from persistence.accounts import normal_email
from persistence.redis_store import Reach

MINUTES = 15
MOST_IN_MEMORY = 100_000
"""So many counts a process keeps while Redis is away; of more it forgets all."""


@dataclass(frozen=True)
class Attempt:
    """One try that was counted: for which account and from where. With `wait_seconds` it may not even be looked at."""

    account: str
    address: str
    wait_seconds: int | None = None


class SignInThrottle:
    """Counts tries for a quarter of an hour from the first one on, over all processes; while Redis is away, in this one.

    Each try is counted before the password is looked at, so that many at once get no further; the right one takes it back.
    Whether the account exists makes no difference.
    """

    def __init__(
        self,
        storage: RedisStorage | MemoryStorage,
        an_account: int,
        an_address: int,
        minutes: int = MINUTES,
    ) -> None:
        self._account = RateLimitItemPerMinute(an_account, minutes, namespace="lyceum-sign-in-account")
        self._address = RateLimitItemPerMinute(an_address, minutes, namespace="lyceum-sign-in-address")
        self._shared = FixedWindowRateLimiter(storage)
        self._memory = MemoryStorage()
        self._own = FixedWindowRateLimiter(self._memory)
        self._reach = Reach()

    async def begin(self, email: str, address: str) -> Attempt:
        """Count a try. With `wait_seconds` in the answer there were too many: the password must not be looked at."""
        attempt = Attempt(hashlib.sha256(normal_email(email).encode(errors="surrogatepass")).hexdigest(), address)
        waits = await asyncio.gather(self._hit(self._account, attempt.account), self._hit(self._address, address))
        longest = max((wait for wait in waits if wait is not None), default=None)
        return Attempt(attempt.account, address, longest)

    async def succeed(self, attempt: Attempt) -> None:
        """The password was right: the account's tries are forgotten, and this one of the address."""
        await asyncio.gather(self._clear(attempt.account), self._take_back(self._address, attempt.address))

    async def withdraw(self, attempt: Attempt) -> None:
        """The password was not looked at after all."""
        await asyncio.gather(
            self._take_back(self._account, attempt.account), self._take_back(self._address, attempt.address)
        )

    async def _hit(self, item: RateLimitItem, who: str) -> int | None:
        """Seconds to wait, or None when this was not too many."""

        async def hit(limiter: FixedWindowRateLimiter) -> int:
            if await limiter.hit(item, who):
                return 0
            return max(1, round((await limiter.get_window_stats(item, who)).reset_time - time.time() + 0.5))

        wait = await self._reach.ask(lambda: hit(self._shared))
        if wait is None:
            if len(self._memory.storage) >= MOST_IN_MEMORY:
                await self._memory.reset()
            wait = await hit(self._own)
        return wait or None

    async def _clear(self, account: str) -> None:
        await self._own.clear(self._account, account)
        await self._reach.ask(lambda: self._shared.clear(self._account, account))

    async def _take_back(self, item: RateLimitItem, who: str) -> None:
        if await self._reach.ask(lambda: self._shared.hit(item, who, cost=-1)) is None:
            await self._own.hit(item, who, cost=-1)


def redis_sign_in_throttle(client: "redis.Redis", an_account: int, an_address: int) -> SignInThrottle:
    """A throttle shared by every process that uses this Redis."""
    storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=client.connection_pool)  # type: ignore[arg-type]  # options are typed for URLs only
    return SignInThrottle(storage, an_account, an_address)


def memory_sign_in_throttle(an_account: int, an_address: int) -> SignInThrottle:
    """The twin: tries of this process alone."""
    return SignInThrottle(MemoryStorage(), an_account, an_address)
