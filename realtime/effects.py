"""What a connection wants done: values that the shell carries out, in order."""

from dataclasses import dataclass

import msgspec

from classroom.ids import CommandId, SessionId, Topic
from classroom.live.commands import Command
from classroom.topics import Position
from realtime.closing import Close


class Send(msgspec.Struct, frozen=True, gc=False):  # these two are made for every command: a third of a dataclass's cost
    """Send an encoded frame."""

    frame: bytes


@dataclass(frozen=True)
class Shut:
    """Close the socket."""

    close: Close
    detail: str = ""


@dataclass(frozen=True)
class SendPing:
    """Send a WebSocket ping."""


@dataclass(frozen=True)
class SendPong:
    """Answer a WebSocket ping."""

    payload: bytes


@dataclass(frozen=True)
class Identify:
    """Find out who holds the token; goes on with `Connection.identified`."""

    token: str


class Execute(msgspec.Struct, frozen=True, gc=False):
    """Put a command to a class; goes on with `Connection.answered`."""

    request_id: str
    session_id: SessionId
    command: Command

    @property
    def command_id(self) -> CommandId:
        """The client's id, under which the owner does the command once."""
        return CommandId(self.request_id)


@dataclass(frozen=True)
class Follow:
    """Enter a topic; goes on with `Connection.wants`, then `followed` or `unfollowed`."""

    request_id: str
    topic: Topic
    since: Position | None


@dataclass(frozen=True)
class Unfollow:
    """End the subscription to a topic."""

    topic: Topic


@dataclass(frozen=True)
class Depart:
    """This connection is no longer present in the class."""

    session_id: SessionId


Effect = Send | Shut | SendPing | SendPong | Identify | Execute | Follow | Unfollow | Depart
