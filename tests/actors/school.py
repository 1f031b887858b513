"""A deployment in one loop, with what a test needs to bring it into trouble: held commits, killed hosts, lost gateways."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from actors.attachments import Attachments
from actors.envelopes import LIVE, EvictNotice, Parcel, Reply
from actors.hosting import Hosting
from actors.local import AT_HOST, Life
from actors.logs import configure_logs
from actors.shards import shard_of
from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, CourseId, SessionId, Topic, UserId
from classroom.live import commands as c
from classroom.live.codec import event_of
from classroom.live.evolve import evolve
from classroom.live.state import LiveClass
from classroom.refusals import Refusal
from classroom.times import SECOND, Moment
from classroom.topics import Position
from persistence.memory.live_tables import LiveTables
from realtime.following import Following
from realtime.settings import GatewaySettings
from realtime.tasks import Tasks
from tests.actors.trouble import Lyceum, Store, virtual_loop

configure_logs()
T = TypeVar("T")
COURSE = CourseId("019a0000-0000-7000-8000-000000000002")
TEACHER = Caller(UserId("tess"), "Tess", Role.INSTRUCTOR)
NINE = Moment(1_795_251_600 * SECOND)
SETTINGS = GatewaySettings(name="gateway", bind="127.0.0.1", port=0, url="ws://lyceum.test/ws")


class Follower:
    """A subscriber: what it is sent must have neither gap nor repeat. Whatever else it is sent is noted in `broken`: who
    sends must not be disturbed, and would not tell."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.epoch = 0
        self.offset = 0
        self.recovered = False
        self.snapshot: Any = None
        self.events: list[dict[str, Any]] = []
        self.broken: list[str] = []

    def send(self, frame: bytes) -> None:
        """One frame of the wire."""
        message = json.loads(frame)
        if message["type"] == "subscribed":
            self.epoch, self.recovered, self.snapshot = message["epoch"], message["recovered"], message["snapshot"]
            if not self.recovered:
                self.offset = message["offset"]
            return
        if message["type"] != "events":
            self.broken.append(f"{self.topic}: {message}")
            return
        self.epoch = message["epoch"]
        for event in message["events"]:
            if event["offset"] != self.offset + 1:
                self.broken.append(f"{self.topic}: {event['offset']} came after {self.offset}")
            self.offset = event["offset"]
            self.events.append(event)

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of a type."""
        return [event["data"] for event in self.events if event["type"] == kind]


class Gate:
    """A gateway without sockets: the real feeds, ports and attachments, and what it alone knows of the hosts."""

    def __init__(self, school: "School", name: str, run: str) -> None:
        self.name, self.run = name, run
        self.evictions: list[EvictNotice] = []
        self.parcels: list[Parcel] = []
        self.topics = topics = school.lyceum.topics(name, run, self.receive)
        self.following = Following(self.topics, Tasks(), SETTINGS, self._lost)
        self.lost: list[Follower] = []
        self.followers: list[Follower] = []
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.attachments = Attachments(
            school.lyceum, topics.hosts, name, run, self._renew, topics.settle_doubts, topics.doubt
        )
        self._school = school
        self._keeping: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._life, self._context = Life(), Context()
        self._context.run(AT_HOST.set, self._life)

    async def open(self) -> "Gate":
        """Begin to attach."""
        await self.inside(self.attachments.attach())
        self.resume()
        return self

    def inside(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Do something as a part of this gateway: it ends when the gateway crashes, and nobody hears of it."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    def pause(self) -> None:
        """Say nothing to the hosts."""
        if self._keeping is not None:
            self._keeping.cancel()

    def resume(self) -> None:
        """Attach again, every moment."""
        if not self.gone.done():
            self._keeping = self.inside(self.attachments.keep())

    def die(self) -> None:
        """As a crash would; but what is under way may end."""
        self.pause()
        self.following.stop()
        if not self.gone.done():
            self._school.lyceum.disconnect(self.name)
            self.gone.set_result(None)

    def crash(self) -> None:
        """Nothing of it goes on."""
        self.die()
        virtual_loop().freeze(self._life)

    def receive(self, parcel: Parcel) -> None:
        """What a host sent."""
        self._context.copy().run(self._take_in, parcel)

    def _take_in(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)
        self.following.deliver(parcel.batches)
        self.evictions += parcel.evictions
        self.following.resync(parcel.resync)

    async def subscribe(
        self, topic: str, caller: Caller, connection: str = "", since: tuple[int, int] | None = None
    ) -> Follower:
        """A socket of this person follows the topic."""
        follower = Follower(topic)
        self.followers.append(follower)
        if since is not None:
            follower.epoch, follower.offset = since
        refusal = await self.following.enter(
            follower,
            Topic(topic),
            caller,
            ConnectionId(connection or f"socket-{next(self._numbers)}"),
            Position(*since) if since is not None else None,
            "request",
            lambda: True,
        )
        if refusal is not None:
            raise TurnedAway(refusal)
        return follower

    async def _renew(self, host: str, shards: frozenset[int]) -> None:
        self.following.resync(self.topics.renew(host, shards, self.following.topics()))

    def _lost(self, subscribers: Sequence[Any]) -> None:
        self.lost += subscribers


class TurnedAway(Exception):
    """A subscription was refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


@dataclass(frozen=True)
class Class:
    """A class of the school."""

    id: SessionId

    @property
    def live(self) -> str:
        return f"live:{self.id}"

    @property
    def staff(self) -> str:
        return f"live:{self.id}:staff"

    @property
    def queue(self) -> str:
        return f"live:{self.id}:queue"


