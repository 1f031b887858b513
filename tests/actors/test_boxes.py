"""What happens by itself: deadlines, unloading, waking; also across crashes."""

import asyncio
from typing import Any

from actors.live_grain import LiveGrain
from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.times import SECOND, Moment
from tests.actors.school import TEACHER, School, until


async def test_a_class_warns_and_ends_itself_to_the_second(school: School) -> None:
    room = await school.open_class(duration_minutes=30)
    began = school.clock()
    sam = school.student("sam")
    await school.join(room, sam)
    await asyncio.sleep(24 * 60 + 59)
    assert "session.ending" not in school.log(room)
    await asyncio.sleep(2)
    assert "session.ending" in school.log(room)
    await until(lambda: "session.ended" in school.log(room), "the end", 400)
    assert 0 <= school.tables.live_events[room.id][-1].at - began - 1800 * SECOND < SECOND


async def test_a_class_ends_itself_after_all_hosts_were_killed_and_nobody_asked_for_it(school: School) -> None:
    room = await school.open_class(duration_minutes=30)
    school.kill()
    await school.lyceum.host(school.host_of(room))
    await asyncio.sleep(1801)
    assert school.log(room)[-2:] == ["session.ending", "session.ended"]


async def test_a_class_that_was_due_while_its_host_was_away_ends_at_once(school: School) -> None:
    room = await school.open_class(duration_minutes=30)
    school.kill()
    await asyncio.sleep(7200)
    assert "session.ended" not in school.log(room)
    await school.lyceum.host(school.host_of(room))
    await until(lambda: "session.ended" in school.log(room), "the end", 1)
    assert not school.tables.deadlines


async def test_a_grace_period_begins_anew_when_its_host_was_killed(school: School) -> None:
    gate = await school.gate()
    room = await school.open_class(seats=1)
    sam, kim = school.students(2)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection="socket"), None)  # type: ignore[arg-type]
    await school.join(room, kim)
    await gate.topics.gone([room.id], sam, "socket")  # type: ignore[arg-type]
    await asyncio.sleep(30)
    school.kill()
    await asyncio.sleep(59)
    assert sam.user_id in school.record(room).seats
    await asyncio.sleep(2)
    assert sam.user_id not in school.record(room).seats
    assert kim.user_id in school.record(room).seats


async def test_coming_back_within_the_grace_period_costs_nothing(school: School) -> None:
    gate = await school.gate()
    room = await school.open_class(seats=1)
    [sam] = school.students(1)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection="one"), None)  # type: ignore[arg-type]
    await gate.topics.gone([room.id], sam, "one")  # type: ignore[arg-type]
    await asyncio.sleep(59)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection="two"), None)  # type: ignore[arg-type]
    await asyncio.sleep(200)
    assert sam.user_id in school.record(room).seats
    assert school.log(room).count("seat.taken") == 1


async def test_a_seat_that_was_said_to_be_there_is_there_for_a_grace_period(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    [sam] = school.students(1)
    await gate.topics.execute(room.id, sam, c.TakeSeat(connection=ConnectionId("one")), None)
    for command_id in ("same", "same", "same", "other"):
        await gate.topics.gone([room.id], sam, ConnectionId("one"))
        await asyncio.sleep(50)
        assert (await school.join(room, sam, command_id))["outcome"] == "seated"
    await asyncio.sleep(59)
    assert sam.user_id in school.record(room).seats
    await asyncio.sleep(2)
    assert sam.user_id not in school.record(room).seats


async def test_an_idle_class_is_unloaded_with_a_snapshot_and_wakes_for_its_end(school: School) -> None:
    room = await school.open_class(seats=5, duration_minutes=30)
    for student in school.students(3):
        await school.join(room, student)
    host = await school.owner(room)
    assert school.loaded(room) is not None
    await asyncio.sleep(310)
    assert school.loaded(room) is None
    assert school.tables.snapshots[room.id][0] == len(school.log(room))
    await asyncio.sleep(1500)
    assert school.log(room)[-1] == "session.ended"
    await asyncio.sleep(310)
    assert ("live", room.id) not in host._boxes


async def test_a_snapshot_and_its_tail_are_the_same_class_as_the_log(school: School) -> None:
    room = await school.open_class(seats=3)
    students = school.students(12)
    for student in students[:8]:
        await school.join(room, student)
    await asyncio.sleep(310)
    assert room.id in school.tables.snapshots
    for student in students[8:]:
        await school.join(room, student)
    await school.ask(room, students[0], c.Leave())
    before = [await school.look(room, student) for student in students]
    school.kill()
    assert [await school.look(room, student) for student in students] == before


async def test_a_long_log_is_cut_by_snapshots(school: School) -> None:
    room = await school.open_class(seats=1)
    for number in range(1_100):
        await school.ask(room, TEACHER, c.PostChat(f"{number}"))
    assert school.tables.snapshots[room.id][0] > 900
    school.kill()
    said = await school.ask(room, TEACHER, c.PostChat("last"), "c-last")
    school.kill()
    assert await school.ask(room, TEACHER, c.PostChat("last"), "c-last") == said
    assert school.log(room).count("chat.posted") == 1_101


async def test_a_snapshot_that_cannot_be_kept_is_made_again(school: School) -> None:
    room = await school.open_class(seats=5)
    await school.join(room, school.student("sam"))
    await asyncio.sleep(250)
    school.tables.away = True
    await asyncio.sleep(100)
    assert school.loaded(room) is not None
    school.tables.away = False
    await until(lambda: school.loaded(room) is None, "unloaded", 10)
    assert school.tables.snapshots[room.id][0] == len(school.log(room))


async def test_a_class_that_was_dropped_while_the_store_was_away_still_ends_itself(school: School) -> None:
    room = await school.open_class(duration_minutes=10)
    sam = school.student("sam")
    school.tables.away = True
    await school.answer(room, sam, c.TakeSeat())
    await asyncio.sleep(900)
    school.tables.away = False
    await until(lambda: "session.ended" in school.log(room), "the end", 61)


async def test_a_deadline_that_stays_due_does_not_spin(school: School, monkeypatch: Any) -> None:
    room = await school.open_class(duration_minutes=10)
    woken = 0
    tick = LiveGrain._tick

    def stuck(self: LiveGrain, now: Moment, logged: Any) -> None:
        nonlocal woken
        woken += 1
        if woken > 20:
            tick(self, now, logged)

    monkeypatch.setattr(LiveGrain, "_tick", stuck)
    await asyncio.sleep(310)
    assert 3 < woken < 20
    monkeypatch.undo()
    await until(lambda: "session.ended" in school.log(room), "the end", 1000)
