"""Subscribers: neither gap nor repeat, whatever dies in between."""

import asyncio
import random
from typing import Any

import pytest

from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, School, TurnedAway, a_school, until


async def chatter(school: School, room: Class, count: int, of: str = "") -> None:
    """Something to hear."""
    for number in range(count):
        await school.ask(room, TEACHER, c.PostChat(f"{of}{number}"))


async def test_a_snapshot_and_what_follows_are_one_story(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    await chatter(school, room, 5, "before ")
    follower = await gate.subscribe(room.live, TEACHER)
    await chatter(school, room, 5, "after ")
    await until(lambda: len(follower.heard("chat.posted")) == 5, "five messages")
    assert [message["text"] for message in follower.snapshot["chat"]] == [f"before {n}" for n in range(5)]
    assert [data["text"] for data in follower.heard("chat.posted")] == [f"after {n}" for n in range(5)]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("missed", [0, 3, 600, 700])
async def test_coming_back_brings_what_was_missed_or_a_snapshot(
    school: School, missed: int, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.live_grain.MISSED_AT_MOST", 650)
    gate, room = await school.gate(), await school.open_class()
    await chatter(school, room, 3)
    first = await gate.subscribe(room.live, TEACHER)
    gate.following.leave(first, first.topic)  # type: ignore[arg-type]
    other = await school.gate("other", "run-2")
    keeper = await other.subscribe(room.live, TEACHER)
    await asyncio.sleep(20)
    await chatter(school, room, missed, "missed ")
    if killed:
        school.kill()
    again = await gate.subscribe(room.live, TEACHER, since=(first.epoch, first.offset))
    if missed <= 650:
        assert again.recovered
        await until(lambda: len(again.heard("chat.posted")) == missed, "what was missed")
    else:
        assert not again.recovered
        assert again.snapshot["chat"][-1]["text"] == f"missed {missed - 1}"
    await until(lambda: keeper.offset == again.offset, "both are at one")
    assert again.epoch == (2 if killed else 1)


async def test_a_feed_goes_on_across_kills_without_anybody_coming_back(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=60)
    everybody = await gate.subscribe(room.live, TEACHER)
    staff = await gate.subscribe(room.staff, TEACHER)
    rng = random.Random(7)
    students = school.students(60)
    joins = []
    for student in students:
        joins.append(asyncio.ensure_future(school.join(room, student)))
        await asyncio.sleep(rng.random() / 10)
        if rng.random() < 0.15:
            school.kill()
    await asyncio.gather(*joins)
    await until(lambda: len(staff.heard("seat.taken")) == 60, "all seats told", 10)
    await until(lambda: everybody.heard("count.changed")[-1:] == [{"currentStudents": 60, "waitlisted": 0}], "the count", 10)
    assert not gate.lost


async def test_ring_and_log_tell_the_same(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=5)
    live = await gate.subscribe(room.staff, TEACHER)
    for student in school.students(8):
        await school.join(room, student)
    await until(lambda: live.offset > 8, "heard")
    await asyncio.sleep(1)
    from_ring = await gate.subscribe(room.staff, TEACHER, since=(1, 0))
    school.kill()
    from_log = await gate.subscribe(room.staff, TEACHER, since=(1, 0))
    assert from_ring.recovered
    assert from_log.recovered
    await until(lambda: from_log.offset == from_ring.offset == live.offset, "at one")
    assert from_ring.events == from_log.events
    assert live.events == from_log.events[-len(live.events) :]


async def test_what_is_not_durable_is_told_to_nobody(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    follower = await gate.subscribe(room.staff, TEACHER)
    sam = school.student("sam")
    await school.look(room, sam)
    before = follower.offset
    school.store.open.clear()
    joining = asyncio.ensure_future(school.join(room, sam))
    entering = asyncio.ensure_future(gate.subscribe(room.staff, TEACHER))
    await asyncio.sleep(1)
    assert follower.offset == before
    assert not entering.done()
    school.kill()
    school.store.open.set()
    await joining
    late = await entering
    await until(lambda: follower.heard("seat.taken"), "the seat")
    await until(lambda: late.offset == follower.offset, "at one")


async def test_a_position_from_the_future_gets_a_snapshot(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    assert not (await gate.subscribe(room.live, TEACHER, since=(1, 1_000_000))).recovered


async def test_parcels_that_did_not_arrive_are_caught_up_even_when_nothing_follows(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    follower = await gate.subscribe(room.live, TEACHER)
    await asyncio.sleep(1)
    school.lyceum.disconnect(gate.name)
    await school.ask(room, TEACHER, c.End())
    school.lyceum.reconnect(gate.name, gate.receive)
    await until(lambda: follower.heard("session.ended"), "the end", 3)


async def test_a_gateway_that_was_silent_hears_the_rest(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    follower = await gate.subscribe(room.live, TEACHER)
    gate.pause()
    await asyncio.sleep(30)
    await chatter(school, room, 3)
    gate.resume()
    await until(lambda: len(follower.heard("chat.posted")) == 3, "three messages", 3)


@pytest.mark.parametrize("others", [0, 1])
async def test_silent_followers_are_found_by_a_host_that_nobody_knew_of(others: int) -> None:
    async with a_school(hosts=1 + others) as school:
        gate, room = await school.gate(), await school.open_class()
        follower = await gate.subscribe(room.live, TEACHER)
        await asyncio.sleep(5)
        first = school.host_of(room)
        school.lyceum.down.add(first)
        school.kill(first)
        await school.lyceum.host("newcomer")
        for name in school.lyceum.dispatcher.hosts:
            school.lyceum.down.add(name)
            school.kill(name)
        await asyncio.sleep(15)
        await chatter(school, room, 1)
        await until(lambda: follower.heard("chat.posted"), "the newcomer tells", 5)
        assert gate.topics.hosts() == ("newcomer",)


async def test_a_gateway_that_let_go_is_sent_nothing_and_its_class_is_unloaded(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    follower = await gate.subscribe(room.live, TEACHER)
    gate.following.leave(follower, follower.topic)  # type: ignore[arg-type]
    await asyncio.sleep(10)
    gate.parcels.clear()
    await chatter(school, room, 3)
    assert not gate.parcels
    await asyncio.sleep(310)
    assert school.loaded(room) is None


async def test_followers_of_a_gateway_that_died_hold_no_class_in_memory(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    await gate.subscribe(room.live, TEACHER)
    gate.die()
    assert school.loaded(room) is not None
    await asyncio.sleep(330)
    assert school.loaded(room) is None


async def test_who_may_follow_what(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=1)
    sam, kim, lee = school.students(3)
    eve = school.student("eve", enrolled=False)
    await school.join(room, sam)
    await school.join(room, kim)

    async def turned_away(topic: str, caller: Any) -> str:
        with pytest.raises(TurnedAway) as caught:
            await gate.subscribe(topic, caller)
        return caught.value.refusal.code

    await gate.subscribe(room.live, sam)
    await gate.subscribe(room.queue, kim)
    assert await turned_away(room.live, kim) == "not_seated"
    assert await turned_away(room.live, lee) == "not_seated"
    assert await turned_away(room.live, eve) == "not_enrolled"
    assert await turned_away(room.staff, sam) == "forbidden"
    assert await turned_away(f"live:{school.new_id()}", TEACHER) == "not_found"
    await school.ask(room, TEACHER, c.End())
    assert await turned_away(room.live, lee) == "class_ended"
    assert (await gate.subscribe(room.live, TEACHER)).snapshot["session"]["status"] == "ended"


async def test_whoever_is_sent_out_is_evicted_at_every_gateway(school: School) -> None:
    one, other = await school.gate("one", "run-1"), await school.gate("other", "run-2")
    room = await school.open_class()
    sam = school.student("sam")
    await school.join(room, sam)
    await school.ask(room, TEACHER, c.RemoveMember(sam.user_id))
    for gate in (one, other):
        await until(lambda gate=gate: [each.user_id for each in gate.evictions] == [sam.user_id], "evicted")


async def test_evictions_reach_gateways_that_attach_to_a_restarted_host_only_afterwards(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam, kim = school.students(2)
    await school.join(room, sam)
    await school.join(room, kim)
    gate.pause()
    school.kill()
    await school.ask(room, TEACHER, c.RemoveMember(sam.user_id))
    assert not gate.evictions
    gate.resume()
    await until(lambda: [each.user_id for each in gate.evictions] == [sam.user_id], "evicted", 2)


async def test_an_eviction_that_a_gateway_did_not_take_is_told_again_though_nothing_else_happens(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam = school.student("sam")
    await school.join(room, sam)
    await gate.subscribe(room.live, sam)
    await asyncio.sleep(1)
    school.lyceum.disconnect(gate.name)
    await school.ask(room, TEACHER, c.RemoveMember(sam.user_id, ban=True))
    await asyncio.sleep(3)
    assert not gate.evictions
    school.lyceum.reconnect(gate.name, gate.receive)
    await until(lambda: [each.user_id for each in gate.evictions] == [sam.user_id], "evicted", 6)


async def test_an_eviction_that_died_with_its_host_is_told_by_the_next(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    sam, kim = school.students(2)
    await school.join(room, sam)
    await school.join(room, kim)
    await school.ask(room, TEACHER, c.RemoveMember(kim.user_id))
    await school.join(room, kim)
    await until(lambda: gate.evictions, "kim was evicted")
    gate.evictions.clear()
    school.store.losing = "after"
    removing = asyncio.ensure_future(school.ask(room, TEACHER, c.RemoveMember(sam.user_id), "c1"))
    await asyncio.sleep(0)
    await until(lambda: "member.removed" in school.log(room)[-3:], "it is durable")
    school.kill()
    school.store.losing = None
    await removing
    await until(lambda: gate.evictions, "evicted", 2)
    assert {each.user_id for each in gate.evictions} == {sam.user_id}