class School:
    """Hosts, people and classes."""

    def __init__(self, hosts: int = 2, grace_seconds: int = 60) -> None:
        self.tables = LiveTables()
        self.store = Store()
        self.skew = 0
        self.lyceum = Lyceum(self.tables, hosts, grace_seconds, self.clock, self.store.journal)
        self.live = self.lyceum.live
        self._gates: list[Gate] = []
        self._numbers = itertools.count(1)

    def clock(self) -> Moment:
        """The loop's made-up time as a wall clock; `skew` seconds off."""
        return Moment(NINE + int((asyncio.get_running_loop().time() + self.skew) * SECOND))

    async def close(self) -> None:
        """End everything."""
        self.store.open.set()
        for gate in self._gates:
            gate.die()
        await self.lyceum.close()
        assert not self.broken, self.broken

    @property
    def broken(self) -> list[str]:
        """What subscribers should not have been sent."""
        return [each for gate in self._gates for follower in gate.followers for each in follower.broken]

    async def gate(self, name: str = "gateway", run: str = "run-1") -> Gate:
        """A gateway that has attached."""
        gate = Gate(self, name, run)
        self._gates.append(gate)
        return await gate.open()

    def new_id(self) -> str:
        return f"019a0000-0000-7000-8000-{next(self._numbers):012d}"

    def student(self, name: str, enrolled: bool = True) -> Caller:
        """Somebody of the course."""
        user_id = UserId(f"019a0000-0000-7000-9000-{blake2b(name.encode(), digest_size=6).hexdigest()}")
        if enrolled:
            self.tables.enroll(COURSE, user_id, name, f"{name}@example.org")
        return Caller(user_id, name, Role.STUDENT)

    def students(self, count: int, prefix: str = "s") -> list[Caller]:
        """Many of them."""
        return [self.student(f"{prefix}{number}") for number in range(1, count + 1)]

    async def open_class(self, seats: int = 2, start: bool = True, **words: Any) -> Class:
        """A class that has begun, unless `start` is False: then its doors are open."""
        made = Class(SessionId(self.new_id()))
        await self.ask(made, TEACHER, self.plan(max_students=seats, **words))
        if start:
            await self.ask(made, TEACHER, c.Start())
        return made

    def plan(self, **words: Any) -> c.Schedule:
        """An hour from the next minute on, for two students, doors open."""
        plan: dict[str, Any] = {
            "course_id": COURSE, "title": "Fractions", "starts_at": Moment(self.clock() + 60 * SECOND),
            "duration_minutes": 60, "max_students": 2, "doors_open_minutes": 10, "waitlist_enabled": True,
            "instructor_id": TEACHER.user_id, "instructor_name": TEACHER.name,
        }  # fmt: skip
        return c.Schedule(**{**plan, **words})

    async def ask(self, of: Class, caller: Caller, command: c.Command, command_id: str | None = None) -> Any:
        """The decoded result of a command that must be accepted."""
        answer = await self.answer(of, caller, command, command_id)
        assert isinstance(answer, Accepted), answer
        return json.loads(answer.body)

    async def answer(self, of: Class, caller: Caller, command: c.Command, command_id: str | None = None) -> Answer:
        """The answer, whatever it is."""
        return await self.live.execute(of.id, caller, command, CommandId(command_id) if command_id else None)

    async def join(self, of: Class, caller: Caller, command_id: str | None = None) -> Any:
        """The result of taking a seat or a place."""
        return await self.ask(of, caller, c.TakeSeat(), command_id)

    async def look(self, of: Class, caller: Caller = TEACHER) -> Any:
        """The class as it answers now."""
        return await self.ask(of, caller, c.Look())

    def kill(self, *hosts: str) -> None:
        """These hosts, or all of them."""
        for host in hosts or self.lyceum.alive:
            self.lyceum.kill(host)

    def host_of(self, of: Class) -> str:
        """The name of the class's host."""
        owner = self.tables.shards.get(shard_of(LIVE, of.id))
        return owner[0] if owner is not None else self.lyceum.dispatcher.owner(LIVE, of.id)

    async def owner(self, of: Class) -> Hosting:
        """The class's host itself."""
        return await self.lyceum.host(self.host_of(of))

    def loaded(self, of: Class) -> Any:
        """The grain in its host's memory, if it is there now."""
        host = self.lyceum.running(self.host_of(of))
        box = host._boxes.get(("live", of.id)) if host is not None else None
        return box.grain if box is not None else None

    def log(self, of: Class) -> list[str]:
        """The types of everything that was logged, in order."""
        return [entry.type for entry in self.tables.live_events[of.id]]

    def record(self, of: Class) -> LiveClass:
        """The class as its log alone tells it."""
        state = LiveClass(of.id, 60 * SECOND)
        for entry in self.tables.live_events[of.id]:
            evolve(state, event_of(entry.type, json.loads(entry.payload)), entry.at)
        return state

    def inbox(self, person: Caller) -> list[tuple[str, dict[str, Any]]]:
        """What a person was told."""
        return [(entry.type, json.loads(entry.payload)) for entry in self.tables.inbox_events[person.user_id]]


def refusals(answers: Iterable[Answer | Reply]) -> set[str]:
    """The codes of those that are refused."""
    return {answer.refusal.code for answer in answers if isinstance(answer, Refused)}


async def until(condition: Callable[[], Any], what: str = "it", seconds: float = 30.0, step: float = 0.01) -> None:
    """Wait, by the loop's clock, for something that no call tells."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(step)


async def turns(count: int = 10) -> None:
    """Let everybody come to where they wait."""
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def a_school(**words: Any) -> AsyncIterator[School]:
    """One that is closed afterwards."""
    house = School(**words)
    try:
        yield house
    finally:
        await house.close()
