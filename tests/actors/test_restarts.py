"""Outages that everybody notices: hosts, gateways and the store away for minutes, in order or not."""

import asyncio
from typing import Any

from actors.live_grain import LiveGrain
from classroom.answers import Accepted
from classroom.callers import Caller
from classroom.ids import ConnectionId
from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, Gate, School, refusals, until


async def sit(gate: Gate, room: Class, *students: Caller) -> None:
    """They take their seats over sockets named like them."""
    for student in students:
        await gate.topics.execute(room.id, student, c.TakeSeat(connection=ConnectionId(student.name)), None)


async def go(gate: Gate, room: Class, *students: Caller) -> None:
    """These sockets are closed."""
    for student in students:
        await gate.topics.gone([room.id], student, ConnectionId(student.name))


async def come_back(gate: Gate, room: Class, *students: Caller) -> None:
    """To what they have: nobody takes a new seat or place."""
    for student in students:
        await gate.subscribe(room.queue, student, student.name)


async def close_hosts(school: School) -> None:
    """As `lyceum down` does."""
    for name in school.lyceum.dispatcher.hosts:
        await (await school.lyceum.host(name)).close(5)
    school.kill()


async def open_hosts(school: School) -> None:
    """As `lyceum up` does."""
    for name in school.lyceum.dispatcher.hosts:
        await school.lyceum.host(name)


