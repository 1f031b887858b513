"""One seed, one storm: hosts, stores, gateways and clients on a made-up clock, over a network that loses messages.

python -m tests.chaos.simulation --seed 17            one seed again, with what happened
python -m tests.chaos.simulation --seconds 60         as many seeds as fit, from --first on
"""

import asyncio
import gc
import json
import logging
import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import structlog

from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, Follower, Gate, School, TurnedAway, until
from tests.actors.virtual import VirtualLoop
from tests.chaos.crowd import Crowd
from tests.chaos.network import CALM, Faults, Network
from tests.chaos.oracle import check_log, check_seated, comparable_state
from tests.chaos.weather import Weather
from tests.linearizability.checker import TooLarge, check
from tests.linearizability.door import Door, DoorModel

DAY = 86_400
SHARDS = 16
STATES_AT_MOST = 200_000
ENDS_AT = 2_000.0
Plant = Callable[[], AbstractContextManager[Any]]


@dataclass
class Outcome:
    """What one seed brought."""

    seed: int
    messages: int = 0
    operations: int = 0
    unknown: int = 0
    histories: int = 0
    states: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    fingerprint: str = ""
    violation: str = ""
    history: list[str] = field(default_factory=list)


def simulate(seed: int, plant: Plant = nullcontext) -> Outcome:
    """Everything that this seed makes happen, with a fault that was planted, if any. Whatever is wrong is its violation."""
    outcome = Outcome(seed)
    loop = _QuickLoop()
    try:
        with plant(), _small_world(seed):
            loop.run_until_complete(_Simulation(seed, outcome).run())
    except Exception as broken:
        where = traceback.extract_tb(broken.__traceback__)[-1]
        outcome.violation = f"{type(broken).__name__} in {where.name}, line {where.lineno}: {broken}"
    finally:
        loop.end()
        asyncio.set_event_loop(None)
        loop.close()
    return outcome


def prepare() -> None:
    """This process does nothing but simulate: logs below errors cost nothing, garbage is collected between seeds."""
    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[_note_fault],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        cache_logger_on_first_use=False,
    )
    gc.disable()


_faults: list[str] = []


def _note_fault(_: Any, __: str, event: Any) -> Any:
    """Whatever is logged as an error nobody expected."""
    fault = event.get("exc_info")
    said = event.pop("event")
    _faults.append(f"{said} {event} {traceback.format_exc() if fault is True else fault!r}")
    raise structlog.DropEvent


class _QuickLoop(VirtualLoop):
    """Nothing outside wakes a simulation, so nobody asks the kernel whether anything did."""

    is_ending = False

    def _hear_outside(self) -> None:
        if self.time() > ENDS_AT and not self.is_ending:
            self.is_ending = True
            raise TimeoutError(f"not over after {ENDS_AT} made-up seconds")

    def end(self) -> None:
        """Let everything that is left come to its end."""
        self.is_ending = True
        for life in list(self._parked):
            self.thaw(life)
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.run_until_complete(asyncio.sleep(0))


