"""Doors that serve concurrent clients over slow storage: one that is right, and one for each fault that must be caught."""

import asyncio
import random
from collections.abc import Hashable
from contextlib import nullcontext
from typing import Any

from tests.linearizability.door import Door, DoorModel
from tests.linearizability.histories import History, Operation

PLANTED = ("skipped lock", "lost acknowledgement", "stale read", "done twice", "waiting line cut")


class SlowDoor:
    """Reads, thinks and writes with pauses between, as a service on a database does; a lock makes that one step."""

    def __init__(self, capacity: int, rng: random.Random, fault: str | None = None) -> None:
        assert fault is None or fault in PLANTED
        self._rng = rng
        self._fault = fault
        self._model = DoorModel()
        self._stored = Door(capacity)
        self._read_before = self._stored
        self._lock = asyncio.Lock()
        self._done: set[str] = set()
        self.copies: list[asyncio.Task[None]] = []

    async def serve(self, operation: Operation, command_id: str) -> Hashable:
        """The answer. Raises ConnectionError when it is lost on its way; then it may have been done."""
        await self._pause()
        async with nullcontext() if self._fault == "skipped lock" and self._chance(0.3) else self._lock:
            answer = await self._decide(operation, command_id)
        await self._pause()
        if self._model.is_done(answer) and self._chance(0.2):
            self.copies.append(asyncio.ensure_future(self._come_again(operation, command_id)))
        if self._chance(0.15):
            raise ConnectionResetError("the answer was lost")
        return answer

    async def _come_again(self, operation: Operation, command_id: str) -> None:
        """A copy of a message that took the long way."""
        await asyncio.sleep(self._rng.random() * 6)
        async with self._lock:
            await self._decide(operation, command_id)

    async def _decide(self, operation: Operation, command_id: str) -> Hashable:
        door = self._stored
        if operation.ask[0] == "status" and self._fault == "stale read" and self._chance(0.4):
            return self._model.apply(self._read_before, operation)[1]
        if command_id in self._done and self._fault != "done twice":
            return self._model.repeat(door, operation)
        await self._pause()
        after, answer = self._model.apply(door, operation)
        if self._fault == "waiting line cut" and len(after.line) > 1 and self._chance(0.4):
            after = after._replace(line=(*after.line[1:], after.line[0]))
        if self._fault == "lost acknowledgement" and after != door and self._chance(0.2):
            return answer  # told, but never written
        if after != door:
            self._read_before = door
        self._stored = after
        if self._model.is_done(answer):
            self._done.add(command_id)
        return answer

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.random())

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share


async def a_history(seed: int, fault: str | None = None, people: int = 4, asks: int = 5) -> tuple[int, History]:
    """The seats, and what a few people and a teacher hear of such a door: each asks one thing after the other, again when
    an answer is lost, and gives up now and then."""
    rng = random.Random(seed)
    capacity = rng.randint(1, 2)
    door = SlowDoor(capacity, rng, fault)
    history = History()
    loop = asyncio.get_running_loop()

    async def live(person: str, kinds: list[Any]) -> None:
        for number in range(asks):
            await asyncio.sleep(rng.random() * 3)
            operation = history.invoke("class", person, rng.choice(kinds), loop.time(), repeated=False)
            while True:
                try:
                    answer = await door.serve(operation, f"{person}-{number}")
                except ConnectionError:
                    if rng.random() < 0.2:
                        break  # gives up: nobody knows
                    operation.repeated = True
                else:
                    history.hear(operation, answer, loop.time())
                    break

    students: list[Any] = [("join", True), ("join", True), ("join", False), ("leave",), ("status",)]
    teacher: list[Any] = [("capacity", 1), ("capacity", 2), ("capacity", 3), ("status",)]
    await asyncio.gather(live("teacher", teacher), *(live(f"s{number}", students) for number in range(people)))
    await asyncio.gather(*door.copies)
    return capacity, history
