"""What goes wrong around a school: hosts that die or are stopped, commits, the store, clocks, gateways."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.actors.school import Gate, School


@dataclass
class Weather:
    """What goes wrong, at moments that the seed decides."""

    school: School
    rng: random.Random
    gates: list[Gate] = field(default_factory=list)
    done: bool = False
    happened: Counter[str] = field(default_factory=Counter)
    rate: float = 2.5
    """Of blows a second."""

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
        while not self.done:
            await asyncio.sleep(self.rng.expovariate(self.rate))
            kind = self.rng.choice(kinds)
            self.happened[kind.__name__] += 1
            await kind()

    async def kill_one(self) -> None:
        self.school.kill(self.rng.choice(self.school.lyceum.dispatcher.hosts))

    async def kill_all(self) -> None:
        self.school.kill()

    async def freeze_one(self) -> None:
        """It stands still, for less or more time than it takes to be replaced, and goes on."""
        name = self.rng.choice(self.school.lyceum.dispatcher.hosts)
        self.school.lyceum.freeze(name)
        await asyncio.sleep(self.rng.random() * 4)
        self.school.lyceum.thaw(name)

    async def come(self) -> None:
        """A host that nobody knew."""
        name = f"newcomer-{self.rng.randint(1, 3)}"
        if name not in self.school.lyceum.down and not self.school.tables.away:
            await self.school.lyceum.host(name)

    async def go(self) -> None:
        """One of those, for good."""
        name = f"newcomer-{self.rng.randint(1, 3)}"
        if self.school.lyceum.running(name) is not None:
            self.school.lyceum.down.add(name)
            self.school.kill(name)

    async def close_one(self) -> None:
        """In order, and back."""
        name = self.rng.choice(self.school.lyceum.dispatcher.hosts)
        host = self.school.lyceum.running(name)
        if host is not None:
            await host.close(1)
            self.school.kill(name)

    async def set_clock(self) -> None:
        """Of all machines, by minutes."""
        self.school.skew = self.rng.choice([-600, -5, 0, 5, 600])

    async def lose_commits(self) -> None:
        self.school.store.losing = self.rng.choice(["before", "after"])
        await asyncio.sleep(self.rng.random() / 20)
        self.school.store.losing = None

    async def store_away(self) -> None:
        self.school.tables.away = True
        await asyncio.sleep(self.rng.random())
        self.school.tables.away = False

    async def hold_commits(self) -> None:
        """A commit hangs; sometimes its host dies meanwhile."""
        self.school.store.open.clear()
        await asyncio.sleep(self.rng.random() / 2)
        if self.rng.random() < 0.5:
            self.school.kill()
        self.school.store.open.set()

    async def silence(self) -> None:
        gate = self.rng.choice(self.gates)
        gate.pause()
        await asyncio.sleep(self.rng.random() * 3)
        gate.resume()

    async def lose_parcels(self) -> None:
        gate = self.rng.choice(self.gates)
        self.school.lyceum.disconnect(gate.name)
        await asyncio.sleep(self.rng.random() / 5)
        self.school.lyceum.reconnect(gate.name, gate.receive)
