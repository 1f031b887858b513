"""Presence: who is really there, whatever was lost on the way."""

import asyncio
from typing import Any

from actors.clients import ActorClients
from actors.envelopes import LIVE, Reconcile, unpack_envelopes
from actors.lanes import WORTH_A_CALL
from actors.presences import Presences
from actors.shards import shard_of
from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, SessionId, Topic, UserId
from classroom.live import commands as c
from classroom.refusals import Unavailable
from tests.actors.school import Class, Gate, School, turns, until


async def come_in(gate: Gate, room: Class, student: Caller, connection: str, command_id: Any = None) -> Any:
    """Join over a socket."""
    return await gate.topics.execute(room.id, student, c.TakeSeat(connection=ConnectionId(connection)), command_id)


async def go(gate: Gate, room: Class, student: Caller, connection: str) -> None:
    """The socket closes."""
    await gate.topics.gone([room.id], student, ConnectionId(connection))


def connected(school: School, room: Class) -> set[str]:
    """Who is present, as the log tells it."""
    return set(school.record(room).connections)


def owner(school: School, room: Class) -> str:
    """The name of the class's host, as the store knows it."""
    return school.tables.shards[shard_of(LIVE, room.id)][0]


async def test_a_socket_that_closes_loses_its_presence_at_once_and_its_seat_after_a_minute(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam = school.student("sam")
    await come_in(gate, room, sam, "socket")
    assert connected(school, room) == {sam.user_id}
    await go(gate, room, sam, "socket")
    assert connected(school, room) == set()
    await asyncio.sleep(59)
    assert sam.user_id in school.record(room).seats
    await asyncio.sleep(2)
    assert sam.user_id not in school.record(room).seats
    assert not len(gate.topics._presences)


async def test_one_of_two_sockets_keeps_the_presence(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam = school.student("sam")
    await come_in(gate, room, sam, "one")
    await gate.subscribe(room.live, sam, "two")
    await go(gate, room, sam, "one")
    await asyncio.sleep(120)
    assert connected(school, room) == {sam.user_id}
    assert sam.user_id in school.record(room).seats


async def test_a_join_repeated_over_a_new_socket_makes_that_socket_present(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam = school.student("sam")
    await come_in(gate, room, sam, "one", "c1")
    await go(gate, room, sam, "one")
    await come_in(gate, room, sam, "two", "c1")
    await asyncio.sleep(120)
    assert connected(school, room) == {sam.user_id}
    assert school.log(room).count("seat.taken") == 1


async def test_a_departure_that_no_host_heard_is_told_later(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam, kim = school.students(2)
    await come_in(gate, room, sam, "sam's")
    await come_in(gate, room, kim, "kim's")
    school.tables.away = True
    await go(gate, room, sam, "sam's")
    await asyncio.sleep(20)
    school.tables.away = False
    await until(lambda: connected(school, room) == {kim.user_id}, "sam is taken for gone", 5)


async def test_a_departure_while_its_host_is_down_is_told_later(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    [sam] = school.students(1)
    await come_in(gate, room, sam, "socket")
    host = school.host_of(room)
    school.lyceum.down.add(host)
    school.kill()
    await go(gate, room, sam, "socket")
    school.lyceum.down.clear()
    await until(lambda: not connected(school, room), "sam is taken for gone", 5)


async def test_a_join_whose_answer_was_lost_leaves_no_ghost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim = school.students(2)
    await school.look(room, sam)
    school.store.open.clear()
    joining = asyncio.ensure_future(come_in(gate, room, sam, "socket"))
    assert await joining == Refused(Unavailable())
    school.store.open.set()
    await until(lambda: "seat.taken" in school.log(room), "the join happened")
    await until(lambda: not connected(school, room), "the socket is not believed in", 5)
    assert (await school.join(room, kim))["outcome"] == "waitlisted"
    await until(lambda: kim.user_id in school.record(room).seats, "the seat is free after a minute", 62)


async def test_presence_survives_a_kill_of_every_host(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=50)
    students = school.students(50)
    for number, student in enumerate(students):
        await come_in(gate, room, student, f"socket-{number}")
    school.kill()
    await asyncio.sleep(300)
    assert connected(school, room) == {student.user_id for student in students}
    assert "presence.lost" not in school.log(room)


async def test_sockets_of_a_gateway_that_died_are_lost_after_its_silence(school: School) -> None:
    one, other = await school.gate("one", "run-1"), await school.gate("other", "run-2")
    room = await school.open_class()
    sam, kim = school.students(2)
    await come_in(one, room, sam, "sam's")
    await come_in(other, room, kim, "kim's")
    await asyncio.sleep(30)
    one.die()
    await asyncio.sleep(8)
    assert connected(school, room) == {sam.user_id, kim.user_id}
    await asyncio.sleep(5)
    assert connected(school, room) == {kim.user_id}
    await asyncio.sleep(61)
    assert [seat.user_id for seat in school.record(room).seats] == [kim.user_id]


async def test_sockets_of_an_earlier_run_are_lost_when_the_new_run_attaches(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    [sam] = school.students(1)
    await come_in(gate, room, sam, "socket")
    await asyncio.sleep(15)
    gate.die()
    again = await school.gate("gateway", "run-2")
    await until(lambda: not connected(school, room), "the old socket is lost", 3)
    await come_in(again, room, sam, "another")
    await asyncio.sleep(100)
    assert connected(school, room) == {sam.user_id}


async def test_sockets_of_a_gateway_that_died_together_with_the_hosts_are_lost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim = school.students(2)
    await come_in(gate, room, sam, "socket")
    gate.die()
    school.kill()
    assert (await school.join(room, kim))["outcome"] == "waitlisted"
    await until(lambda: kim.user_id in school.record(room).seats, "the seat is free", 75)


async def test_a_gateway_that_was_silent_and_is_back_keeps_its_sockets(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    [sam] = school.students(1)
    await come_in(gate, room, sam, "socket")
    await asyncio.sleep(20)
    gate.pause()
    await asyncio.sleep(20)
    assert not connected(school, room)
    gate.resume()
    await until(lambda: connected(school, room) == {sam.user_id}, "present again", 5)
    await asyncio.sleep(120)
    assert sam.user_id in school.record(room).seats


async def test_who_joins_while_a_host_is_told_of_the_others_is_not_taken_for_gone(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=100)
    students = school.students(40)
    for number, student in enumerate(students[:20]):
        await come_in(gate, room, student, f"socket-{number}")
    joins = []
    for number, student in enumerate(students[20:], start=20):
        if number % 5 == 0:
            school.kill()
        joins.append(asyncio.ensure_future(come_in(gate, room, student, f"socket-{number}")))
        await asyncio.sleep(0.3)
    await asyncio.gather(*joins)
    await asyncio.sleep(5)
    assert connected(school, room) == {student.user_id for student in students}
    assert len(school.record(room).seats) == 40
    await asyncio.sleep(100)
    assert len(school.record(room).seats) == 40


async def test_who_comes_back_when_the_store_does_is_not_lost_in_between(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=40)
    students = school.students(40)
    for student in students:
        await come_in(gate, room, student, f"{student.user_id}-old", "join")
    school.tables.away = True
    await asyncio.gather(*(go(gate, room, student, f"{student.user_id}-old") for student in students))
    await asyncio.sleep(0.6)  # the doubt about them is under way, and asked again and again
    coming = []
    for student in students:
        coming.append(asyncio.ensure_future(come_in(gate, room, student, f"{student.user_id}-new", "join")))
        await asyncio.sleep(0.03)
    school.tables.away = False
    await asyncio.gather(*coming)
    await asyncio.sleep(3)
    assert connected(school, room) == {student.user_id for student in students}
    lost = [entry.payload for entry in school.tables.live_events[room.id] if entry.type == "presence.lost"]
    assert not [payload for payload in lost if b"-new" in payload]


async def test_a_refused_join_is_not_remembered(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    stranger = school.student("eve", enrolled=False)
    assert isinstance(await come_in(gate, room, stranger, "socket"), Refused)
    assert not len(gate.topics._presences)
    assert not gate.topics._doubtful


async def test_a_refused_subscription_does_not_forget_the_presence_of_a_join_beside_it(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam = school.student("sam")
    following = asyncio.ensure_future(gate.topics.enter(Topic(room.live), sam, ConnectionId("socket"), None))
    await asyncio.sleep(0)
    joining = asyncio.ensure_future(come_in(gate, room, sam, "socket"))
    assert isinstance(await following, Refused), "no seat yet"
    assert isinstance(await joining, Accepted)
    school.kill()
    await asyncio.sleep(120)
    assert connected(school, room) == {sam.user_id}
    assert "presence.lost" not in school.log(room)


async def test_a_socket_that_left_is_not_held_for_ever(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam = school.student("sam")
    await come_in(gate, room, sam, "one")
    await gate.topics.execute(room.id, sam, c.Leave())
    await gate.topics.gone([room.id], sam, ConnectionId("one"))  # what the gateway does for the socket that left
    assert not len(gate.topics._presences)
    await come_in(gate, room, sam, "two")
    school.kill()
    await school.look(room)
    await asyncio.sleep(5)
    await gate.topics.gone(None, sam, ConnectionId("two"))
    await until(lambda: sam.user_id not in school.record(room).seats, "the seat is free after the grace", 62)


async def test_a_socket_that_closes_while_its_join_is_under_way_is_lost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam = school.student("sam")
    await school.look(room, sam)
    school.store.open.clear()
    joining = asyncio.ensure_future(come_in(gate, room, sam, "socket"))
    await asyncio.sleep(0.1)
    leaving = asyncio.ensure_future(gate.topics.gone(None, sam, ConnectionId("socket")))
    school.store.open.set()
    assert isinstance(await joining, Accepted)
    await leaving
    await until(lambda: not connected(school, room), "nobody is present", 1)
    assert not len(gate.topics._presences)


async def test_a_second_tab_is_present_again_when_who_left_comes_back(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam = school.student("sam")
    await come_in(gate, room, sam, "one", "join-1")
    await gate.subscribe(room.live, sam, "two")
    await gate.topics.execute(room.id, sam, c.Leave())
    await come_in(gate, room, sam, "one", "join-2")
    await asyncio.sleep(1)
    await gate.topics.gone(None, sam, ConnectionId("one"))
    await asyncio.sleep(120)
    assert connected(school, room) == {sam.user_id}


async def test_sockets_that_follow_nothing_are_known_to_a_host_that_was_replaced_and_came_back(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam = school.student("sam")
    await come_in(gate, room, sam, "socket")
    await asyncio.sleep(5)
    first = school.host_of(room)
    school.lyceum.down.add(first)
    school.kill(first)
    await until(lambda: owner(school, room) != first, "somebody else has the class", 5)
    await until(lambda: first not in gate.topics.hosts(), "the gateway has heard of it", 5)
    school.lyceum.down.clear()
    await school.lyceum.host(first)
    await until(lambda: owner(school, room) == first, "it has its share again", 10)
    await asyncio.sleep(120)
    assert "presence.lost" not in school.log(room)
    assert sam.user_id in school.record(room).seats


async def test_who_went_and_came_back_while_a_host_was_told_of_the_others_is_not_lost(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=2)
    sam = school.student("sam")
    await come_in(gate, room, sam, "socket")
    gate.pause()
    arrived, lyceum = asyncio.Event(), school.lyceum
    call = lyceum.call

    async def slow_call(host: str, payload: bytes) -> bytes:
        bodies = [type(each.body) for each in unpack_envelopes(payload)]
        if Reconcile in bodies:
            await asyncio.sleep(0.7)
        elif len(bodies) == 1:
            await arrived.wait()
        return await call(host, payload)

    lyceum.call = slow_call  # type: ignore[method-assign]  # the way is slow
    ahead = asyncio.ensure_future(gate.topics.execute(room.id, sam, c.Look()))
    await turns()
    gate.topics.renew(school.host_of(room), frozenset({shard_of(LIVE, room.id)}), [])
    told = asyncio.ensure_future(gate.topics.settle_doubts())
    await turns()
    going = asyncio.ensure_future(go(gate, room, sam, "socket"))
    await turns()
    arrived.set()
    await ahead
    await turns()
    crowd = [asyncio.ensure_future(gate.topics.execute(room.id, sam, c.Look())) for _ in range(WORTH_A_CALL)]
    assert isinstance(await come_in(gate, room, sam, "socket"), Accepted)
    assert not told.done(), "it was overtaken"
    await asyncio.gather(told, going, *crowd)
    assert connected(school, room) == set(), "it said that sam was gone"
    gate.resume()
    await until(lambda: connected(school, room) == {sam.user_id}, "sam is present again", 5)


async def test_an_answer_to_an_old_question_says_nothing_of_a_new_claim() -> None:
    presences, room, socket = Presences(), SessionId("room"), ConnectionId("socket")
    sam = Caller(UserId("sam"), "Sam", Role.STUDENT)
    old = presences.ask(room, socket, sam)
    presences.forget(room, socket)
    new = presences.ask(room, socket, sam)
    assert presences.hear(room, socket, old, granted=False)
    assert presences.hear(room, socket, new, granted=True)
    assert presences.held(room) == ((sam, socket),)


async def test_a_version_is_another_whenever_somebody_came_or_went() -> None:
    presences, room, socket = Presences(), SessionId("room"), ConnectionId("socket")
    sam = Caller(UserId("sam"), "Sam", Role.STUDENT)
    versions = [presences.version(room)]
    for _ in range(2):
        presences.ask(room, socket, sam)
        presences.ask(room, socket, sam)
        versions.append(presences.version(room))
        presences.forget(room, socket)
        presences.forget(room, ConnectionId("another"))
        assert presences.version(room) == versions[0]
    assert len(set(versions)) == 3


async def test_a_replica_finds_hosts_and_gateways_that_replaced_all_it_knew(school: School) -> None:
    lyceum, gateways = school.lyceum, ["gateway-1"]

    async def is_well(name: str) -> bool:
        if name == "hanging":
            await asyncio.Event().wait()
        return name == "gateway-2" or lyceum.running(name) is not None

    async def names() -> list[str]:
        return gateways

    clients = ActorClients(lyceum.dispatcher, is_well, names)
    await school.open_class()
    assert await clients.hosts_are_well()
    assert not await clients.a_gateway_is_well()
    for name in lyceum.dispatcher.hosts:
        lyceum.down.add(name)
        school.kill(name)
    await lyceum.host("newcomer")
    gateways[:] = ["hanging", "gateway-2"]
    assert await clients.a_gateway_is_well()
    checks = 0
    while not await clients.hosts_are_well():
        checks += 1
        assert checks < 30, "a check a second"
        await asyncio.sleep(1)
    assert lyceum.dispatcher.hosts == ("newcomer",)
    gateways[:] = ["hanging"]
    assert not await clients.a_gateway_is_well()
