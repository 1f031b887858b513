"""A machine's clock that is set: nothing stands still, nothing is forgotten, nobody is cheated of the way back."""

import asyncio

from actors.clock import PACE, SteadyClock
from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.times import SECOND, Moment
from tests.actors.school import NINE, TEACHER, School, until

HOUR = 3600


class Machine:
    """Its wall clock, in seconds after nine, and its uptime."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.up = 0.0
        self.leaps = 0

    def clock(self, at_least: int = 0) -> SteadyClock:
        return SteadyClock(lambda: Moment(NINE + round(self.wall * SECOND)), lambda: self.up, at_least, self.leap)

    def leap(self) -> None:
        self.leaps += 1

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds


def test_an_undisturbed_clock_is_the_walls() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.run(0.7)
        assert clock() == NINE + round(machine.wall * SECOND)
    assert machine.leaps == 0


def test_a_clock_that_is_set_back_goes_on_and_ends_with_the_wall() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(10)
    assert clock() == NINE + 10 * SECOND
    machine.wall -= HOUR
    before = clock()
    assert before == NINE + 10 * SECOND
    for _ in range(1_000):
        machine.run(0.1)
        assert clock() > before
        before = clock()
    assert abs(before - NINE - 100 * SECOND) <= 1
    for _ in range(round(HOUR / (1 - PACE))):  # a host looks every second
        machine.run(1)
        clock()
    assert clock() == NINE + round(machine.wall * SECOND)
    assert machine.leaps == 0


def test_a_clock_that_is_set_back_and_then_right_again_leaps() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= HOUR
    for _ in range(900):
        machine.run(1)
        clock()
    machine.wall += HOUR
    assert clock() == NINE + round(machine.wall * SECOND)
    assert machine.leaps == 1, "what was armed by the slow clock is 90 s late"


def test_a_clock_that_is_set_forward_says_so_once() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(1)
    machine.wall += HOUR
    assert clock() == NINE + (HOUR + 1) * SECOND
    machine.run(100)
    clock()
    assert machine.leaps == 1


def test_a_clock_can_begin_ahead_of_the_wall() -> None:
    machine = Machine()
    clock = machine.clock(NINE + 60 * SECOND)
    assert clock() == NINE + 60 * SECOND
    machine.run(10)
    assert clock() == NINE + 69 * SECOND


async def test_counts_are_told_when_the_clock_was_set_back(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=5)
    follower = await gate.subscribe(room.live, TEACHER)
    await school.join(room, school.student("sam"))
    await asyncio.sleep(1)
    school.skew = -HOUR
    await school.join(room, school.student("kim"))
    await until(lambda: follower.heard("count.changed")[-1]["currentStudents"] == 2, "the count", 2)


async def test_a_grace_period_ends_when_the_clock_was_set_back(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim = school.students(2)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection=ConnectionId("socket")), None)
    await school.join(room, kim)
    school.skew = -HOUR
    await gate.topics.gone([room.id], sam, ConnectionId("socket"))
    await asyncio.sleep(59)
    assert sam.user_id in school.record(room).seats
    await asyncio.sleep(60 / PACE - 58)
    assert kim.user_id in school.record(room).seats


async def test_a_class_whose_log_is_ahead_of_the_clock_goes_on(school: School) -> None:
    """The clock was set back while no host was up."""
    gate, room = await school.gate(), await school.open_class(seats=1)
    follower = await gate.subscribe(room.live, TEACHER)
    sam, kim = school.students(2)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection=ConnectionId("socket")), None)
    school.skew = -HOUR
    school.kill()
    await school.join(room, kim)
    await until(lambda: follower.heard("count.changed")[-1]["waitlisted"] == 1, "the count", 2)
    await gate.topics.gone([room.id], sam, ConnectionId("socket"))
    await until(lambda: kim.user_id in school.record(room).seats, "the end of the grace period", 140)


async def test_a_clock_that_is_set_forward_ends_what_is_due_by_it(school: School) -> None:
    room = await school.open_class(duration_minutes=60)
    await school.join(room, school.student("sam"))
    school.skew = HOUR
    await until(lambda: school.log(room)[-1] == "session.ended", "the end", 2)


async def test_a_class_that_is_not_loaded_notices_a_clock_that_is_set_forward(school: School) -> None:
    room = await school.open_class(duration_minutes=90)
    await asyncio.sleep(400)
    assert school.loaded(room) is None
    school.skew = 2 * HOUR
    await until(lambda: school.log(room)[-1] == "session.ended", "the end", 2)
