"""What single persons are told: once, whatever dies; and places that move, not too often."""

import asyncio
import random

import pytest

from classroom.callers import Caller
from classroom.ids import CommandId, ConnectionId
from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, Gate, School, TurnedAway, until


async def test_a_promotion_is_told_to_the_promoted(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim = school.students(2)
    await school.join(room, sam)
    await school.join(room, kim)
    inbox = await gate.subscribe(f"user:{kim.user_id}", kim)
    await school.ask(room, sam, c.Leave())
    await until(lambda: inbox.heard("seat.promoted"), "told over the socket")
    assert inbox.heard("seat.promoted") == [{"sessionId": room.id, "seat": {"number": 1}}]
    assert not school.inbox(sam)


async def test_promotions_are_told_once_across_kills(school: School) -> None:
    room = await school.open_class(seats=10)
    students = school.students(60)
    for student in students:
        await school.join(room, student)
    rng = random.Random(11)
    for student in students[:50]:
        await school.ask(room, student, c.Leave(), f"leave-{student.user_id}")
        if rng.random() < 0.3:
            school.kill()
        elif rng.random() < 0.3:
            await asyncio.sleep(rng.random())
    for host in school.lyceum.dispatcher.hosts:
        await school.lyceum.host(host)
    await school.look(room)

    def told() -> list[int]:
        return [sum(kind == "seat.promoted" for kind, _ in school.inbox(student)) for student in students]

    await until(lambda: told() == [0] * 10 + [1] * 50, "each once", 30)
    await asyncio.sleep(400)
    school.kill()
    await school.look(room)
    await asyncio.sleep(30)
    assert told() == [0] * 10 + [1] * 50


async def test_a_notice_waits_for_the_host_of_its_inbox_and_no_snapshot_hides_it_meanwhile(school: School) -> None:
    room = await school.open_class(seats=1)
    here = school.host_of(room)
    [there] = set(school.lyceum.dispatcher.hosts) - {here}
    sam = school.student("sam")
    kim = next(k for k in school.students(50) if school.lyceum.dispatcher.owner("inbox", k.user_id) == there)
    await school.join(room, sam)
    await school.join(room, kim)
    school.lyceum.down.add(there)  # nobody reaches it; it lives, so nobody takes its place
    await school.ask(room, sam, c.Leave())
    await asyncio.sleep(100)
    assert not school.inbox(kim)
    assert room.id not in school.tables.snapshots
    school.kill(here)
    school.lyceum.down.clear()
    await school.look(room)
    await until(lambda: [kind for kind, _ in school.inbox(kim)] == ["seat.promoted"], "told", 30)


async def test_closing_a_host_hides_no_notice_that_was_not_delivered(school: School) -> None:
    room = await school.open_class(seats=1)
    [there] = set(school.lyceum.dispatcher.hosts) - {school.host_of(room)}
    sam = school.student("sam")
    kim = next(k for k in school.students(50) if school.lyceum.dispatcher.owner("inbox", k.user_id) == there)
    await school.join(room, sam)
    await school.join(room, kim)
    school.lyceum.down.add(there)
    school.kill(there)
    await school.ask(room, sam, c.Leave())
    await school.lyceum.close()
    school.lyceum.down.clear()
    await school.look(room)
    await until(lambda: [kind for kind, _ in school.inbox(kim)] == ["seat.promoted"], "told", 30)


async def test_those_who_wait_are_told_their_places_together_and_only_when_they_moved(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=5)
    students = school.students(15)
    for student in students:
        await school.join(room, student)
    for student in students[5:]:
        await gate.subscribe(room.queue, student)
    await asyncio.gather(*(school.ask(room, student, c.Leave()) for student in students[:3]))
    await asyncio.sleep(2)
    moved = {student.user_id: [d for k, d in school.inbox(student) if k == "waitlist.moved"] for student in students}
    assert [[data["position"] for data in moved[student.user_id]] for student in students[8:]] == [[n] for n in range(1, 8)]
    assert not any(moved[student.user_id] for student in students[:8])
    await school.ask(room, students[-1], c.Leave())
    await asyncio.sleep(2)
    again = [sum(kind == "waitlist.moved" for kind, _ in school.inbox(student)) for student in students[8:-1]]
    assert again == [1] * 6


async def test_a_move_that_was_due_when_the_host_died_is_told_by_the_next(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    students = school.students(3)
    for student in students:
        await school.join(room, student)
    await gate.subscribe(room.queue, students[2])
    await school.ask(room, students[0], c.Leave())
    school.kill()
    await until(lambda: school.inbox(students[2]), "told", 5)
    assert [(kind, data["position"]) for kind, data in school.inbox(students[2])] == [("waitlist.moved", 1)]


async def a_full_class(school: School, gate: Gate, waiting: int) -> tuple[Class, list[Caller]]:
    """A class of one seat whose waitlist is connected; everybody, the seated first."""
    room = await school.open_class(seats=1)
    students = school.students(1 + waiting)
    for student in students:
        connection = ConnectionId(f"socket of {student.name}")
        await gate.topics.execute(room.id, student, c.TakeSeat(connection=connection), CommandId("join"))
    await asyncio.sleep(2)
    return room, students


async def test_a_person_is_told_in_order_though_the_store_fails(school: School) -> None:
    gate = await school.gate()
    room, (seated, first, second) = await a_full_class(school, gate, waiting=2)
    school.store.losing_inboxes = 4
    await school.ask(room, first, c.Leave())
    await until(lambda: not school.store.losing_inboxes, "the move could not be written")
    await school.ask(room, seated, c.Leave())
    await until(lambda: len(school.inbox(second)) == 2, "told")
    assert [kind for kind, _ in school.inbox(second)] == ["waitlist.moved", "seat.promoted"]


async def with_an_inbox_away(school: School) -> tuple[Class, Caller]:
    """A class and a student of the course; the other host, which owns the student's inbox, is down."""
    room = await school.open_class(seats=1)
    [there] = set(school.lyceum.dispatcher.hosts) - {school.host_of(room)}
    kim = next(k for k in school.students(50) if school.lyceum.dispatcher.owner("inbox", k.user_id) == there)
    school.lyceum.down.add(there)
    return room, kim


async def test_of_places_that_could_not_be_told_only_the_latest_is(school: School) -> None:
    gate = await school.gate()
    room, kim = await with_an_inbox_away(school)
    others = school.students(6, "other")
    for student in (*others, kim):
        connection = ConnectionId(f"socket of {student.name}")
        await gate.topics.execute(room.id, student, c.TakeSeat(connection=connection), CommandId("join"))
    for student in others[1:]:
        await school.ask(room, student, c.Leave())
        await asyncio.sleep(2)
    school.lyceum.down.clear()
    await until(lambda: len(school.inbox(kim)) == 2, "told", 60)
    await asyncio.sleep(60)
    assert [data["position"] for _, data in school.inbox(kim)] == [5, 1]


async def test_more_than_a_person_can_be_told_later_gives_way_oldest_first(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.postman.WAITING_AT_MOST", 3)
    room, kim = await with_an_inbox_away(school)
    await school.join(room, kim)
    for number in range(10):
        await school.ask(room, TEACHER, c.PostChat(f"{number}", to=kim.user_id))
    school.lyceum.down.clear()
    await until(lambda: len(school.inbox(kim)) == 3, "told", 60)
    await asyncio.sleep(400)
    assert [data["text"] for _, data in school.inbox(kim)] == ["0", "8", "9"]
    assert school.loaded(room) is None, "nothing is thought to be on its way any more"


async def test_a_private_message_reaches_both_and_nobody_else(school: School) -> None:
    room = await school.open_class(seats=3)
    sam, kim, lee = school.students(3)
    for student in (sam, kim, lee):
        await school.join(room, student)
    await school.ask(room, sam, c.PostChat("psst", to=kim.user_id), "c1")
    await until(lambda: school.inbox(sam) and school.inbox(kim), "told")
    assert school.inbox(sam) == school.inbox(kim)
    assert not school.inbox(lee)


async def test_an_inbox_is_its_owners(school: School) -> None:
    gate = await school.gate()
    sam, kim = school.students(2)
    with pytest.raises(TurnedAway, match="forbidden"):
        await gate.subscribe(f"user:{sam.user_id}", kim)


async def test_an_inbox_goes_on_across_a_kill(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=3)
    sam = school.student("sam")
    await school.join(room, sam)
    inbox = await gate.subscribe(f"user:{sam.user_id}", sam)
    for number in range(6):
        await school.ask(room, TEACHER, c.PostChat(f"{number}", to=sam.user_id))
        if number % 2:
            school.kill()
    await until(lambda: len(inbox.heard("chat.posted")) == 6, "six messages", 10)
    assert [data["text"] for data in inbox.heard("chat.posted")] == [str(number) for number in range(6)]
    school.kill()
    again = await gate.subscribe(f"user:{sam.user_id}", sam, since=(1, 0))
    await until(lambda: again.offset == inbox.offset, "at one")
    assert again.recovered
