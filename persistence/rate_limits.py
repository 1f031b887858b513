"""How often somebody may ask: counted in Redis through `limits`; nobody is held up while Redis is away."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import redis.asyncio as redis
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from persistence.redis_store import Reach

_WINDOW_SECONDS = 60
_REMEMBERED = 50_000


@dataclass(frozen=True)
class Allowance:
    """What is left of somebody's limit. `reset_seconds` (at least 1): when there will be more."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class RateLimits(Protocol):
    """Counts requests of one minute by who asks."""

    async def hit(self, who: str) -> Allowance | None:
        """Count one request of `who`, exactly, over all processes. None while nobody can count."""
        ...

    def hit_live(self, who: str) -> Allowance:
        """Count one request at the class door: at once and in this process; the processes compare when somebody asks often,
        so that the limit may be overstepped by a tenth a process."""
        ...

    async def close(self) -> None:
        """Stop comparing."""
        ...


class SharedRateLimits:
    """`RateLimits` over any storage of the `limits` library: Redis, or memory as the twin."""

    def __init__(
        self,
        storage: RedisStorage | MemoryStorage,
        per_minute: int,
        live_per_minute: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._item = RateLimitItemPerMinute(per_minute, namespace="lyceum")
        self._live_limit = live_per_minute
        self._compare_from = max(1, live_per_minute // 10)
        self._now = now
        self._reach = Reach()
        self._minute = 0
        self._counts: dict[str, _Count] = {}
        self._dirty: set[str] = set()
        self._comparing: asyncio.Task[None] | None = None

    async def hit(self, who: str) -> Allowance | None:
        """See `RateLimits.hit`."""
        return await self._reach.ask(lambda: self._hit(who))

    async def _hit(self, who: str) -> Allowance:
        allowed = await self._limiter.hit(self._item, who)
        stats = await self._limiter.get_window_stats(self._item, who)
        reset = max(1, round(stats.reset_time - time.time() + 0.5))
        return Allowance(allowed, self._item.amount, stats.remaining if allowed else 0, reset)

    def hit_live(self, who: str) -> Allowance:
        """See `RateLimits.hit_live`."""
        now = self._now()
        minute = int(now // _WINDOW_SECONDS)
        if minute != self._minute or len(self._counts) >= _REMEMBERED:
            self._minute = minute
            self._counts = {}
            self._dirty.clear()
        count = self._counts.get(who)
        if count is None:
            count = self._counts[who] = _Count()
        count.ours += 1
        total = count.ours + count.others
        if count.ours - count.told >= self._compare_from:
            self._compare(who)
        reset = max(1, int((minute + 1) * _WINDOW_SECONDS - now + 0.999))
        return Allowance(total <= self._live_limit, self._live_limit, max(0, self._live_limit - total), reset)

    async def close(self) -> None:
        """See `RateLimits.close`."""
        if self._comparing is not None and not self._comparing.done():
            self._comparing.cancel()
            await asyncio.wait([self._comparing])

    def _compare(self, who: str) -> None:
        if self._reach.resting:
            return
        self._dirty.add(who)
        if self._comparing is None or self._comparing.done():
            self._comparing = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._dirty:
            who = self._dirty.pop()
            count, minute = self._counts.get(who), self._minute
            if count is None:
                continue
            more = count.ours - count.told

            async def add(who: str = who, minute: int = minute, more: int = more) -> int:
                return await self._storage.incr(f"lyceum:live:{minute}:{who}", 2 * _WINDOW_SECONDS, amount=more)

            total = await self._reach.ask(add)
            if total is None:
                self._dirty.clear()
            elif minute == self._minute:
                count.told += more
                count.others = max(0, total - count.told)


@dataclass
class _Count:
    """Requests of one person in this minute: `ours` came to this process, `told` of them are in the shared count,
    `others` came to other processes as far as we know."""

    ours: int = 0
    told: int = 0
    others: int = 0


def redis_rate_limits(client: "redis.Redis", per_minute: int, live_per_minute: int) -> SharedRateLimits:
    """Limits shared by every process that uses this Redis."""
    storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=client.connection_pool)  # type: ignore[arg-type]  # options are typed for URLs only
    return SharedRateLimits(storage, per_minute, live_per_minute)


def memory_rate_limits(per_minute: int, live_per_minute: int) -> SharedRateLimits:
    """The twin: limits of this process alone."""
    return SharedRateLimits(MemoryStorage(), per_minute, live_per_minute)
