"""From a socket through the gateway to real grains and back, in one process: no Ray, stores in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from actors.envelopes import Parcel
from actors.local import LocalLyceum
from classroom.answers import Accepted
from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId, UserId
from classroom.live.commands import Schedule, Start
from classroom.times import MINUTE, Moment
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from realtime.gateway import Evict, Gateway
from realtime.settings import GatewaySettings

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
COURSE = CourseId("01910000-0000-7000-8000-0000000000cc")


class Whole:
    """A started class with one seat on real hosts, and a gateway that keeps in touch with them as the actor does."""

    def __init__(self, world: Any, class_id: SessionId, teacher: Caller) -> None:
        self.world = world
        self.class_id = class_id
        self.teacher = teacher
        self.lyceum = LocalLyceum(hosts=1)
        self.topics = self.lyceum.topics("g1", "run-1", self._receive)

    def _receive(self, parcel: Parcel) -> None:
        self.world.gateway.deliver(parcel.batches)
        self.world.gateway.evict([Evict(UserId(each.user_id), SessionId(each.session_id)) for each in parcel.evictions])

    async def start(self, students: list[Caller], seats: int) -> None:
        for student in students:
            self.lyceum.tables.enroll(COURSE, student.user_id, student.name, f"{student.user_id}@example.org")
        world = self.world
        settings = GatewaySettings("g1", "127.0.0.1", 0, "ws://127.0.0.1:1/ws")
        directory, tickets = MemoryGatewayDirectory(), MemoryTickets()
        world.gateway = Gateway(settings, world.people.get, tickets, self.topics, self.topics, directory)
        await self.attach()
        await world.gateway.start()
        now = Moment(time.time_ns() // 1000)
        schedule = Schedule(
            course_id=COURSE,
            title="Prime numbers",
            starts_at=Moment(now + MINUTE),
            duration_minutes=60,
            max_students=seats,
            doors_open_minutes=10,
            waitlist_enabled=True,
            instructor_id=self.teacher.user_id,
            instructor_name=self.teacher.name,
        )
        for command in (schedule, Start()):
            assert isinstance(await self.lyceum.live.execute(self.class_id, self.teacher, command), Accepted)

    async def attach(self) -> None:
        for host in self.lyceum.dispatcher.hosts:
            await self.lyceum.attach(host, "g1", "run-1")

    async def crash(self) -> None:
        for host in self.lyceum.dispatcher.hosts:
            self.lyceum.kill(host)
        await self.attach()
        await self.world.gateway.resync(self.world.gateway.topics())


@pytest.fixture
async def whole(world: Any, people: People, class_id: SessionId) -> AsyncIterator[Whole]:
    made = Whole(world, class_id, people(9, Role.INSTRUCTOR))
    await made.start([people(1), people(2)], seats=1)
    yield made
    await world.gateway.drain(2.0)
    await made.lyceum.close()


async def test_two_students_one_seat(world: Any, whole: Whole, people: People, class_id: SessionId) -> None:
    first, second = await world.enter(people(1)), await world.enter(people(2))
    assert (await first.command("session.join", class_id))["result"]["outcome"] == "seated"
    waiting = await second.command("session.join", class_id)
    assert (waiting["result"]["outcome"], waiting["result"]["position"]) == ("waitlisted", 1)
    assert (await second.subscribe(f"live:{class_id}"))["error"]["errorCode"] == "not_seated"
    assert (await second.subscribe(f"live:{class_id}:queue"))["snapshot"]["you"]["position"] == 1
    await second.subscribe(f"user:{people(2).user_id}")
    await first.command("session.leave", class_id)
    told = await second.expect("events")
    while told["topic"] != f"user:{people(2).user_id}":
        told = await second.expect("events")
    assert told["events"][0]["type"] == "seat.promoted"
    assert (await second.subscribe(f"live:{class_id}"))["snapshot"]["you"]["outcome"] == "seated"


async def test_class_hears_of_a_socket_that_is_gone(world: Any, whole: Whole, people: People, class_id: SessionId) -> None:
    teacher, student = await world.enter(whole.teacher), await world.enter(people(1))
    await teacher.subscribe(f"live:{class_id}:staff")
    await student.command("session.join", class_id)
    student.socket.transport.abort()
    seen = []
    while "presence.lost" not in seen:
        seen += [event["type"] for event in (await teacher.expect("events"))["events"]]
    assert seen[0] == "seat.taken"


async def test_removed_student_is_sent_away(world: Any, whole: Whole, people: People, class_id: SessionId) -> None:
    teacher, student = await world.enter(whole.teacher), await world.enter(people(1))
    await student.command("session.join", class_id)
    assert (await teacher.command("member.remove", class_id, userId=people(1).user_id))["ok"]
    assert (await student.closed())[0] == 4502


async def test_no_gap_or_repeat_across_crashes_of_the_host(
    world: Any, whole: Whole, people: People, class_id: SessionId, eventually: Until
) -> None:
    teacher, student = await world.enter(whole.teacher), await world.enter(people(1))
    await student.command("session.join", class_id)
    start = await student.subscribe(f"live:{class_id}")
    posts = 60

    async def post() -> None:
        for number in range(posts):
            reply = await teacher.command("chat.post", class_id, id=f"post-{number}", text=str(number))
            while not reply["ok"]:
                assert reply["error"]["retry"]
                reply = await teacher.command("chat.post", class_id, id=f"post-{number}", text=str(number))

    async def crash() -> None:
        for told in (8, 20, 32):
            await eventually(lambda told=told: world.gateway.stats()["deliveries"] >= told, "some more were told")
            await whole.crash()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(post())
        tasks.create_task(crash())
        texts: list[str] = []
        offset = start["offset"]
        while len(texts) < posts:
            for event in (await student.expect("events"))["events"]:
                offset += 1
                assert event["offset"] == offset
                if event["type"] == "chat.posted":
                    texts.append(event["data"]["text"])
    assert texts == [str(number) for number in range(posts)]
    assert world.gateway.stats()["catch_ups"] >= 1
