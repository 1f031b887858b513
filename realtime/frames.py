"""The wire of `lyceum.v1`: what clients may send, decoded strictly; what they are sent, spliced from encoded parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from classroom.answers import Accepted, Answer
from classroom.callers import Caller
from classroom.ids import ConnectionId, Topic
from classroom.refusals import Refusal
from classroom.topics import Position

SUBPROTOCOL = "lyceum.v1"

# Both directions keep to the contract's 64 KiB a frame; the difference is the envelope around the events.
_EVENTS_BYTES = 60 * 1024

# Ids of commands are kept by the store, which cannot hold NUL; other control characters are nobody's id either.
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Name = Annotated[str, msgspec.Meta(max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who is connecting: an access token or a ticket."""

    token: Annotated[str, msgspec.Meta(max_length=8192)]


class CommandFrame(msgspec.Struct, frozen=True, tag="command"):
    """Something to be done in a class; `args` stay encoded until the command's name is known."""

    id: _Id
    name: _Name
    args: msgspec.Raw = msgspec.Raw(b"{}")


class Since(msgspec.Struct, frozen=True):
    """Where the subscriber stood before it was cut."""

    epoch: _Count
    offset: _Count


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """Follow a topic, from `since` on where that is still possible."""

    id: _Id
    topic: _Name
    since: Since | None = None

    def position(self) -> Position | None:
        """`since` as the inner layers know it."""
        return None if self.since is None else Position(self.since.epoch, self.since.offset)


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe"):
    """Follow a topic no longer."""

    id: _Id
    topic: _Name


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """A sign of life from clients that cannot send WebSocket pings."""


Incoming = Hello | CommandFrame | Subscribe | Unsubscribe | Ping


@dataclass(frozen=True)
class BadFrame:
    """A message that is none of ours; `why` goes into the close reason. `text` is False when it is not even UTF-8."""

    why: str
    text: bool = True


_decoder: msgspec.json.Decoder[Incoming] = msgspec.json.Decoder(Incoming)
_encode = msgspec.json.Encoder().encode

PONG = b'{"type":"pong"}'


def decode(message: bytes) -> Incoming | BadFrame:
    """The frame that a text message holds. Fields we do not know are passed over: the contract may add some."""
    try:
        if not message.isascii():
            message.decode()  # the decoder does not look into what it passes over
        return _decoder.decode(message)
    except UnicodeDecodeError:
        return BadFrame("this is not UTF-8", text=False)
    except msgspec.ValidationError as fault:
        return BadFrame(str(fault))
    except (msgspec.DecodeError, RecursionError):
        return BadFrame("this is not a JSON object")


def welcome(connection: ConnectionId, caller: Caller, heartbeat_seconds: int) -> bytes:
    """The answer to hello."""
    return _encode(
        {
            "type": "welcome",
            "connectionId": connection,
            "user": {"id": caller.user_id, "name": caller.name, "role": caller.role.value},
            "heartbeatSeconds": heartbeat_seconds,
        }
    )


def reply(request_id: str, answer: Answer) -> bytes:
    """The answer to a command; an accepted one's result is spliced in as the owner encoded it."""
    if isinstance(answer, Accepted):
        return b'{"type":"reply","id":' + _encode(request_id) + b',"ok":true,"result":' + answer.body + b"}"
    return refusal(request_id, answer.refusal)


def refusal(request_id: str, reason: Refusal) -> bytes:
    """The answer to anything that was not done: the one place where a refusal becomes a reply."""
    error = {"errorCode": reason.code, "message": reason.message(), "details": reason.details(), "retry": reason.retry}
    return _encode({"type": "reply", "id": request_id, "ok": False, "error": error})


def done(request_id: str) -> bytes:
    """The answer to an unsubscribe."""
    return _encode({"type": "reply", "id": request_id, "ok": True, "result": {}})


def subscribed(request_id: str, topic: Topic, position: Position, recovered: bool, snapshot: bytes | None) -> bytes:
    """A subscription stands at `position`; with `recovered` the missed events up to it follow in `events` frames."""
    head = _encode(
        {
            "type": "subscribed",
            "id": request_id,
            "topic": topic,
            "epoch": position.epoch,
            "offset": position.offset,
            "recovered": recovered,
        }
    )
    return head[:-1] + b',"snapshot":' + (snapshot or b"null") + b"}"


def events(topic: Topic, epoch: int, encoded: Sequence[bytes]) -> bytes:
    """One frame with these events, none of which is looked into."""
    return b'{"type":"events","topic":"%b","epoch":%d,"events":[%b]}' % (topic.encode(), epoch, b",".join(encoded))


def pack(encoded: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The events in runs that each fit one frame of 64 KiB; a single larger event travels alone."""
    start = size = 0
    for index, event in enumerate(encoded):
        if size and size + len(event) > _EVENTS_BYTES:
            yield encoded[start:index]
            start, size = index, 0
        size += len(event) + 1
    if start < len(encoded):
        yield encoded[start:]
