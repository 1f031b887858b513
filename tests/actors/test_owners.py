"""Two owners of the same shards: the later one is right, the earlier one can write nothing."""

import asyncio
from typing import Any

from actors.envelopes import LIVE, Enter, Envelope, NotOwner, Parcel, Reply
from actors.hosting import Hosting
from actors.shards import SHARDS, shard_of
from classroom.answers import Accepted
from classroom.callers import Caller
from classroom.ids import SessionId, Topic
from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, School, turns


class NoLinks:
    """Ways out that lead nowhere; what was sent is kept."""

    def __init__(self) -> None:
        self.parcels: list[tuple[str, Parcel]] = []

    def send(self, gateway: str, parcel: Parcel) -> None:
        self.parcels.append((gateway, parcel))

    def lost(self, gateway: str) -> int:
        return 0

    async def execute(self, envelope: Envelope) -> Reply:
        return NotOwner(0, None)


async def host(school: School, name: str = "one", shards: Any = range(SHARDS)) -> Hosting:
    """A host of its own, on the school's tables."""
    made = Hosting(name, list(shards), school.lyceum.stores(), NoLinks(), 60, school.clock)
    await made.start()
    return made


async def tell(to: Hosting, room: Class, caller: Caller, body: Any, command_id: str | None = "c1") -> Reply:
    [reply] = await to.execute([Envelope(LIVE, room.id, caller, body, command_id)])
    return reply


async def test_the_first_of_two_owners_can_write_nothing(school: School) -> None:
    room = await school.open_class()
    sam, kim = school.students(2)
    first = await host(school, "one")
    assert isinstance(await tell(first, room, sam, c.TakeSeat()), Accepted)
    second = await host(school, "one")
    before = school.log(room)

    assert await tell(first, room, kim, c.TakeSeat()) == NotOwner(shard_of(LIVE, room.id), None)
    assert school.log(room) == before
    assert isinstance(await tell(second, room, kim, c.TakeSeat()), Accepted)
    assert await tell(first, room, kim, c.Look(), None) == NotOwner(shard_of(LIVE, room.id), None)
    await first.close(5)
    await second.close(5)
    assert len(school.record(room).seats) == 2


async def test_commits_under_way_when_the_shard_is_lost_are_refused_with_everything_behind_them(school: School) -> None:
    room = await school.open_class(seats=100)
    students = school.students(20)
    first = await host(school)
    for student in students:
        await tell(first, room, student, c.Look(), None)
    school.store.open.clear()
    joins = []
    for student in students:
        joins.append(asyncio.ensure_future(tell(first, room, student, c.TakeSeat())))
        await turns()
    second = await host(school)
    school.store.open.set()
    replies = await asyncio.gather(*joins)
    assert set(replies) == {NotOwner(shard_of(LIVE, room.id), None)}
    assert "seat.taken" not in school.log(room)
    await first.close(5)
    await second.close(5)


async def test_a_lost_shard_is_lost_with_all_its_classes_and_followers_are_told(school: School) -> None:
    links = NoLinks()
    first = Hosting("one", range(SHARDS), school.lyceum.stores(), links, 60, school.clock)
    await first.start()
    one = Class(SessionId(school.new_id()))
    twin = Class(SessionId(school.new_id()))
    while shard_of(LIVE, one.id) != shard_of(LIVE, twin.id):
        twin = Class(SessionId(school.new_id()))
    for room in (one, twin):
        await tell(first, room, TEACHER, school.plan())
        await tell(first, room, TEACHER, Enter(Topic(room.live), "", None, None, "gateway"), None)

    second = await host(school)
    await tell(first, one, TEACHER, c.Start(), "c2")
    await turns()

    assert {topic for _, parcel in links.parcels for topic in parcel.resync} == {one.live, twin.live}
    assert first.stats()["shards"] == SHARDS - 1
    await first.close(5)
    await second.close(5)


async def test_callers_are_told_who_owns_a_shard_now(school: School) -> None:
    room = await school.open_class()
    shard = shard_of(LIVE, room.id)
    first = await host(school, "one")
    second = await host(school, "two", [shard])
    await tell(first, room, TEACHER, c.PostChat("lost"))

    async def told() -> Reply:
        return await tell(first, room, TEACHER, c.Look(), None)

    assert await told() == NotOwner(shard, None)
    await asyncio.sleep(0.1)
    assert await told() == NotOwner(shard, "two")
    assert isinstance(await tell(second, room, TEACHER, c.Look(), None), Accepted)
    await first.close(5)
    await second.close(5)


async def test_a_lost_shard_is_answered_for_no_longer_than_a_moment_also_when_nothing_is_written(school: School) -> None:
    room = await school.open_class()
    shard = shard_of(LIVE, room.id)
    first = await host(school, "one")
    assert isinstance(await tell(first, room, TEACHER, c.Look(), None), Accepted)
    second = await host(school, "two", [shard])
    await asyncio.sleep(1.1)
    assert await tell(first, room, TEACHER, c.Look(), None) == NotOwner(shard, "two")
    assert first.stats()["shards"] == SHARDS - 1
    await first.close(5)
    await second.close(5)


async def test_owners_that_cannot_be_read_are_read_later(school: School) -> None:
    room = await school.open_class()
    shard = shard_of(LIVE, room.id)
    second = await host(school, "two", [shard])
    first = await host(school, "one", set(range(SHARDS)) - {shard})
    school.tables.away = True
    assert await tell(first, room, TEACHER, c.Look(), None) == NotOwner(shard, None)
    await asyncio.sleep(3)
    school.tables.away = False
    for _ in range(10):
        reply = await tell(first, room, TEACHER, c.Look(), None)
        await asyncio.sleep(0.2)
    assert reply == NotOwner(shard, "two")
    await first.close(5)
    await second.close(5)
