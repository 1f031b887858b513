"""A stampede while everything dies: hosts, commits, gateways, the store. What was acknowledged stands."""

import asyncio
import json
import os
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller
from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.live.codec import event_of
from classroom.live.evolve import evolve
from classroom.live.snapshot import save
from classroom.live.state import LiveClass
from classroom.live.views import row_of
from classroom.times import SECOND, from_datetime
from tests.actors.school import TEACHER, Class, Follower, Gate, School, a_school, until
from tests.classroom.live.room import Told
from tests.classroom.live.subscriber import Subscriber, comparable

SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "12")))


@dataclass
class Weather:
    """What goes wrong, at moments that the seed decides."""

    school: School
    rng: random.Random
    gates: list[Gate] = field(default_factory=list)
    done: bool = False
    happened: Counter[str] = field(default_factory=Counter)

    async def storm(self) -> None:
        """Until somebody says that it is over."""
        kinds = [
            self.kill_one,
            self.kill_all,
            self.close_one,
            self.set_clock,
            self.lose_commits,
            self.store_away,
            self.hold_commits,
        ]
        if self.gates:
            kinds += [self.silence, self.lose_parcels]
        while not self.done:
            await asyncio.sleep(self.rng.expovariate(2.5))
            kind = self.rng.choice(kinds)
            self.happened[kind.__name__] += 1
            await kind()

    async def kill_one(self) -> None:
        self.school.kill(self.rng.choice(self.school.lyceum.dispatcher.hosts))

    async def kill_all(self) -> None:
        self.school.kill()

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


async def insist(ask: Any) -> Answer:
    """As a client does: the same command with the same id until there is an answer."""
    while True:
        answer: Answer = await ask()
        if not (isinstance(answer, Refused) and answer.refusal.retry):
            return answer
        await asyncio.sleep(0.2)


def check_log(school: School, room: Class) -> LiveClass:
    """Every prefix of the log keeps the promises; the rows beside it say the same."""
    entries = school.tables.live_events[room.id]
    state = LiveClass(room.id, 60 * SECOND)
    commands = Counter(entry.command_id for entry in entries if entry.command_id is not None)
    assert not [each for each, times in commands.items() if times > 1]
    tickets: list[int] = []
    for number, entry in enumerate(entries, start=1):
        assert entry.offset == number
        event = event_of(entry.type, json.loads(entry.payload))
        evolve(state, event, entry.at)
        offsets = state.offsets
        assert entry.topic_offsets == (offsets.everybody, offsets.staff, offsets.queue)
        assert len(state.seats) <= state.known.max_students
        assert not {seat.user_id for seat in state.seats} & {waiter.user_id for waiter in state.waitlist}
        if entry.type == "seat.promoted":
            tickets.append(event.ticket)  # type: ignore[union-attr] # the type says which event it is
        if entry.type == "count.changed":
            assert not (state.free_seats and len(state.waitlist))
    assert tickets == sorted(tickets)
    assert school.tables.sessions[room.id] == row_of(state)
    return state


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_stampede_over_rest_loses_nothing_that_was_acknowledged(seed: int) -> None:
    rng = random.Random(seed)
    async with a_school(hosts=rng.choice([1, 2, 3])) as school:
        seats = rng.randint(5, 40)
        room = await school.open_class(seats=seats)
        crowd = school.students(rng.randint(40, 120))
        weather = Weather(school, rng)
        storm = asyncio.ensure_future(weather.storm())
        last: dict[str, Answer] = {}

        async def student(who: Caller) -> None:
            await asyncio.sleep(rng.random() * 4)
            last[who.user_id] = await insist(lambda: school.answer(room, who, c.TakeSeat(), "join"))
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 3)
                await insist(lambda: school.answer(room, who, c.Leave(), "leave"))
                del last[who.user_id]
                if rng.random() < 0.5:
                    last[who.user_id] = await insist(lambda: school.answer(room, who, c.TakeSeat(), "again"))

        await asyncio.wait_for(asyncio.gather(*map(student, crowd)), 300)
        weather.done = True
        await storm
        state = check_log(school, room)

        assert all(isinstance(answer, Accepted) for answer in last.values())
        inside = {seat.user_id for seat in state.seats} | {waiter.user_id for waiter in state.waitlist}
        assert inside == set(last)
        assert len(state.seats) == min(seats, len(inside))
        places = [await school.look(room, who) for who in crowd if who.user_id in state.waitlist]
        assert sorted(each["you"]["position"] for each in places) == list(range(1, len(state.waitlist) + 1))
        promoted = {entry.offset for entry in school.tables.live_events[room.id] if entry.type == "seat.promoted"}
        await until(lambda: notices(school, crowd) == len(promoted), "each promotion told once", 30)
        school.kill()
        await school.look(room)
        grain = school.loaded(room)
        assert comparable_state(grain.state) == comparable_state(check_log(school, room))
        await asyncio.sleep(30)
        assert notices(school, crowd) == len(promoted)
        assert weather.happened


