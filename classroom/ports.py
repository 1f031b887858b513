"""The seams: what the outer layers promise each other, as Protocols. Twins in memory ship beside the real ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from classroom.answers import Answer, Refused
from classroom.callers import Caller
from classroom.ids import CommandId, ConnectionId, CourseId, SessionId, Topic
from classroom.live.commands import Command
from classroom.progress.commands import Command as ProgressCommand
from classroom.topics import Position


class LiveSessions(Protocol):
    """The door of every class, wherever its owner runs."""

    async def execute(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None = None
    ) -> Answer:
        """Have the owner of the class decide; answers when the decision is durable.

        The same `command_id` from the same caller is answered again and done once. Never raises for a part that is
        away: that is `Refused(Unavailable())`, after retries of its own with the same id, within 10 s.
        """
        ...


class CourseProgress(Protocol):
    """How far everybody is in every course, wherever its owner runs."""

    async def tell(
        self, course_id: CourseId, caller: Caller, command: ProgressCommand, command_id: CommandId | None = None
    ) -> Answer:
        """Have the owner of the course count what happened; answers when that is durable.

        `Accepted.body` is the learner's progress (`{}` after `Announce` and `CourseChanged`). The same `command_id` from the
        same caller is answered again and counts once. Who may report what is for the edge to see to; whoever is not
        enrolled is refused. Never raises for a part that is away: that is `Refused(Unavailable())`, within 10 s.
        """
        ...


class CommandDesk(LiveSessions, Protocol):
    """The door as a gateway uses it, thousands of times a second: the same promise, without a task a command."""

    def submit(
        self,
        session_id: SessionId,
        caller: Caller,
        command: Command,
        command_id: CommandId | None,
        then: Callable[[Answer], None],
    ) -> None:
        """Like `execute`; calls `then` once, later, in the same loop."""
        ...


@dataclass(frozen=True)
class Entered:
    """A subscription stands. The subscriber has everything up to and including `offset` after reading this:
    with `recovered` by `events` (encoded JSON event objects, `since.offset + 1` up to `offset`), otherwise by `snapshot`
    (encoded JSON object)."""

    epoch: int
    offset: int
    recovered: bool
    events: Sequence[bytes]
    snapshot: bytes | None


@dataclass(frozen=True)
class Batch:
    """Events of one topic, in order: encoded JSON objects with offsets `first_offset`, `first_offset + 1`, …
    each `{"offset","type","at","data"}`."""

    topic: Topic
    epoch: int
    first_offset: int
    events: Sequence[bytes]


class Topics(Protocol):
    """Subscriptions of one gateway. Batches for the topics it entered reach it by a way of its own."""

    async def enter(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        """Check that the caller may follow the topic, register this gateway as a follower, and say where it stands.

        For a seated or waiting student's `connection` the class also notes the presence. With `connection` None
        nothing but the position is asked for: the gateway itself catches up after a hole or a host's restart.
        """
        ...

    async def quit(self, topic: Topic) -> None:
        """No subscriber of this gateway is left on the topic."""
        ...

    async def gone(self, sessions: Sequence[SessionId] | None, caller: Caller, connection: ConnectionId) -> None:
        """A connection is no longer present in these classes; None: in none at all, because it has closed."""
        ...


class GatewayDirectory(Protocol):
    """Where the gateways are. What it holds may be lost: they register again every few seconds."""

    async def register(self, name: str, url: str, ttl_seconds: int) -> None:
        """Say that the gateway `name` takes sockets at `url` for the next `ttl_seconds`."""
        ...

    async def list_urls(self) -> Sequence[str]:
        """The addresses of the gateways that registered lately; empty when nobody knows."""
        ...


class Tickets(Protocol):
    """Short-lived keys to open one socket with, so that no access token stands in an address or a log."""

    async def issue(self, caller: Caller, ttl_seconds: int) -> str | None:
        """A ticket that works once; None while the store for tickets is away."""
        ...

    async def redeem(self, ticket: str) -> Caller | None:
        """Who the ticket was made for; None when it is unknown, used or too old. Raises ConnectionError while the store for
        tickets is away."""
        ...
