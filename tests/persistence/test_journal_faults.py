"""Postgres killed and restarted under load: nothing acknowledged is lost, nothing is there twice, no log has a hole."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from persistence.embedded import postgres
from persistence.errors import StoreAway
from persistence.journal import Committed, GroupCommit
from persistence.live_pool import open_live_pool
from persistence.migrate import upgrade


@dataclass
class Database:
    """A Postgres of the test's own, with all its might over it."""

    folder: Path
    server: Any = field(init=False)

    def start(self) -> None:
        """Start it, also after a kill."""
        self.server = postgres.start(self.folder / "data", self.folder / "socket", self.folder / "log")

    def kill(self) -> None:
        """What a power cut does to the processes: none says goodbye."""
        main = psutil.Process(self.server.process.pid)
        for process in [main, *main.children()]:
            process.send_signal(signal.SIGKILL)
        self.server.process.wait(10)

    def stop(self) -> None:
        """End it in good order."""
        self.server.stop(20)


@dataclass
class Grain:
    """What a host does with one class: it writes on its own head, and reads the log again when it is told to."""

    lesson: Any
    live: Any
    journal: GroupCommit
    acknowledged: set[str] = field(default_factory=set)
    unknown: int = 0

    async def work(self, stop: Callable[[], bool], dice: random.Random) -> None:
        """Do numbered commands one after another, each until it is acknowledged: the same id is done once."""
        number = 0
        head, done = await self.load()
        while not stop():
            commands = [f"{number + extra}" for extra in range(dice.randint(1, 4))]
            waiting = {}
            for command in commands:
                if command not in done:
                    head += 1
                    event = self.lesson.event(head, command_id=command)
                    waiting[command] = self.journal.append(self.lesson.write(events=[event]))
            answers = [await asyncio.wait_for(answer, 20) for answer in waiting.values()]
            assert set(answers) <= {Committed.YES, Committed.UNKNOWN}
            if Committed.UNKNOWN in answers:
                self.unknown += 1
                # What stands before the lost write in the batch of the same turn is lost with it.
                head, done = await self.load()
                continue
            self.acknowledged |= set(commands)
            number += len(commands)

    async def load(self) -> tuple[int, set[str | None]]:
        """The end of the log and the commands in it, as soon as the store answers."""
        async with asyncio.timeout(30):
            while True:
                try:
                    tail = (await self.live.log.load(self.lesson.session_id)).tail
                except StoreAway:
                    await asyncio.sleep(0.02)  # as a client's backoff; nobody tells when Postgres is back
                    continue
                return len(tail), {event.command_id for event in tail}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Its own, so that killing it disturbs nobody."""
    made = Database(tmp_path)
    await asyncio.to_thread(made.start)
    yield made
    await asyncio.to_thread(made.stop)


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_postgres_dies_under_load_and_no_acknowledged_event_is_lost(
    database: Database, postgres_live_on: Any, how: str
) -> None:
    await asyncio.to_thread(upgrade, database.server.url)
    pool = await open_live_pool(database.server.url, size=4)
    live = postgres_live_on(pool)
    journal = live.start_journal()
    grains = [Grain(await live.make_class(), live, journal) for _ in range(8)]
    finished = False
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for number, grain in enumerate(grains):
            tasks.create_task(grain.work(lambda: finished, random.Random(number)))
        for _ in range(3):
            before = sum(len(grain.acknowledged) for grain in grains)
            await live.until(lambda before=before: sum(len(grain.acknowledged) for grain in grains) > before + 400, 30)
            await asyncio.to_thread(getattr(database, how))
            await asyncio.to_thread(database.start)
        before = sum(len(grain.acknowledged) for grain in grains)
        await live.until(lambda: sum(len(grain.acknowledged) for grain in grains) > before + 400, 30)
        finished = True

    assert sum(grain.unknown for grain in grains) > 0
    for grain in grains:
        tail = (await live.log.load(grain.lesson.session_id)).tail
        commands = [event.command_id for event in tail]
        assert [event.offset for event in tail] == list(range(1, len(tail) + 1))
        assert len(set(commands)) == len(commands)
        assert grain.acknowledged <= set(commands)
    await live.close()
    await pool.close()


async def test_a_frozen_postgres_is_unknown_within_the_timeout_and_heals(database: Database, postgres_live_on: Any) -> None:
    await asyncio.to_thread(upgrade, database.server.url)
    pool = await open_live_pool(database.server.url, size=4)
    live = postgres_live_on(pool)
    journal = live.start_journal(commit_seconds=0.5)
    lesson = await live.make_class()
    assert await asyncio.wait_for(journal.append(lesson.write(1)), 10) is Committed.YES
    main = psutil.Process(database.server.process.pid)
    frozen = [main, *main.children()]
    for process in frozen:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        behind = [journal.append(lesson.write(2)), journal.append(lesson.write(3))]
        assert {await asyncio.wait_for(answer, 5) for answer in behind} == {Committed.UNKNOWN}
    finally:
        for process in frozen:
            os.kill(process.pid, signal.SIGCONT)

    # The lost commit may still have happened after all: the log says, and the next write goes on behind it.
    async def goes_on() -> bool:
        head = len((await live.log.load(lesson.session_id)).tail)
        return await asyncio.wait_for(journal.append(lesson.write(head + 1)), 10) is Committed.YES

    await live.until(goes_on, 20)
    tail = (await live.log.load(lesson.session_id)).tail
    assert [event.offset for event in tail] == list(range(1, len(tail) + 1))
    await live.close()
    await pool.close()