class _Simulation:
    def __init__(self, seed: int, outcome: Outcome) -> None:
        self.rng = rng = random.Random(seed)
        self.outcome = outcome
        self.school = School(hosts=rng.choice([1, 2, 3]), grace_seconds=rng.choice([5, 5, DAY]))
        self.network = Network(self.school, rng, CALM)
        self.gates: list[Gate] = []
        self.followers: list[tuple[Gate, Follower]] = []
        self.seats: dict[Class, int] = {}
        self.crowd = Crowd(self.school, self.network, self.gates, rng)
        self.runs = 0

    async def run(self) -> None:
        rng, school = self.rng, self.school
        faults: list[str] = []
        _faults.clear()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(str(context)))
        try:
            for _ in range(rng.choice([1, 1, 2])):
                number = rng.randint(1, 3)
                self.seats[await school.open_class(seats=number)] = number
            for number in (0, 1):
                self.gates.append(await self._gate(number))
                await self._follow(number, {})
            await self._storm()
            for room in self.seats:
                await self._check(room)
            await self._check_followers()
            await school.close()
            assert not self.network.broken, self.network.broken
            assert not self.crowd.wronged, self.crowd.wronged
            assert not _faults, _faults
            assert not faults, faults
        finally:
            history = self.crowd.history.operations
            self.outcome.happened = self.outcome.happened + self.network.happened
            self.outcome.messages, self.outcome.fingerprint = self.network.messages, self.network.fingerprint
            self.outcome.operations = len(history)
            self.outcome.unknown = sum(each.returned is None for each in history)
            self.outcome.history = [str(each) for each in history]

    async def _storm(self) -> None:
        rng = self.rng
        strength = rng.choice([0.5, 1.0, 1.0, 2.0, 4.0])
        self.network.faults = Faults(**{name: min(0.5, strength * share) for name, share in vars(Faults()).items()})
        weather = Weather(self.school, rng, self.gates, rate=rng.choice([0.3, 1.0, 2.5]), crash_gate=self._crash_gate)
        storm = asyncio.ensure_future(weather.storm())
        people = self.school.students(rng.randint(2, 4))
        tabs = [rng.choice(people) for _ in range(rng.choice([0, 1, 2]))]
        lives = [self.crowd.live(room, who) for room in self.seats for who in (*people, *tabs, TEACHER)]
        await asyncio.wait_for(asyncio.gather(*lives), 600)
        if rng.random() < 0.125:
            await asyncio.sleep(20)  # who hung up is lost, and whoever was silent for long is noticed
        weather.done = True
        await storm
        self.outcome.happened = weather.happened
        await self.network.settle()
        callers = [self.school.lyceum.dispatcher, *(gate.topics._dispatcher for gate in self.gates)]
        await until(
            lambda: all(lane.is_idle for each in callers for lane in each._lanes.values()), "all is answered", step=0.2
        )

    async def _gate(self, number: int) -> Gate:
        self.runs += 1
        return await self.school.gate(f"gate-{number}", f"run-{self.runs}")

    async def _follow(self, number: int, known: dict[str, tuple[int, int]]) -> None:
        """The instructor follows everything, from where another run of the gateway had come."""
        gate = self.gates[number]
        for room in self.seats:
            for topic in (room.live, room.staff, room.queue):
                try:
                    follower = await gate.subscribe(topic, TEACHER, since=known.get(topic))
                except TurnedAway:
                    self.outcome.happened["turned_away"] += 1  # the class cannot be reached now
                else:
                    self.followers.append((gate, follower))

    async def _crash_gate(self) -> bool:
        number = self.rng.randrange(2)
        crashed = self.gates[number]
        crashed.crash()
        known = {one.topic: (one.epoch, one.offset) for gate, one in self.followers if gate is crashed and one.epoch}
        self.followers = [(gate, follower) for gate, follower in self.followers if gate is not crashed]
        self.gates[number] = await self._gate(number)
        await self._follow(number, known)
        return True

    async def _check(self, room: Class) -> None:
        school, crowd = self.school, self.crowd
        state = check_log(school, room)
        entries = school.tables.live_events[room.id]
        check_seated(room.id, entries, crowd.seated[room.id])
        words = Counter(json.loads(entry.payload)["text"] for entry in entries if entry.type == "chat.posted")
        assert all(words[said] == 1 for said in crowd.said[room.id]), "an acknowledged message is not there once"
        assert max(words.values(), default=1) == 1, "a message is there twice"
        operations = crowd.history.by_session().get(room.id, [])
        try:
            verdict = check(operations, DoorModel(), Door(self.seats[room]), STATES_AT_MOST)
        except TooLarge:
            self.outcome.happened["history_too_large"] += 1
        else:
            self.outcome.histories += 1
            self.outcome.states += verdict.states
            assert verdict.linearizable, "no order explains these answers: " + "; ".join(map(str, verdict.stuck))
        school.kill()
        await school.look(room)
        await until(partial(self._is_as_logged, room), "memory says what the log says", 5)
        assert len(entries) >= state.offsets.log

    def _is_as_logged(self, room: Class) -> bool:
        """What is decided may be on its way to the store."""
        grain = self.school.loaded(room)
        return grain is not None and comparable_state(grain.state) == comparable_state(check_log(self.school, room))

    async def _check_followers(self) -> None:
        """Who followed from the start has every event once: a last word shows the last hole."""
        for room in self.seats:
            for ending in (c.PostChat("the last word"), c.PostChat("to staff", "staff"), c.Revise(title="over")):
                await self.school.ask(room, TEACHER, ending)
        fresh = await self.school.gate("fresh", "run-fresh")
        now = {topic: await fresh.subscribe(topic, TEACHER) for topic in {one.topic: None for _, one in self.followers}}
        for gate, follower in self.followers:
            assert follower not in gate.lost, f"{follower.topic} was given up"
            await until(partial(_is_level, follower, now[follower.topic]), f"{follower.topic} has everything", 15, 0.1)


def _is_level(one: Follower, other: Follower) -> bool:
    return one.offset == other.offset


@contextmanager
def _small_world(seed: int) -> Iterator[None]:
    """Few shards, which cost less; and ids of runs, which are random, are made by the seed, so that whatever is sorted by
    them is sorted alike."""
    rng = random.Random(f"ids {seed}")

    class Made:
        @property
        def hex(self) -> str:
            return f"{rng.getrandbits(128):032x}"

    ids = patch("actors.dispatch.uuid4", Made), patch("actors.hosting.uuid4", Made)
    shards = patch("actors.shards.SHARDS", SHARDS), patch("actors.shares.SHARDS", SHARDS)
    with ids[0], ids[1], shards[0], shards[1]:
        yield


if __name__ == "__main__":
    from tests.chaos.seeds import main  # it imports this module

    sys.exit(main())
