"""Two owners of the same shards: the later one is right, the earlier one can write nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any

from actors.envelopes import LIVE, Enter, Envelope, EvictNotice, NotOwner, Parcel, Reply
from actors.hosting import Hosting
from actors.shards import SHARDS, assign, shard_of
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

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        return ()

    async def execute(self, envelope: Envelope) -> Reply:
        return NotOwner(0, None)


async def host(school: School, name: str = "one", *peers: str, links: NoLinks | None = None) -> Hosting:
    """A host of its own, on the school's tables."""
    made = Hosting(name, school.lyceum.stores(), links or NoLinks(), 60, school.clock, peers)
    await made.start()
    return made


def room_at(school: School, *falls_to: str, hosts: tuple[str, ...]) -> Class:
    """A class that falls to the first of these among the hosts."""
    while True:
        room = Class(SessionId(school.new_id()))
        if assign(hosts)[shard_of(LIVE, room.id)] in falls_to:
            return room


async def tell(to: Hosting, room: Class, caller: Caller, body: Any, command_id: str | None = "c1") -> Reply:
    [reply] = await to.execute([Envelope(LIVE, room.id, caller, body, command_id)])
    return reply


async def test_the_first_of_two_owners_can_write_nothing(school: School) -> None:
    sam, kim = school.students(2)
    first = await host(school, "one")
    room = Class(SessionId(school.new_id()))
    await tell(first, room, TEACHER, school.plan(), "c0")
    await tell(first, room, TEACHER, c.Start(), "c00")
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


async def test_of_two_runs_with_one_name_the_earlier_gives_up_and_the_later_stays(school: School) -> None:
    first = await host(school, "one")
    second = await host(school, "one")
    await asyncio.sleep(20)
    assert (first.stats()["shards"], second.stats()["shards"]) == (0, SHARDS)
    assert {epoch for _, epoch in school.tables.shards.values()} == {2}
    await first.close(5)
    assert not school.tables.hosts["one"][2]
    await second.close(5)


async def test_when_the_fence_falls_subscribers_of_every_class_on_the_shard_follow_anew(school: School) -> None:
    links = NoLinks()
    first = await host(school, "one", links=links)
    one = Class(SessionId(school.new_id()))
    twin = Class(SessionId(school.new_id()))
    while shard_of(LIVE, one.id) != shard_of(LIVE, twin.id):
        twin = Class(SessionId(school.new_id()))
    for room in (one, twin):
        await tell(first, room, TEACHER, school.plan())
        await tell(first, room, TEACHER, Enter(Topic(room.live), "", None, None, "gateway"), None)

    await school.lyceum.stores().ownership.claim("two", [shard_of(LIVE, one.id)])
    await tell(first, one, TEACHER, c.Start(), "c2")
    await turns()

    assert {topic for _, parcel in links.parcels for topic in parcel.resync} == {one.live, twin.live}
    assert first.stats()["shards"] == SHARDS - 1
    await first.close(5)


async def test_who_joins_is_given_its_share_after_a_moment_and_callers_are_told(school: School) -> None:
    first = await host(school, "one")
    room = room_at(school, "two", hosts=("one", "two"))
    other = room_at(school, "one", hosts=("one", "two"))
    shard = shard_of(LIVE, room.id)
    assert isinstance(await tell(first, room, TEACHER, school.plan()), Accepted)
    second = await host(school, "two", "one")
    assert isinstance(await tell(first, room, TEACHER, c.Look(), None), Accepted)
    await asyncio.sleep(4)

    assert await tell(first, room, TEACHER, c.Look(), None) == NotOwner(shard, "two")
    assert isinstance(await tell(second, room, TEACHER, c.Look(), None), Accepted)
    assert isinstance(await tell(first, other, TEACHER, school.plan()), Accepted)
    assert first.stats()["shards"] + second.stats()["shards"] == SHARDS
    assert {epoch for owner, epoch in school.tables.shards.values() if owner == "one"} == {1}
    await first.close(5)
    await second.close(5)


async def test_a_lost_shard_is_answered_for_no_longer_than_a_moment_also_when_nothing_is_written(school: School) -> None:
    room = Class(SessionId(school.new_id()))
    shard = shard_of(LIVE, room.id)
    first = await host(school, "one")
    assert isinstance(await tell(first, room, TEACHER, school.plan()), Accepted)
    await asyncio.sleep(10)
    await school.lyceum.stores().ownership.claim("two", [shard])
    await asyncio.sleep(1.4)
    assert isinstance(await tell(first, room, TEACHER, c.Look(), None), Accepted)  # "two" does not live: taken back
    assert school.tables.shards[shard] == ("one", 3)
    await first.close(5)


async def test_who_ends_in_order_is_replaced_at_once(school: School) -> None:
    first = await host(school, "one", "two")
    second = await host(school, "two", "one")
    await asyncio.sleep(5)
    await second.close(5)
    await asyncio.sleep(0.4)
    assert first.stats()["shards"] == SHARDS
    await first.close(5)


async def test_who_falls_silent_is_replaced_after_a_second_and_a_half(school: School) -> None:
    first = await host(school, "one", "two")
    second = await host(school, "two", "one")
    await asyncio.sleep(5)
    second.abandon()
    await asyncio.sleep(1.1)
    assert first.stats()["shards"] < SHARDS
    await asyncio.sleep(0.8)
    assert first.stats()["shards"] == SHARDS
    await first.close(5)


async def test_a_store_that_was_away_makes_nobody_seem_gone(school: School) -> None:
    hosts = [await host(school, name, "one", "two", "three") for name in ("one", "two", "three")]
    await asyncio.sleep(5)
    before = dict(school.tables.shards)
    school.tables.away = True
    await asyncio.sleep(30)
    school.tables.away = False
    await asyncio.sleep(30)
    assert school.tables.shards == before
    for each in hosts:
        await each.close(5)


async def test_an_emptied_table_of_hosts_makes_nobody_seem_gone(school: School) -> None:
    hosts = [await host(school, name, "one", "two") for name in ("one", "two")]
    await asyncio.sleep(5)
    before = dict(school.tables.shards)
    school.tables.hosts.clear()
    await asyncio.sleep(10)
    assert school.tables.shards == before
    for each in hosts:
        await each.close(5)
