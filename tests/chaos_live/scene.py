"""The system that is to be struck: which host has which class, and whether everything is there."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from actors.shards import shard_of
from tests.chaos_live.lookout import Host, Lookout
from tests.end_to_end.crowds import healthy
from tests.end_to_end.joining import raylet_of, second_node
from tests.end_to_end.operating import RunningLyceum

BACK_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@dataclass
class Scene:
    """`home` are the hosts that the system began with, `replicas` how many replicas served then; `placed` says which host
    had which class when the blow fell; `node` is a second node with hosts of its own, while there is one."""

    lyceum: RunningLyceum
    pool: "asyncpg.Pool[Any]"
    lookout: Lookout
    home: frozenset[str] = frozenset()
    replicas: int = 0
    classes: list[str] = field(default_factory=list)
    placed: dict[str, str] = field(default_factory=dict)
    node: psutil.Process | None = None
    _lacking: str = "the site does not call itself healthy"

    async def begin(self) -> None:
        """Note what belongs to the system while nothing is wrong with it."""
        self.home = frozenset(await self._owning())
        self.replicas = await self.lookout.replicas()
        assert self.home, "no host owns anything"
        assert self.replicas, "no replica serves"

    async def whole(self) -> None:
        """Returns when everything is back that a blow took away, every host with its share."""
        try:
            async with asyncio.timeout(BACK_SECONDS):
                await healthy(self.lyceum, BACK_SECONDS)
                await self.until(self._is_whole)
        except TimeoutError:
            raise AssertionError(f"not whole again after {BACK_SECONDS:.0f} s: {self._lacking}") from None

    async def owners(self) -> dict[str, str]:
        """The host of each class."""
        shards = {shard_of("live", each): each for each in self.classes}
        rows = await self.pool.fetch("SELECT shard_id, host FROM actor_shards WHERE shard_id = ANY($1)", list(shards))
        by_shard = {row["shard_id"]: row["host"] for row in rows}
        return {each: by_shard[shard_of("live", each)] for each in self.classes}

    async def taken_by_others(self, host: str, shards: list[int]) -> int:
        """How many of these shards somebody else has by now."""
        query = "SELECT count(*) FROM actor_shards WHERE host <> $1 AND shard_id = ANY($2)"
        return int(await self.pool.fetchval(query, host, shards))

    async def shards_of(self, host: str) -> list[int]:
        """What it owns."""
        rows = await self.pool.fetch("SELECT shard_id FROM actor_shards WHERE host = $1", host)
        return [row["shard_id"] for row in rows]

    async def choose_host(self, rng: random.Random) -> Host:
        """One that has a class."""
        chosen = rng.choice(sorted(set((await self.owners()).values())))
        hosts = await self.lookout.hosts([chosen])
        assert chosen in hosts, f"{chosen} does not answer, and nobody has struck it"
        return hosts[chosen]

    async def fenced(self) -> dict[int, int]:
        """Stale writes that were refused, by the process that tried."""
        return {each.process.pid: each.fenced for each in (await self.lookout.hosts(self.home)).values()}

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Returns when it does; the caller sets the patience."""
        while not await holds():  # noqa: ASYNC110 # other processes bring it about
            await asyncio.sleep(_LOOK_SECONDS)

    async def _is_whole(self) -> bool:
        owning = await self._owning()
        if owning != self.home:
            self._lacking = f"shards belong to {sorted(owning)} instead of {sorted(self.home)}"
            return False
        try:
            hosts = await self.lookout.hosts(self.home)
            replicas = await self.lookout.replicas()
        except TimeoutError:
            self._lacking = "hosts or Serve's controller do not say how they are"
            return False
        self._lacking = f"{len(hosts)} of {len(self.home)} hosts answer, {replicas} of {self.replicas} replicas serve"
        return set(hosts) == self.home and replicas == self.replicas

    async def _owning(self) -> set[str]:
        return {row["host"] for row in await self.pool.fetch("SELECT DISTINCT host FROM actor_shards")}

    @asynccontextmanager
    async def joined_by_a_node(self, log: Path) -> AsyncIterator[None]:
        """Inside the block a second node belongs to the cluster, and its hosts have their share."""
        with second_node(self.lyceum.pid, log) as node:
            self.node = node
            try:
                await self._grown(log)
                yield
            finally:
                self.node = None

    async def _grown(self, log: Path) -> None:
        try:
            async with asyncio.timeout(BACK_SECONDS):
                await self.until(self._has_grown)
        except TimeoutError:
            said = await asyncio.to_thread(log.read_text)
            raise AssertionError(f"no shards moved to a second node; its last words: {said[-300:]}") from None

    async def _has_grown(self) -> bool:
        assert self.node is not None
        return len(await self._owning() | self.home) >= 2 * len(self.home) and raylet_of(self.node) is not None
