"""What the gateway does about topics: entering in any order, catching up, letting go."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, SessionId, Topic
from classroom.ports import Batch, Entered
from classroom.refusals import Forbidden, Refusal, Unavailable
from classroom.topics import Position
from realtime.feeds import Subscriber
from realtime.following import GATEWAY, Following
from realtime.memory import MemoryHost
from realtime.settings import GatewaySettings
from realtime.tasks import Tasks

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]


class Client:
    """A subscriber that keeps the offsets it was told."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.start: int | None = None
        self.frames = 0

    def send(self, frame: bytes) -> None:
        body = json.loads(frame)
        self.frames += 1
        if body["type"] == "subscribed":
            self.start = body["offset"]
        else:
            self.offsets += [event["offset"] for event in body["events"]]


class Bench:
    """A `Following` before a host in memory whose batches and answers can be held back or lost."""

    def __init__(self, topic: Topic, teacher: Caller, **limits: Any) -> None:
        self.topic = topic
        self.teacher = teacher
        self.lost: list[Subscriber] = []
        self.batches: list[Batch] = []
        self.holding = False
        self.calls: list[tuple[Caller, Position | None]] = []
        self.quits = 0
        self.gate: asyncio.Event | None = None
        self.refusal: Refusal | None = None
        self.host = MemoryHost(self._batch)
        settings = GatewaySettings("g", "127.0.0.1", 0, "ws://x/ws", **limits)
        self.tasks = Tasks()
        self.following = Following(self, self.tasks, settings, self.lost.extend)

    def _batch(self, batches: Sequence[Batch]) -> None:
        if self.holding:
            self.batches += batches
        else:
            self.following.deliver(batches)

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            self.host.publish(self.topic, "chat.posted", {})

    async def enter(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        self.calls.append((caller, since))
        if self.refusal is not None:
            return Refused(self.refusal)
        answer = await self.host.enter(topic, caller, connection, since)
        if self.gate is not None:
            await self.gate.wait()
        return answer

    async def quit(self, topic: Topic) -> None:
        self.quits += 1
        if self.gate is not None:
            await self.gate.wait()
        await self.host.quit(topic)

    async def gone(self, sessions: Sequence[SessionId] | None, caller: Caller, connection: ConnectionId) -> None:
        raise AssertionError("nobody is present here")

    async def subscribe(self, client: Client, since: Position | None = None) -> Refusal | None:
        connection = ConnectionId("c")
        return await self.following.enter(client, self.topic, self.teacher, connection, since, "1", lambda: True)


@pytest.fixture
def bench(people: People, class_id: SessionId) -> Callable[..., Bench]:
    def make(**limits: Any) -> Bench:
        teacher = people(9, Role.INSTRUCTOR)
        made = Bench(Topic(f"live:{class_id}"), teacher, **limits)
        made.host.open_class(class_id, teacher.user_id, 5)
        return made

    return make


async def test_first_event_goes_at_once_and_the_next_share_a_frame(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(window_seconds=0.05), Client()
    await here.subscribe(client)
    here.publish()
    assert client.offsets == [1], "after a quiet moment nothing waits"
    here.publish(5)
    assert client.offsets == [1]
    await eventually(lambda: client.offsets == [1, 2, 3, 4, 5, 6], "the window closes")
    assert client.frames == 3


async def test_full_frame_does_not_wait_for_its_window(bench: Callable[..., Bench]) -> None:
    here, client = bench(window_seconds=60.0), Client()
    await here.subscribe(client)
    here.publish()
    for _ in range(3):
        here.host.publish(here.topic, "chat.posted", {"text": "x" * 20_000})
    assert client.offsets == [1, 2, 3, 4]


async def test_lost_batch_is_asked_for(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(), Client()
    await here.subscribe(client)
    here.holding = True
    here.publish(2)
    here.holding = False
    here.publish()
    await eventually(lambda: client.offsets == [1, 2, 3], "the hole is filled")
    assert here.calls[-1] == (GATEWAY, Position(1, 0))


async def test_events_announced_that_never_come_are_asked_for(bench: Callable[..., Bench], eventually: Until) -> None:
    here, first, second = bench(), Client(), Client()
    await here.subscribe(first)
    here.holding = True
    here.publish(2)
    await here.subscribe(second)
    assert (first.offsets, second.start) == ([], 2)
    await eventually(lambda: first.offsets == [1, 2], "nothing else happens, and still they come")
    assert second.offsets == []


async def test_answers_that_overtake_each_other(bench: Callable[..., Bench], eventually: Until) -> None:
    here, early, late = bench(ring_events=1), Client(), Client()
    slow = here.gate = asyncio.Event()
    entering = asyncio.ensure_future(here.subscribe(early))
    await eventually(lambda: len(here.calls) == 1, "the first asked")
    here.gate = None
    here.publish(5)
    await here.subscribe(late)
    slow.set()
    assert await entering is None
    here.publish()
    assert late.start == 5
    assert early.start is not None
    await eventually(lambda: early.offsets[-1:] == late.offsets[-1:] == [6], "both go on")
    assert early.offsets == list(range(early.start + 1, 7))


async def test_unavailable_host_is_tried_until_it_is_back(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(), Client()
    await here.subscribe(client)
    here.host.away = True
    here.publish(3)
    here.following.resync([here.topic])
    await eventually(lambda: len(here.calls) >= 3, "it is asked again and again")
    here.host.restart()
    await eventually(lambda: client.offsets == [1, 2, 3], "and then caught up")


async def test_restart_during_a_catch_up_is_not_overlooked(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(), Client()
    await here.subscribe(client)
    here.gate = asyncio.Event()
    here.following.resync([here.topic])
    await eventually(lambda: len(here.calls) == 2, "the old host is asked")
    here.host.restart()
    here.following.resync([here.topic])
    here.gate.set()
    await eventually(lambda: here.topic in here.host.followed, "the new one knows us too")
    here.publish()
    assert client.offsets == [1]


async def test_final_refusal_gives_the_topic_up(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(), Client()
    await here.subscribe(client)
    here.refusal = Forbidden("follow this")
    here.following.resync([here.topic])
    await eventually(lambda: here.lost == [client], "its subscribers have to come back")
    assert here.following.topics() == []


async def test_who_enters_while_the_feed_is_given_up_hears_what_follows(
    bench: Callable[..., Bench], eventually: Until
) -> None:
    here, old, new = bench(), Client(), Client()
    await here.subscribe(old)
    here.host.kept_events = 2
    here.holding = True
    here.publish(5)
    here.holding = False
    slow = here.gate = asyncio.Event()
    entering = asyncio.ensure_future(here.subscribe(new))
    await eventually(lambda: len(here.calls) == 2, "its answer is on the way")
    here.gate = None
    here.following.resync([here.topic])
    await eventually(lambda: here.lost == [old], "the feed cannot be continued")
    slow.set()
    assert await entering is None
    here.publish(2)
    await eventually(lambda: new.offsets == [6, 7], "the newcomer hears what happens")
    assert new.start == 5


async def test_a_catch_up_that_outlives_its_feed_does_not_end_the_next_one(
    bench: Callable[..., Bench], eventually: Until
) -> None:
    here, old, new = bench(linger_seconds=0.01), Client(), Client()
    await here.subscribe(old)
    here.host.kept_events = 2
    here.holding = True
    here.publish(5)
    here.holding = False
    slow = here.gate = asyncio.Event()
    [catching_up] = here.following.resync([here.topic])
    await eventually(lambda: len(here.calls) == 2, "its answer is on the way")
    here.gate = None
    here.following.leave(old, here.topic)
    await eventually(lambda: here.following.topics() == [] and here.quits == 1, "let go")
    await here.subscribe(new)
    slow.set()
    await catching_up
    here.publish(2)
    await eventually(lambda: new.offsets == [6, 7], "the newcomer hears what happens")


async def test_refused_subscriber_leaves_nothing_behind(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(linger_seconds=0.01), Client()
    here.refusal = Unavailable("The topic")
    assert await here.subscribe(client) == Unavailable("The topic")
    await eventually(lambda: here.following.topics() == [], "let go")


async def test_enter_that_fails_is_unavailable(bench: Callable[..., Bench]) -> None:
    here = bench(call_seconds=0.05)
    here.gate = asyncio.Event()
    assert await here.subscribe(Client()) == Unavailable("The topic")


async def test_newcomer_waits_until_the_topic_is_quit(bench: Callable[..., Bench], eventually: Until) -> None:
    here, client = bench(linger_seconds=0.01), Client()
    await here.subscribe(client)
    here.gate = asyncio.Event()
    here.following.leave(client, here.topic)
    await eventually(lambda: here.quits == 1, "the last one left")
    entering = asyncio.ensure_future(here.subscribe(client))
    done, _ = await asyncio.wait((entering,), timeout=0.05)
    assert not done
    here.gate.set()
    assert await entering is None
    assert here.topic in here.host.followed, "the quit did not undo the coming"
    here.publish()
    assert client.offsets == [1]


async def test_batch_of_a_topic_nobody_follows_is_told_off(bench: Callable[..., Bench], eventually: Until) -> None:
    here = bench()
    here.host.followed.add(here.topic)
    here.publish(3)
    await eventually(lambda: here.topic not in here.host.followed, "the host is told again")
    assert here.following.strays == 3
    assert here.quits == 1
