"""The gateway over real sockets: what a client meets, what the class hears, and what survives."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from classroom.callers import Caller, Role
from classroom.ids import SessionId, Topic
from realtime.gateway import Evict

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
World = Any  # `tests/realtime/conftest.py`


async def test_hello_is_welcomed_with_who_it_is(world: World, people: People) -> None:
    await world.start_gateway()
    world.people["good"] = people(1, Role.INSTRUCTOR)
    peer = await world.open()
    assert peer.socket.subprotocol == "lyceum.v1"
    welcome = await peer.hello("good")
    assert len(welcome.pop("connectionId")) == 36
    assert welcome == {
        "type": "welcome",
        "user": {"id": people(1).user_id, "name": "Person 1", "role": "instructor"},
        "heartbeatSeconds": 25,
    }


async def test_a_ticket_opens_one_socket(world: World, people: People) -> None:
    await world.start_gateway()
    ticket = await world.tickets.issue(people(1), 30)
    assert (await (await world.open()).hello(ticket))["user"]["id"] == people(1).user_id
    second = await world.open()
    await second.send(type="hello", token=ticket)
    assert (await second.closed())[0] == 4500


async def test_no_hello_in_time_is_unauthenticated(world: World) -> None:
    await world.start_gateway(hello_seconds=1.0)
    peer = await world.open()
    assert await peer.closed() == (4500, "unauthenticated: no hello in time")


async def test_sign_in_that_cannot_be_checked_is_a_fault_of_ours(world: World) -> None:
    await world.start_gateway()

    async def away(_: str) -> None:
        raise ConnectionError("nobody there")

    world.tickets.redeem = away
    peer = await world.open()
    await peer.send(type="hello", token="whatever")
    assert (await peer.closed())[0] == 1011


async def test_frames_may_follow_hello_without_waiting(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 1)
    world.people["good"] = people(1)
    peer = await world.open()
    await peer.send(type="hello", token="good")
    await peer.send(type="command", id="1", name="session.join", args={"sessionId": class_id})
    await peer.send(type="subscribe", id="2", topic=f"live:{class_id}")
    assert [(await peer.receive())["type"] for _ in range(3)] == ["welcome", "reply", "subscribed"]


async def test_two_students_one_seat(world: World, people: People, class_id: SessionId, eventually: Until) -> None:
    await world.start_gateway()
    room = world.host.open_class(class_id, people(9).user_id, 1)
    first, second = await world.enter(people(1)), await world.enter(people(2))
    teacher = await world.enter(people(9, Role.INSTRUCTOR))
    staff = await teacher.subscribe(f"live:{class_id}:staff")
    assert (staff["recovered"], staff["offset"], staff["snapshot"]) == (False, 0, {"events": 0})

    assert (await first.command("session.join", class_id))["result"] == {"outcome": "seated", "seat": {"number": 1}}
    assert (await second.command("session.join", class_id))["result"] == {"outcome": "waitlisted", "position": 1}
    await second.subscribe(f"user:{people(2).user_id}")
    assert (await first.command("session.leave", class_id))["ok"]
    assert (await second.events(1))[0]["type"] == "seat.promoted"
    told = await teacher.events(3)
    assert [event["type"] for event in told] == ["seat.taken", "waitlist.joined", "seat.released"]
    assert [event["offset"] for event in told] == [1, 2, 3]
    assert room.seated == [people(2).user_id]

    await second.socket.close()
    await eventually(lambda: not room.present[people(2).user_id], "the class hears that the socket is gone")


async def test_refusals_come_as_replies(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 0)
    peer = await world.enter(people(1))
    full = await peer.command("session.join", class_id, waitlist=False)
    assert full["error"]["errorCode"] == "class_full"
    assert full["error"]["retry"] is False
    assert (await peer.command("session.join", "no-uuid"))["error"]["errorCode"] == "not_found"
    assert (await peer.command("breakout.open", class_id))["error"]["errorCode"] == "unknown_command"
    wrong = await peer.command("chat.post", class_id, text=7)
    assert wrong["error"]["details"] == {"fields": [{"field": "text", "message": "Expected `str`, got `int`."}]}
    assert (await peer.subscribe("live:nonsense"))["error"]["errorCode"] == "unknown_topic"
    assert (await peer.subscribe(f"live:{class_id}"))["error"]["errorCode"] == "forbidden"
    world.host.away = True
    away = await peer.command("session.join", class_id)
    assert (away["error"]["errorCode"], away["error"]["retry"]) == ("unavailable", True)


async def test_same_command_id_is_done_once_and_answered_again(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(1))
    await peer.command("session.join", class_id)
    topic = Topic(f"live:{class_id}")
    before = len(world.host.logs[topic])
    first = await peer.command("chat.post", class_id, id="same", text="hello")
    again = await peer.command("chat.post", class_id, id="same", text="hello")
    elsewhere = await world.enter(people(1))
    resent = await elsewhere.command("chat.post", class_id, id="same", text="hello")
    assert first == again == resent
    assert len(world.host.logs[topic]) == before + 1


async def test_burst_shares_frames_and_keeps_order(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway(window_seconds=0.05)
    world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(9, Role.INSTRUCTOR))
    topic = Topic(f"live:{class_id}")
    await peer.subscribe(topic)
    for number in range(100):
        world.host.publish(topic, "chat.posted", {"text": str(number)})
    events = await peer.events(100)
    assert [event["data"]["text"] for event in events] == [str(number) for number in range(100)]
    assert world.gateway.stats()["frames"] < 5
    assert world.gateway.stats()["deliveries"] == 100


async def test_unsubscribed_topic_is_quit_after_a_while(
    world: World, people: People, class_id: SessionId, eventually: Until
) -> None:
    await world.start_gateway(linger_seconds=0.05)
    room = world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(1))
    await peer.command("session.join", class_id)
    topic = Topic(f"live:{class_id}")
    await peer.subscribe(topic)
    assert room.present[people(1).user_id]
    await peer.send(type="unsubscribe", id="u", topic=topic)
    assert await peer.expect("reply") == {"type": "reply", "id": "u", "ok": True, "result": {}}
    await eventually(lambda: topic not in world.host.followed, "quit")
    await eventually(lambda: not room.present[people(1).user_id], "who follows no longer is not present")
    assert world.gateway.topics() == []
    assert (await peer.subscribe(topic))["type"] == "subscribed"
    world.host.publish(topic, "chat.posted", {})
    assert len(await peer.events(1)) == 1


async def test_removed_student_is_sent_away(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    inside, other_class, other = await world.enter(people(1)), await world.enter(people(1)), await world.enter(people(2))
    await inside.command("session.join", class_id)
    await other.command("session.join", class_id)
    world.gateway.evict([Evict(people(1).user_id, class_id)])
    assert await inside.closed() == (4502, "removed")
    assert (await other_class.command("session.leave", class_id))["ok"], "a socket without that class stays"
    world.gateway.evict([Evict(people(2).user_id, None, 4501)])
    assert await other.closed() == (4501, "forbidden")


async def test_seat_given_to_a_socket_that_is_gone_is_told_so(
    world: World, people: People, class_id: SessionId, eventually: Until
) -> None:
    await world.start_gateway()
    room = world.host.open_class(class_id, people(9).user_id, 5)
    submit, held = world.host.submit, []
    world.host.submit = lambda *command: held.append(command)
    peer = await world.enter(people(1))
    await peer.send(type="command", id="1", name="session.join", args={"sessionId": class_id})
    await eventually(lambda: len(held) == 1, "the command is under way")
    peer.socket.transport.abort()
    await eventually(lambda: world.gateway.stats()["connections"] == 0, "the socket is gone")
    submit(*held[0])
    await eventually(lambda: room.seated == [people(1).user_id], "the seat is taken all the same")
    await eventually(lambda: not room.present[people(1).user_id], "and nobody is present on it")


async def test_oldest_connection_gives_way(world: World, people: People) -> None:
    await world.start_gateway(connections_per_user=2)
    peers = [await world.enter(people(1)) for _ in range(3)]
    assert await peers[0].closed() == (4504, "replaced: too many connections")
    await peers[1].send(type="ping")
    assert await peers[1].receive() == {"type": "pong"}


async def test_subscriptions_are_bounded(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway(subscriptions_per_connection=2)
    world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(9, Role.INSTRUCTOR))
    for view in ("", ":staff"):
        assert (await peer.subscribe(f"live:{class_id}{view}"))["type"] == "subscribed"
    assert (await peer.subscribe(f"live:{class_id}:queue"))["error"]["errorCode"] == "too_many"


async def test_subscribing_again_starts_afresh(world: World, people: People, class_id: SessionId) -> None:
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    topic = Topic(f"live:{class_id}")
    peer = await world.enter(people(9, Role.INSTRUCTOR))
    await peer.subscribe(topic)
    world.host.publish(topic, "chat.posted", {})
    await peer.events(1)
    assert (await peer.subscribe(topic, since=(1, 0)))["recovered"] is True
    world.host.publish(topic, "chat.posted", {})
    assert [event["offset"] for event in await peer.events(2)] == [1, 2]


@pytest.mark.parametrize("late", [False, True])
async def test_a_subscription_that_was_given_up_leaves_no_presence_behind_its_socket(
    world: World, people: People, class_id: SessionId, eventually: Until, late: bool
) -> None:
    """The class noted the socket, and then the answer came too late, or never met the feed."""
    await world.start_gateway(ring_events=1, call_seconds=0.1 if late else 8.0)
    room = world.host.open_class(class_id, people(9).user_id, 1)
    room.seated.append(people(1).user_id)
    teacher = await world.enter(people(9, Role.INSTRUCTOR))
    await teacher.subscribe(f"live:{class_id}")
    enter = world.host.enter

    async def overtaken(*asked: Any) -> Any:
        answer = await enter(*asked)
        heard = world.gateway.stats()["deliveries"] + 4
        for _ in range(4):
            world.host.publish(asked[0], "chat.posted", {})
        await eventually(lambda: world.gateway.stats()["deliveries"] >= heard, "the feed has run on")
        if late:
            await asyncio.Event().wait()
        return answer

    world.host.enter = overtaken
    student = await world.enter(people(1))
    refused = await student.subscribe(f"live:{class_id}")
    assert (refused["ok"], refused["error"]["errorCode"]) == (False, "unavailable")
    assert room.present[people(1).user_id], "the class noted it"
    await student.socket.close()
    await eventually(lambda: not room.present[people(1).user_id], "the class hears that the socket is gone")


async def test_drain_closes_with_1012_and_takes_nobody_new(world: World, people: People) -> None:
    gateway = await world.start_gateway()
    peers = [await world.enter(people(number)) for number in range(3)]
    await gateway.drain(2.0)
    assert [await peer.closed() for peer in peers] == [(1012, "restart")] * 3
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the kernel likes
        await world.open()
    assert gateway.stats()["connections"] == 0


async def test_frames_on_the_wire_are_json_objects_with_a_type(world: World, people: People) -> None:
    await world.start_gateway()
    world.people["x"] = people(1)
    peer = await world.open()
    await peer.socket.send(json.dumps({"type": "hello", "token": "x", "added": "later"}))
    assert (await peer.receive())["type"] == "welcome", "unknown fields are passed over"
