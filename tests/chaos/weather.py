"""What goes wrong around a school: hosts that die or are stopped, commits, the store, clocks, gateways."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from actors.dispatch import HostAway
from persistence.errors import StoreAway
from tests.actors.school import Gate, School


@dataclass
class Weather:
    """What goes wrong, at moments that the seed decides. Each blow says whether it struck; only then it `happened`."""

    school: School
    rng: random.Random
    gates: list[Gate] = field(default_factory=list)
    done: bool = False
    happened: Counter[str] = field(default_factory=Counter)
    rate: float = 2.5
    """Of blows a second."""
    crash_gate: Callable[[], Coroutine[None, None, bool]] | None = None
    """One gateway dies, and another run of it begins."""

    async def storm(self) -> None:
        """Until somebody says that it is over."""
        kinds = [
            self.kill_one,
            self.kill_all,
            self.close_one,
            self.freeze_one,
            self.come,
            self.go,
            self.set_clock,
            self.lose_commits,
            self.store_away,
            self.hold_commits,
        ]
        if self.gates:
            kinds += [self.silence, self.lose_parcels]
        if self.crash_gate is not None:
            kinds.append(self.crash_gate)
        while not self.done:
            await asyncio.sleep(self.rng.expovariate(self.rate))
            kind = self.rng.choice(kinds)
            if await kind():
                self.happened[kind.__name__] += 1

    def _somebody(self) -> str | None:
        """A host that runs."""
        return self.rng.choice(self.school.lyceum.alive or [None])

    async def kill_one(self) -> bool:
        name = self._somebody()
        if name is not None:
            self.school.kill(name)
        return name is not None

    async def kill_all(self) -> bool:
        struck = bool(self.school.lyceum.alive)
        self.school.kill()
        return struck

    async def freeze_one(self) -> bool:
        """It stands still, for less or more time than it takes to be replaced, and goes on."""
        name = self._somebody()
        if name is None:
            return False
        self.school.lyceum.freeze(name)
        await asyncio.sleep(self.rng.random() * 4)
        self.school.lyceum.thaw(name)
        return True

    async def come(self) -> bool:
        """A host that nobody knew."""
        name, lyceum = f"newcomer-{self.rng.randint(1, 3)}", self.school.lyceum
        if name in lyceum.down or lyceum.running(name) is not None:
            return False
        try:
            async with asyncio.timeout(5):
                await lyceum.host(name)
        except (StoreAway, HostAway, TimeoutError):
            return False
        return True

    async def go(self) -> bool:
        """One of those, for good."""
        name = f"newcomer-{self.rng.randint(1, 3)}"
        if self.school.lyceum.running(name) is None:
            return False
        self.school.lyceum.down.add(name)
        self.school.kill(name)
        return True

    async def close_one(self) -> bool:
        """In order, and back."""
        name = self._somebody()
        host = self.school.lyceum.running(name) if name is not None else None
        if name is None or host is None:
            return False
        await host.close(1)
        self.school.kill(name)
        return True

    async def set_clock(self) -> bool:
        """Of all machines, by minutes."""
        before, self.school.skew = self.school.skew, self.rng.choice([-600, -5, 0, 5, 600])
        return self.school.skew != before

    async def lose_commits(self) -> bool:
        self.school.store.losing = self.rng.choice(["before", "after"])
        await asyncio.sleep(self.rng.random() / 20)
        self.school.store.losing = None
        return True

    async def store_away(self) -> bool:
        self.school.tables.away = True
        await asyncio.sleep(self.rng.random())
        self.school.tables.away = False
        return True

    async def hold_commits(self) -> bool:
        """A commit hangs; sometimes its host dies meanwhile."""
        self.school.store.open.clear()
        await asyncio.sleep(self.rng.random() / 2)
        if self.rng.random() < 0.5:
            self.school.kill()
        self.school.store.open.set()
        return True

    async def silence(self) -> bool:
        gate = self.rng.choice(self.gates)
        gate.pause()
        await asyncio.sleep(self.rng.random() * 3)
        gate.resume()
        return True

    async def lose_parcels(self) -> bool:
        gate = self.rng.choice(self.gates)
        self.school.lyceum.disconnect(gate.name)
        await asyncio.sleep(self.rng.random() / 5)
        if not gate.gone.done():
            self.school.lyceum.reconnect(gate.name, gate.receive)
        return True
