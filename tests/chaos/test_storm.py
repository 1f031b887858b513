"""A stampede while everything dies: hosts, commits, gateways, the store. What was acknowledged stands."""

import asyncio
import os
import random
from collections import defaultdict
from datetime import datetime
from functools import partial

import pytest

from classroom.answers import Accepted, Answer
from classroom.callers import Caller
from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.times import from_datetime
from tests.actors.school import TEACHER, Class, Follower, Gate, School, a_school, until
from tests.chaos.oracle import check_log, comparable_state, insist
from tests.chaos.weather import Weather
from tests.classroom.live.room import Told
from tests.classroom.live.subscriber import Subscriber, comparable

SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "12")))


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
