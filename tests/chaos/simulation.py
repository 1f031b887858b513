"""One seed, one storm: hosts, journal, gateways and clients on a made-up clock, over a network that loses messages.

python -m tests.chaos.simulation --seed 17            one seed again, with what happened
python -m tests.chaos.simulation --seconds 60         as many seeds as fit, from --first on
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import structlog

from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller
from classroom.ids import ConnectionId
from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, Follower, Gate, School, until
from tests.actors.virtual import VirtualLoop
from tests.chaos.network import Faults, Network
from tests.chaos.oracle import check_log, comparable_state
from tests.chaos.weather import Weather
from tests.linearizability.checker import check
from tests.linearizability.door import Door, DoorModel
from tests.linearizability.histories import History

PATIENCE_SECONDS = 40.0
DAY = 86_400


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


def simulate(seed: int) -> Outcome:
    """Everything that this seed makes happen. Violations are in the outcome; anything else is raised."""
    outcome = Outcome(seed)
    loop = _QuickLoop()
    try:
        with _same_ids(seed):
            loop.run_until_complete(_Simulation(seed, outcome).run())
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
    except AssertionError as broken:
        outcome.violation = str(broken) or _where(broken)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return outcome


def command(seed: int) -> str:
    """What to type to see this seed again. Sets of text have an order of their own in each process without the first."""
    return f"PYTHONHASHSEED=0 python -m tests.chaos.simulation --seed {seed}"


class _QuickLoop(VirtualLoop):
    """Nothing outside wakes a simulation, so nobody asks the kernel whether anything did."""

    def _hear_outside(self) -> None:
        pass


class _Simulation:
    def __init__(self, seed: int, outcome: Outcome) -> None:
        self.rng = random.Random(seed)
        self.outcome = outcome
        self.history = History()
        self.said: dict[str, set[str]] = {}
        self.numbers = 0

    async def run(self) -> None:
        rng = self.rng
        school = School(hosts=rng.choice([1, 2, 3]), grace_seconds=DAY)
        strength = rng.choice([0.0, 0.5, 1.0, 2.0, 4.0])
        faults = {name: min(0.9, strength * share) for name, share in vars(Faults()).items()}
        network = Network(school, rng, Faults(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
        try:
            seats = {}
            for _ in range(rng.choice([1, 1, 2])):
                number = rng.randint(1, 3)
                seats[await school.open_class(seats=number)] = number
            gates = [await school.gate(f"gate-{number}", f"run-{number}") for number in (1, 2)]
            followers = [
                (gate, await gate.subscribe(topic, TEACHER))
                for gate in gates
                for room in seats
                for topic in (room.live, room.staff, room.queue)
            ]
            network.faults = Faults(**faults)
            weather = Weather(school, rng, gates, rate=rng.choice([0.05, 0.3, 1.0]))
            storm = asyncio.ensure_future(weather.storm())
            people = school.students(rng.randint(2, 5))
            lives = [self._live(school, room, who, gates) for room in seats for who in (*people, TEACHER)]
            await asyncio.wait_for(asyncio.gather(*lives), 3_000)
            weather.done = True
            await storm
            await network.settle()
            await asyncio.sleep(12)
            self.outcome.happened = weather.happened + network.happened
            for room, number in seats.items():
                await self._check(school, room, number)
            await self._check_followers(school, followers, list(seats))
        finally:
            self.outcome.messages, self.outcome.fingerprint = network.messages, network.fingerprint
            self.outcome.operations = len(self.history.operations)
            self.outcome.unknown = sum(each.returned is None for each in self.history.operations)
            self.outcome.history = [str(each) for each in self.history.operations]
            await school.close()

    async def _live(self, school: School, room: Class, who: Caller, gates: list[Gate]) -> None:
        """One thing after the other; each insisted on, unless patience ends."""
        rng = self.rng
        kinds: list[tuple[Hashable, ...]] = [("join", True)] * 3 + [("leave",)] * 2 + [("status",), ("chat",)]
        if who is TEACHER:
            kinds = [("capacity", 1), ("capacity", 2), ("capacity", 3), ("status",), ("chat",), ("chat",)]
        for _ in range(rng.randint(1, 4)):
            await asyncio.sleep(rng.random() * 2)
            self.numbers += 1
            ask, key = rng.choice(kinds), f"c{self.numbers}"
            gate = rng.choice(gates)
            execute = gate.topics.execute if rng.random() < 0.5 else school.live.execute
            order = _command(ask, f"word {key}", f"socket-{key}" if execute != school.live.execute else None)
            send = partial(execute, room.id, who, order, key)  # type: ignore[arg-type] # a text is an id
            if ask == ("chat",):
                answer = await self._insist(send)
                if isinstance(answer, Accepted):
                    self.said.setdefault(room.id, set()).add(f"word {key}")
                continue
            loop = asyncio.get_running_loop()
            operation = self.history.invoke(room.id, who.user_id, ask, loop.time())
            answer = await self._insist(send)
            if answer is not None:
                self.history.hear(operation, heard(ask, answer), loop.time())

    async def _insist(self, send: Any) -> Answer | None:
        """The same command again until it is answered; None when nobody knows what became of it."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (PATIENCE_SECONDS if self.rng.random() < 0.9 else 1.0)
        while loop.time() < give_up:
            answer: Answer = await send()
            if not (isinstance(answer, Refused) and answer.refusal.retry):
                return answer
            await asyncio.sleep(0.2)
        return None

    async def _check(self, school: School, room: Class, seats: int) -> None:
        state = check_log(school, room)
        words = Counter(json.loads(entry.payload)["text"] for entry in _entries(school, room, "chat.posted"))
        assert all(words[said] == 1 for said in self.said.get(room.id, ())), "an acknowledged message is not there once"
        assert max(words.values(), default=1) == 1, "a message is there twice"
        operations = self.history.by_session().get(room.id, [])
        verdict = check(operations, DoorModel(), Door(seats))
        self.outcome.histories += 1
        self.outcome.states += verdict.states
        assert verdict.linearizable, "no order explains these answers: " + "; ".join(map(str, verdict.stuck))
        school.kill()
        await school.look(room)
        grain = school.loaded(room)
        assert comparable_state(grain.state) == comparable_state(check_log(school, room)), "memory and log differ"
        assert grain.state.offsets.log >= state.offsets.log

    async def _check_followers(self, school: School, followers: list[tuple[Gate, Follower]], rooms: list[Class]) -> None:
        """Who followed from the start has every event once: a last word shows the last hole."""
        for room in rooms:
            for ending in (c.PostChat("the last word"), c.PostChat("to staff", "staff"), c.Revise(title="over")):
                await school.ask(room, TEACHER, ending)
        fresh = await school.gate("fresh", "run-fresh")
        for gate, follower in followers:
            if follower in gate.lost:
                self.outcome.happened["follower_sent_back"] += 1
                continue
            now = await fresh.subscribe(follower.topic, TEACHER)
            await until(lambda one=follower, other=now: one.offset == other.offset, f"{follower.topic} has everything", 15)


