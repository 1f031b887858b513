"""Hosts that stop like a stopped process, and go on as if nothing had been."""

import asyncio
import json

from actors.envelopes import LIVE, Envelope, NotOwner
from actors.shards import shard_of
from classroom.answers import Accepted, Refused
from classroom.live import commands as c
from classroom.refusals import Unavailable
from tests.actors.school import TEACHER, School, a_school, turns, until


async def test_who_asks_a_host_that_stands_still_is_answered_by_another_within_moments(
    school: School,
) -> None:
    room = await school.open_class(seats=2)
    sam, kim = school.students(2)
    await school.join(room, sam)
    await asyncio.sleep(5)
    still, loop = school.host_of(room), asyncio.get_running_loop()
    school.lyceum.freeze(still)
    stopped = loop.time()
    assert (await school.join(room, kim))["outcome"] == "seated"
    assert loop.time() - stopped < 2.5
    assert school.host_of(room) != still
    asked = loop.time()
    await school.look(room)
    assert loop.time() - asked < 0.1


async def test_a_host_that_goes_on_writes_nothing_drops_everything_and_is_given_its_share_again(school: School) -> None:
    room = await school.open_class(seats=2)
    sam, kim, leo = school.students(3)
    await school.join(room, sam)
    await asyncio.sleep(5)
    still, before = school.host_of(room), dict(school.tables.shards)
    old = await school.owner(room)
    school.lyceum.freeze(still)
    await school.join(room, kim)
    logged = school.log(room)

    school.lyceum.thaw(still)
    envelope = Envelope(LIVE, room.id, leo, c.TakeSeat(), "late")
    assert await old.execute([envelope]) == [NotOwner(shard_of(LIVE, room.id), None)]
    assert school.log(room) == logged
    await asyncio.sleep(1)
    assert old.stats()["shards"] == 0
    await asyncio.sleep(9)
    now = dict(school.tables.shards)
    assert {shard: owner for shard, (owner, _) in now.items()} == {shard: owner for shard, (owner, _) in before.items()}
    assert all(now[shard][1] == before[shard][1] + 2 * (before[shard][0] == still) for shard in now)
    await asyncio.sleep(60)
    assert school.tables.shards == now
    assert (await school.join(room, leo))["outcome"] == "waitlisted"


async def test_a_commit_that_was_on_its_way_when_its_host_stopped_is_refused(school: School) -> None:
    room = await school.open_class(seats=1)
    sam, kim = school.students(2)
    await asyncio.sleep(5)
    school.store.open.clear()
    asking = asyncio.ensure_future(school.join(room, sam, "join"))
    await turns()
    still = school.host_of(room)
    school.lyceum.freeze(still)
    school.store.open.set()
    await until(lambda: school.host_of(room) != still or asking.done(), "somebody else has the class", 5)
    await school.join(room, kim)
    school.lyceum.thaw(still)
    assert (await asking)["outcome"] in ("seated", "waitlisted")
    assert school.log(room).count("seat.taken") == 1
    assert len(school.record(room).waitlist) == 1


async def test_subscribers_follow_a_class_to_its_next_host_and_back_without_a_gap(school: School) -> None:
    room = await school.open_class()
    gate = await school.gate()
    follower = await gate.subscribe(room.live, TEACHER)
    await asyncio.sleep(5)
    still = school.host_of(room)
    said = 0
    for strike in (school.lyceum.freeze, school.lyceum.thaw):
        strike(still)
        for _ in range(20):
            said += 1
            await school.ask(room, TEACHER, c.PostChat(f"word {said}"))
            await asyncio.sleep(0.3)
    assert school.host_of(room) == still
    await until(lambda: len(follower.heard("chat.posted")) == said, "everything is heard", 5)
    assert [each["text"] for each in follower.heard("chat.posted")] == [f"word {number}" for number in range(1, said + 1)]
    assert follower not in gate.lost


async def test_a_host_that_stops_again_and_again_is_given_its_share_ever_later() -> None:
    async with a_school(hosts=3) as school:
        room = await school.open_class()
        await asyncio.sleep(5)
        still, loop = school.host_of(room), asyncio.get_running_loop()
        waits = []
        for _ in range(3):
            school.lyceum.freeze(still)
            await asyncio.sleep(3)
            school.lyceum.thaw(still)
            woken = loop.time()
            await until(lambda: school.tables.shards[shard_of(LIVE, room.id)][0] == still, "it has its share", 60)
            waits.append(loop.time() - woken)
            await asyncio.sleep(5)
        assert waits[0] < 4
        assert waits[1] > waits[0] + 1
        assert waits[2] > waits[1] + 3


async def test_a_host_that_goes_on_says_nothing_from_memory_before_it_knows_that_it_still_is_the_owner(
    school: School,
) -> None:
    room = await school.open_class(seats=1)
    sam, kim = school.students(2)
    assert (await school.join(room, sam))["outcome"] == "seated"
    await asyncio.sleep(5)
    still = school.host_of(room)
    old = await school.owner(room)
    school.lyceum.freeze(still)
    assert (await school.join(room, kim))["outcome"] == "waitlisted"
    await school.ask(room, sam, c.Leave())  # promotes Kim
    school.lyceum.thaw(still)
    again = [Envelope(LIVE, room.id, sam, body, "again") for body in (c.TakeSeat(), c.Look())]
    assert await old.execute(again) == [NotOwner(shard_of(LIVE, room.id), None)] * 2
    assert (await school.join(room, sam))["outcome"] == "waitlisted"


async def test_who_takes_a_share_from_the_living_changes_nothing_before_they_know(school: School) -> None:
    room = await school.open_class(seats=1)
    sam, kim = school.students(2)
    await school.join(room, sam)
    await asyncio.sleep(5)
    still, loop = school.host_of(room), asyncio.get_running_loop()
    school.lyceum.freeze(still)
    await school.join(room, kim)
    between = await school.owner(room)
    school.lyceum.thaw(still)
    shard = shard_of(LIVE, room.id)
    await until(lambda: school.tables.shards[shard][0] == still, "it has its share again", 10)
    given = loop.time()
    reads = asyncio.ensure_future(between.execute([Envelope(LIVE, room.id, sam, c.Look(), None)]))
    await school.ask(room, sam, c.Leave())
    assert loop.time() - given >= 1.0
    [read] = await reads
    assert isinstance(read, NotOwner) or (isinstance(read, Accepted) and json.loads(read.body)["you"]["outcome"] == "seated")


async def test_without_the_store_nothing_is_said_from_memory_for_longer_than_nobody_can_have_taken_it(
    school: School,
) -> None:
    room = await school.open_class(seats=1)
    [sam] = school.students(1)
    await school.join(room, sam)
    owner = await school.owner(room)
    school.tables.away = True
    look = Envelope(LIVE, room.id, TEACHER, c.Look(), None)
    await asyncio.sleep(0.3)
    assert isinstance((await owner.execute([look]))[0], Accepted)
    await asyncio.sleep(2)
    assert (await owner.execute([look]))[0] == Refused(Unavailable())
    school.tables.away = False
    await asyncio.sleep(1)
    assert isinstance((await owner.execute([look]))[0], Accepted)
