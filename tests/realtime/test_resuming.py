"""What a follower hears after a cut, and after a restart of gateway or host."""

from collections.abc import Awaitable, Callable
from typing import Any

from classroom.callers import Caller, Role
from classroom.ids import SessionId, Topic

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
World = Any  # `tests/realtime/conftest.py`


async def test_cut_socket_resumes_without_gap_or_repeat(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    teacher, topic = people(9, Role.INSTRUCTOR), Topic(f"live:{class_id}")
    peer = await world.enter(teacher)
    start = await peer.subscribe(topic)
    world.host.publish(topic, "chat.posted", {"text": "1"})
    assert (await peer.events(1))[0]["offset"] == 1
    peer.socket.transport.abort()
    for number in (2, 3):
        world.host.publish(topic, "chat.posted", {"text": str(number)})
    back = await world.enter(teacher)
    again = await back.subscribe(topic, since=(start["epoch"], 1))
    assert (again["recovered"], again["offset"], again["snapshot"]) == (True, 3, None)
    world.host.publish(topic, "chat.posted", {"text": "4"})
    assert [event["offset"] for event in await back.events(3)] == [2, 3, 4]


async def test_resume_across_a_restart_of_the_gateway(world: World, people: People, class_id: SessionId) -> None:
    first = await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    teacher, topic = people(9, Role.INSTRUCTOR), Topic(f"live:{class_id}")
    peer = await world.enter(teacher)
    await peer.subscribe(topic)
    world.host.publish(topic, "chat.posted", {})
    await peer.events(1)
    await first.drain(2.0)
    assert await peer.closed() == (1012, "restart")
    world.host.publish(topic, "chat.posted", {})
    await world.start_gateway()
    back = await world.enter(teacher)
    await back.subscribe(topic, since=(1, 1))
    world.host.publish(topic, "chat.posted", {})
    assert [event["offset"] for event in await back.events(2)] == [2, 3]


async def test_restart_of_the_host_heals_by_itself(world: World, people: People, class_id: SessionId) -> None:
    topic, peer = await _followed(world, people, class_id)
    world.host.away = True
    world.host.publish(topic, "chat.posted", {})  # committed, never told
    await world.gateway.resync([topic])  # nobody answers yet: it goes on trying
    world.host.restart()
    assert [event["offset"] for event in await peer.events(1)] == [1]
    world.host.publish(topic, "chat.posted", {})
    later = await peer.expect("events")
    assert (later["epoch"], later["events"][0]["offset"]) == (2, 2)


async def test_topic_that_cannot_be_continued_sends_subscribers_back(
    world: World, people: People, class_id: SessionId
) -> None:
    topic, peer = await _followed(world, people, class_id)
    world.host.away = True
    for _ in range(5):
        world.host.publish(topic, "chat.posted", {})
    world.host.kept_events = 2
    world.host.restart()
    await world.gateway.resync([topic])
    assert (await peer.closed())[0] == 4001
    back = await world.enter(people(9, Role.INSTRUCTOR))
    fresh = await back.subscribe(topic, since=(1, 0))
    assert (fresh["recovered"], fresh["offset"]) == (False, 5)


async def _followed(world: World, people: People, class_id: SessionId) -> tuple[Topic, Any]:
    """A class that its instructor follows: its topic, and the instructor's socket."""
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    topic = Topic(f"live:{class_id}")
    peer = await world.enter(people(9, Role.INSTRUCTOR))
    await peer.subscribe(topic)
    return topic, peer