def heard(ask: tuple[Hashable, ...], answer: Answer) -> Hashable:
    """An answer in the words of the sequential door."""
    if isinstance(answer, Refused):
        return "refused", answer.refusal.code
    body = json.loads(answer.body)
    if ask[0] == "join":
        return "inside", _standing(body), *_counts(body["session"])
    if ask[0] == "status":
        return "status", *_counts(body), _standing(body["you"])
    return ("done",) if ask[0] == "leave" else ("done", *_counts(body))


def _counts(session: dict[str, Any]) -> tuple[int, int, int]:
    return session["maxStudents"], session["currentStudents"], session["waitlisted"]


def _standing(you: dict[str, Any]) -> tuple[str, int] | None:
    if you["outcome"] == "seated":
        return "seated", you["seat"]["number"]
    return ("waitlisted", you["position"]) if you["outcome"] == "waitlisted" else None


def _command(ask: tuple[Hashable, ...], text: str, socket: str | None) -> c.Command:
    connection = ConnectionId(socket) if socket is not None else None
    made: dict[Hashable, Any] = {
        "join": lambda: c.TakeSeat(bool(ask[1]), connection),
        "leave": c.Leave,
        "status": c.Look,
        "capacity": lambda: c.Revise(max_students=ask[1]),  # type: ignore[arg-type] # a number of seats
        "chat": lambda: c.PostChat(text),
    }
    order: c.Command = made[ask[0]]()
    return order


def _entries(school: School, room: Class, kind: str) -> Iterator[Any]:
    return (entry for entry in school.tables.live_events[room.id] if entry.type == kind)


@contextmanager
def _same_ids(seed: int) -> Iterator[None]:
    """Ids of runs are random; here the seed makes them, so that whatever is sorted by them is sorted alike."""
    rng = random.Random(f"ids {seed}")

    class Made:
        @property
        def hex(self) -> str:
            return f"{rng.getrandbits(128):032x}"

    with patch("actors.dispatch.uuid4", Made), patch("actors.hosting.uuid4", Made):
        yield


def _where(broken: AssertionError) -> str:
    trace = broken.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace is not None else "an assertion"


def run_for(seconds: float, first: int, at_least: int = 0) -> list[Outcome]:
    """Seeds from `first` on for so long by the wall's clock, and at least so many; ends at the first ten violations."""
    until_then = time.monotonic() + seconds
    outcomes: list[Outcome] = []
    while time.monotonic() < until_then or len(outcomes) < at_least:
        outcomes.append(simulate(first + len(outcomes)))
        if sum(bool(each.violation) for each in outcomes) >= 10:
            break
    return outcomes


def main() -> int:
    """Run; 1 when a promise broke, with the command that shows it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--at-least", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one line of figures for a report")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    outcomes = (
        [simulate(options.seed)] if options.seed is not None else run_for(options.seconds, options.first, options.at_least)
    )
    taken = time.monotonic() - began
    if options.seed is not None:
        print(*outcomes[0].history, sep="\n")
    happened = sum((each.happened for each in outcomes), Counter())
    figures = {
        "seeds": len(outcomes),
        "first": outcomes[0].seed,
        "seconds": round(taken, 1),
        "seeds_a_minute": round(60 * len(outcomes) / taken),
        "messages": sum(each.messages for each in outcomes),
        "operations": sum(each.operations for each in outcomes),
        "unknown_outcomes": sum(each.unknown for each in outcomes),
        "histories_checked": sum(each.histories for each in outcomes),
        "faults": dict(happened.most_common()),
        "violations": sum(bool(each.violation) for each in outcomes),
    }
    print(json.dumps(figures, indent=None if options.json else 2))
    for each in outcomes:
        if each.violation:
            print(f"seed {each.seed}: {each.violation}\n  {command(each.seed)}", file=sys.stderr)
    return int(any(each.violation for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
