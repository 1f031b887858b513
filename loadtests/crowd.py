"""A crowd in front of one door: connections open before the clock starts; then one join each, repeated until answered."""

import asyncio
import random
import resource
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from loadtests.answers import DoorAnswer, answer_of_reply, answer_of_response
from loadtests.http_client import HttpConnection, post_request
from loadtests.prepared import Student
from loadtests.socket_client import SocketClient, SocketClosed

_OPENING_AT_ONCE = 100  # a listen backlog is finite, and opening is not what is measured
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Journey:
    """One student at the door. Moments are of `perf_counter`; `asked_at` is when the student was due, not when the
    generator found time, so a slow generator or door cannot hide waiting."""

    student_id: str
    answer: DoorAnswer
    asked_at: float
    answered_at: float
    attempts: int

    @property
    def seconds(self) -> float:
        """How long the student waited for an answer."""
        return self.answered_at - self.asked_at


OnAnswer = Callable[[Journey], None]


class Unanswered(TimeoutError):
    """A student's patience ended without an answer."""


class Crowd(Protocol):
    """Students with open connections."""

    async def open(self) -> None:
        """Connect everybody. Raises OSError when the door does not listen."""
        ...

    async def join(self, session_id: str, patience_seconds: float = 60, spread_seconds: float = 0) -> list[Journey]:
        """Everybody asks for a seat, evenly over `spread_seconds` and without waiting for each other's answers. After a cut
        or an answer that says "again", the same command is sent again. Raises Unanswered when a student's patience ends."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


def command_id(student: Student, session_id: str) -> str:
    """The id under which this student joins this class, however often it is sent."""
    return f"join-{session_id[-12:]}-{student.id}"


def pauses(first: float = _FIRST_PAUSE, longest: float = _LONGEST_PAUSE) -> Iterator[float]:
    """Seconds to wait before each next attempt: exponential with full jitter, without end."""
    limit = first
    while True:
        yield random.uniform(0, limit)
        limit = min(limit * 2, longest)


def allow_many_connections() -> None:
    """Let this process open as many files as the machine allows it; a socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class SocketCrowd:
    """A socket a student. `on_answer` is called in the moment an answer has been read."""

    def __init__(self, url: str, students: Sequence[Student], on_answer: OnAnswer | None = None) -> None:
        self._url = url
        self._students = students
        self._on_answer = on_answer
        self.clients: dict[str, SocketClient] = {}

    async def open(self) -> None:
        """See `Crowd.open`."""
        await a_few_at_once(self._students, self._open_one)

    async def join(self, session_id: str, patience_seconds: float = 60, spread_seconds: float = 0) -> list[Journey]:
        """See `Crowd.join`."""
        arguments = b'{"sessionId":"%b"}' % session_id.encode()

        async def visit(student: Student, due: float) -> Journey:
            journey = await self._visit(student, arguments, command_id(student, session_id), due)
            if self._on_answer is not None:
                self._on_answer(journey)
            return journey

        return await _everybody(self._students, visit, patience_seconds, spread_seconds)

    async def close(self) -> None:
        """See `Crowd.close`."""
        for client in self.clients.values():
            client.cut()
        self.clients.clear()

    async def _open_one(self, student: Student) -> SocketClient:
        client = self.clients[student.id] = await SocketClient.open(self._url, student.token)
        return client

    async def _visit(self, student: Student, arguments: bytes, command: str, due: float) -> Journey:
        attempts = 0
        for pause in pauses():
            attempts += 1
            try:
                client = self.clients.get(student.id)
                if client is None or not client.is_open:
                    client = await self._open_one(student)
                answer = answer_of_reply(await client.send_command("session.join", arguments, command))
                if not answer.retry:
                    break
            except SocketClosed as closed:
                if closed.is_final:
                    raise
            except OSError:  # the gateway is away; the pause below gives it time
                pass
            await asyncio.sleep(pause)
        return Journey(student.id, answer, due, perf_counter(), attempts)


class RestCrowd:
    """Keep-alive connections: one a student, or `connections` that the students share one after the other.

    Without `keyed` no Idempotency-Key is sent: a join repeats itself well without one, too.
    """

    def __init__(
        self,
        url: str,
        students: Sequence[Student],
        connections: int | None = None,
        on_answer: OnAnswer | None = None,
        keyed: bool = True,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._students = students
        self._connections = min(connections or len(students), len(students))
        self._on_answer = on_answer
        self._keyed = keyed
        self._free: asyncio.LifoQueue[HttpConnection] = asyncio.LifoQueue()

    async def open(self) -> None:
        """See `Crowd.open`."""

        async def open_one(_: int) -> None:
            self._free.put_nowait(await HttpConnection.open(self._host, self._port))

        await a_few_at_once(range(self._connections), open_one)

    async def join(self, session_id: str, patience_seconds: float = 60, spread_seconds: float = 0) -> list[Journey]:
        """See `Crowd.join`."""
        path = f"/api/live-sessions/{session_id}/join"

        async def visit(student: Student, due: float) -> Journey:
            key = command_id(student, session_id) if self._keyed else None
            request = post_request(f"{self._host}:{self._port}", path, student.token, idempotency_key=key)
            journey = await self._visit(student, request, due)
            if self._on_answer is not None:
                self._on_answer(journey)
            return journey

        return await _everybody(self._students, visit, patience_seconds, spread_seconds)

    async def close(self) -> None:
        """See `Crowd.close`."""
        while not self._free.empty():
            self._free.get_nowait().close()

    async def _visit(self, student: Student, request: bytes, due: float) -> Journey:
        attempts = 0
        for pause in pauses():
            attempts += 1
            connection = await self._free.get()
            try:
                if not connection.is_open:
                    connection = await HttpConnection.open(self._host, self._port)
                answer = answer_of_response(*await connection.ask(request))
                if not answer.retry:
                    break
            except OSError:  # the door is away; the pause below gives it time
                pass
            finally:
                self._free.put_nowait(connection)
            await asyncio.sleep(pause)
        return Journey(student.id, answer, due, perf_counter(), attempts)


async def _everybody(
    students: Sequence[Student],
    visit: Callable[[Student, float], Awaitable[Journey]],
    patience_seconds: float,
    spread_seconds: float,
) -> list[Journey]:
    started = perf_counter()
    tasks: list[asyncio.Future[Journey]] = []
    try:
        async with asyncio.timeout(patience_seconds + spread_seconds):
            for number, student in enumerate(students):
                due = started + spread_seconds * number / len(students)
                if due > perf_counter():
                    await asyncio.sleep(due - perf_counter())
                tasks.append(asyncio.ensure_future(visit(student, due)))
            return await asyncio.gather(*tasks)
    except TimeoutError as late:
        answered = sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks)
        raise Unanswered(f"{len(students) - answered} of {len(students)} students had no answer in time.") from late
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def a_few_at_once(whom: Sequence[T], treat: Callable[[T], Awaitable[object]], at_once: int = _OPENING_AT_ONCE) -> None:
    """Await what `treat` makes of each, so many at a time. Raises the first fault."""
    remaining = iter(whom)

    async def worker() -> None:
        for each in remaining:
            await treat(each)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(whom))):
                group.create_task(worker())
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from faults