@pytest.mark.parametrize("seed", SEEDS)
async def test_subscribers_and_sockets_see_one_story_through_every_storm(seed: int) -> None:
    rng = random.Random(1_000 + seed)
    async with a_school() as school:
        seats = rng.randint(3, 12)
        room = await school.open_class(seats=seats)
        crowd = school.students(30)
        gates = [await school.gate("one", "run-1"), await school.gate("two", "run-2")]
        followers = [(gate, view, await gate.subscribe(topic, TEACHER)) for gate in gates for view, topic in views(room)]
        begun = [Subscriber.entering(view, TEACHER, each.snapshot, each.offset) for _, view, each in followers]
        weather = Weather(school, rng, gates)
        storm = asyncio.ensure_future(weather.storm())
        sockets: defaultdict[str, set[str]] = defaultdict(set)

        async def student(who: Caller, gate: Gate) -> None:
            await asyncio.sleep(rng.random() * 3)
            for number in range(rng.randint(1, 3)):
                socket = f"{who.user_id}-{number}"
                await insist(partial(join, gate, room, who, socket))
                sockets[who.user_id].add(socket)
                await asyncio.sleep(rng.random() * 2)
                if rng.random() < 0.4:
                    await insist(partial(school.answer, room, TEACHER, c.PostChat(f"hello {who.name}"), socket))
                if rng.random() < 0.5:
                    await gate.topics.gone([room.id], who, ConnectionId(socket))
                    sockets[who.user_id].remove(socket)

        await asyncio.wait_for(asyncio.gather(*(student(who, rng.choice(gates)) for who in crowd)), 300)
        weather.done = True
        await storm
        await asyncio.sleep(10)  # silences are over, doubts are settled
        state = check_log(school, room)
        present = {user_id for user_id, held in sockets.items() if held}
        assert set(state.connections) == present
        assert sum(map(len, state.connections.values())) == sum(map(len, sockets.values()))
        await asyncio.sleep(75)  # and every grace period, by a clock that may be slow
        state = check_log(school, room)
        assert {seat.user_id for seat in state.seats} | {waiter.user_id for waiter in state.waitlist} == present

        fresh = await school.gate("three", "run-3")
        for (gate, view, follower), picture in zip(followers, begun, strict=True):
            assert follower not in gate.lost
            now = await fresh.subscribe(follower.topic, TEACHER)
            await until(partial(at_one, follower, now), f"{follower.topic} has everything", 5)
            for told in heard(follower):
                picture.hear(told)
            assert comparable(view, picture.picture) == comparable(view, now.snapshot)


async def join(gate: Gate, room: Class, who: Caller, socket: str) -> Answer:
    """Over a socket."""
    command = c.TakeSeat(connection=ConnectionId(socket))
    return await gate.topics.execute(room.id, who, command, f"join-{socket}")  # type: ignore[arg-type]


def at_one(one: Follower, other: Follower) -> bool:
    """Both have come equally far."""
    return one.offset == other.offset


def views(room: Class) -> list[tuple[str, str]]:
    """The topics of a class."""
    return [("", room.live), ("staff", room.staff), ("queue", room.queue)]


def heard(follower: Follower) -> list[Told]:
    """Its events, for the picture that a browser makes of them."""
    return [
        Told(event["offset"], event["type"], from_datetime(datetime.fromisoformat(event["at"])), event["data"])
        for event in follower.events
    ]


def notices(school: School, crowd: list[Caller]) -> int:
    """How often anybody was told of a promotion."""
    return sum(kind == "seat.promoted" for who in crowd for kind, _ in school.inbox(who))


def comparable_state(state: LiveClass) -> dict[str, Any]:
    """A class through JSON."""
    saved: dict[str, Any] = json.loads(json.dumps(save(state)))
    return saved