async def test_an_orderly_restart_that_takes_longer_than_the_grace_period_costs_nobody_a_seat(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim, bob = school.students(3)
    await sit(gate, room, sam, kim, bob)
    await go(gate, room, sam, kim, bob)
    gate.die()
    await close_hosts(school)
    await asyncio.sleep(120)
    await open_hosts(school)
    await asyncio.sleep(50)
    back = await school.gate("gateway", "run-2")
    await come_back(back, room, sam, bob)
    await asyncio.sleep(200)
    state = school.record(room)
    assert [seat.user_id for seat in state.seats] == [sam.user_id]
    assert [waiter.user_id for waiter in state.waitlist] == [bob.user_id], "kim did not come back"


async def test_an_outage_of_the_store_costs_nobody_a_seat(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam, kim = school.students(2)
    await sit(gate, room, sam, kim)
    await go(gate, room, sam, kim)
    school.tables.away = True
    await asyncio.sleep(120)
    school.tables.away = False
    await asyncio.sleep(30)
    await come_back(gate, room, sam)
    await until(lambda: kim.user_id not in school.record(room).seats, "kim did not come back", 120)
    assert sam.user_id in school.record(room).seats


async def test_a_machine_that_slept_gives_everybody_a_grace_period(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam, kim = school.students(2)
    await sit(gate, room, sam, kim)
    await go(gate, room, sam, kim)
    school.skew = 600
    await asyncio.sleep(58)
    await come_back(gate, room, sam)
    await asyncio.sleep(10)
    assert [seat.user_id for seat in school.record(room).seats] == [sam.user_id]


async def test_a_class_whose_end_fell_into_an_outage_ended_at_its_end(school: School) -> None:
    room = await school.open_class(duration_minutes=60)
    end = school.record(room).ends_at
    sam, kim, lee = school.students(3)
    await school.join(room, sam)
    await school.join(room, kim)
    await asyncio.sleep(600)
    school.lyceum.down.update(school.lyceum.dispatcher.hosts)
    school.kill()
    await asyncio.sleep(5 * 3600)
    school.lyceum.down.clear()
    # Before anything woke the class:
    left, late = await asyncio.gather(school.answer(room, sam, c.Leave()), school.answer(room, lee, c.TakeSeat()))
    assert isinstance(left, Accepted)
    assert refusals([late]) == {"class_ended"}
    state, row = school.record(room), school.tables.sessions[room.id]
    assert (state.ended_at, state.ends_at, row.ended_at, row.ends_at) == (end, end, end, end)
    for student in (sam, kim):
        stay = school.tables.intervals[room.id][student.user_id, 1]
        assert (stay.left_at, stay.reason) == (end, "ended")


async def test_sockets_that_died_together_with_all_hosts_are_found_lost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1, duration_minutes=600)
    sam, kim = school.students(2)
    await sit(gate, room, sam)
    await school.join(room, kim)
    gate.die()
    school.kill()
    await open_hosts(school)
    await school.gate("gateway", "run-2")
    await until(lambda: "presence.lost" in school.log(room), "the socket is found lost", 15)
    await until(lambda: kim.user_id in school.record(room).seats, "the seat goes on", 61)


async def test_sockets_of_a_class_that_nobody_follows_are_found_lost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1, duration_minutes=600)
    sam = school.student("sam")
    await sit(gate, room, sam)
    await asyncio.sleep(1_000)
    gate.die()
    await until(lambda: "presence.lost" in school.log(room), "the socket is found lost", 15)
    await until(lambda: sam.user_id not in school.record(room).seats, "the seat is free", 61)
    await until(lambda: school.loaded(room) is None, "then nobody needs the class", 320)


async def test_a_class_without_sockets_is_left_alone_until_its_time_comes(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1, duration_minutes=600)
    sam = school.student("sam")
    await sit(gate, room, sam)
    await school.ask(room, sam, c.Leave())
    await asyncio.sleep(1)
    gate.die()
    school.kill()
    await open_hosts(school)
    await asyncio.sleep(60)
    assert school.loaded(room) is None


async def test_an_orderly_restart_forgets_nothing_that_was_still_to_be_told(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim, bob = school.students(3)
    await sit(gate, room, sam, kim, bob)
    await asyncio.sleep(2)
    await school.ask(room, kim, c.Leave())
    await close_hosts(school)
    await open_hosts(school)
    await until(lambda: school.inbox(bob), "the new place")
    [(kind, data)] = school.inbox(bob)
    assert (kind, data["position"]) == ("waitlist.moved", 1)


async def test_no_snapshot_of_a_busy_class_hides_what_was_still_to_be_told(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim, bob = school.students(3)
    await sit(gate, room, sam, kim, bob)
    for number in range(480):
        await school.ask(room, TEACHER, c.PostChat(f"{number}"))
    await asyncio.sleep(2)
    await school.ask(room, kim, c.Leave())
    for number in range(40):
        await school.ask(room, TEACHER, c.PostChat(f"{number}"))
    school.kill()
    await open_hosts(school)
    await until(lambda: school.inbox(bob), "the new place")


async def test_an_ended_class_leaves_no_deadline_behind(school: School) -> None:
    room = await school.open_class(seats=1)
    sam = school.student("sam")
    await school.ask(room, TEACHER, c.End())
    await school.ask(room, TEACHER, c.RemoveMember(sam.user_id, ban=True))
    assert school.tables.deadlines
    await until(lambda: not school.tables.deadlines, "the deadline goes", 120)
    assert school.inbox(sam)


async def test_an_ended_class_whose_host_was_closed_in_between_leaves_no_deadline_behind(school: School) -> None:
    room = await school.open_class(seats=1)
    sam = school.student("sam")
    await school.ask(room, TEACHER, c.End())
    await school.ask(room, TEACHER, c.RemoveMember(sam.user_id, ban=True))
    await until(lambda: school.inbox(sam), "the word to sam")
    await asyncio.sleep(1)
    await close_hosts(school)
    assert room.id in school.tables.snapshots
    await open_hosts(school)
    await until(lambda: not school.tables.deadlines, "the deadline goes", 1)


async def test_a_class_that_has_not_begun_is_not_woken_again_and_again(school: School, monkeypatch: Any) -> None:
    gate, room = await school.gate(), await school.open_class(start=False)
    await sit(gate, room, school.student("sam"))
    await asyncio.sleep(1)
    woken = 0
    tick = LiveGrain._tick

    def counted(self: LiveGrain, *about: Any) -> None:
        nonlocal woken
        woken += 1
        tick(self, *about)

    monkeypatch.setattr(LiveGrain, "_tick", counted)
    await asyncio.sleep(1_000)
    assert woken == 0
