"""From a command's name and arguments on the wire to what may be asked of a class; bounds are checked here, once."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from classroom.ids import ConnectionId, MessageId, PollId, SessionId, UserId, is_uuid
from classroom.live.commands import (
    AcceptStage,
    ClosePoll,
    Command,
    End,
    InviteToStage,
    Leave,
    LeaveStage,
    Lock,
    LowerHand,
    Mute,
    OpenPoll,
    PostChat,
    RaiseHand,
    React,
    RemoveChat,
    RemoveFromStage,
    RemoveMember,
    Start,
    StartRecording,
    StopRecording,
    TakeSeat,
    Unlock,
    Unmute,
    Vote,
)
from classroom.refusals import Malformed, NotFound, Refusal, UnknownCommand

_Key = Annotated[str, msgspec.Meta(max_length=128)]
_Option = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Index = Annotated[int, msgspec.Meta(ge=0, lt=12)]
_Choices = Annotated[tuple[_Index, ...], msgspec.Meta(min_length=1, max_length=12)]


class _Args(msgspec.Struct, frozen=True, rename="camel"):
    session_id: _Key


class _Join(_Args, frozen=True):
    waitlist: bool = True


class _Chat(_Args, frozen=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    to: _Key = "all"


class _Message(_Args, frozen=True):
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Hand(_Args, frozen=True):
    user_id: _Key | None = None


class _Reaction(_Args, frozen=True):
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class _Poll(_Args, frozen=True):
    question: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    options: Annotated[tuple[_Option, ...], msgspec.Meta(min_length=2, max_length=12)]
    multiple: bool = False
    quiz: bool = False
    correct: Annotated[tuple[_Index, ...], msgspec.Meta(max_length=12)] = ()


class _Ballot(_Args, frozen=True):
    poll_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    choices: _Choices


class _PollKey(_Args, frozen=True):
    poll_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Member(_Args, frozen=True):
    user_id: _Key


class _Removal(_Member, frozen=True):
    ban: bool = False


class Request(msgspec.Struct, frozen=True, gc=False):
    """A command that may be put to the class `session_id`."""

    session_id: SessionId
    command: Command


class _Invalid(Exception):
    """A field that has the right type and still does not fit."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = (name, sentence)


def _words(name: str, text: str) -> str:
    if not text.strip():
        raise _Invalid(name, "Must not be blank.")
    return text


def _user(text: str, name: str = "userId") -> UserId:
    lowered = text.lower()
    if not is_uuid(lowered):
        raise _Invalid(name, "Must be the id of a person.")
    return UserId(lowered)


def _chat(args: _Chat, _: ConnectionId) -> Command:
    to = args.to if args.to in ("all", "staff") else str(_user(args.to, "to"))
    return PostChat(_words("text", args.text), to)


def _poll(args: _Poll, _: ConnectionId) -> Command:
    for option in args.options:
        _words("options", option)
    if len(set(args.options)) != len(args.options):
        raise _Invalid("options", "Must differ from each other.")
    if len(set(args.correct)) != len(args.correct) or any(index >= len(args.options) for index in args.correct):
        raise _Invalid("correct", "Must name options, each once, counted from 0.")
    if len(args.correct) > 1 and not args.multiple:
        raise _Invalid("correct", "Only one option can be correct when only one may be chosen.")
    return OpenPoll(_words("question", args.question), args.options, args.multiple, args.quiz, args.correct)


def _vote(args: _Ballot, _: ConnectionId) -> Command:
    if len(set(args.choices)) != len(args.choices):
        raise _Invalid("choices", "Must name each option at most once.")
    return Vote(PollId(args.poll_id), args.choices)


_A = TypeVar("_A", bound=_Args)
_Read = Callable[[bytes | msgspec.Raw, ConnectionId], Request]


def _reader(shape: type[_A], build: Callable[[_A, ConnectionId], Command]) -> _Read:
    """One row of the table: the shape of the arguments, and what they come to."""
    decoder = msgspec.json.Decoder(shape)

    def read_args(raw: bytes | msgspec.Raw, connection: ConnectionId) -> Request:
        args = decoder.decode(raw)
        return Request(SessionId(args.session_id.lower()), build(args, connection))

    return read_args


_TABLE: dict[str, _Read] = {
    "session.join": _reader(_Join, lambda args, connection: TakeSeat(args.waitlist, connection)),
    "session.leave": _reader(_Args, lambda args, _: Leave()),
    "session.start": _reader(_Args, lambda args, _: Start()),
    "session.end": _reader(_Args, lambda args, _: End()),
    "session.lock": _reader(_Args, lambda args, _: Lock()),
    "session.unlock": _reader(_Args, lambda args, _: Unlock()),
    "chat.post": _reader(_Chat, _chat),
    "chat.remove": _reader(_Message, lambda args, _: RemoveChat(MessageId(args.message_id))),
    "hand.raise": _reader(_Args, lambda args, _: RaiseHand()),
    "hand.lower": _reader(_Hand, lambda args, _: LowerHand(None if args.user_id is None else _user(args.user_id))),
    "reaction.send": _reader(_Reaction, lambda args, _: React(_words("emoji", args.emoji))),
    "poll.open": _reader(_Poll, _poll),
    "poll.vote": _reader(_Ballot, _vote),
    "poll.close": _reader(_PollKey, lambda args, _: ClosePoll(PollId(args.poll_id))),
    "stage.invite": _reader(_Member, lambda args, _: InviteToStage(_user(args.user_id))),
    "stage.accept": _reader(_Args, lambda args, _: AcceptStage()),
    "stage.leave": _reader(_Args, lambda args, _: LeaveStage()),
    "stage.remove": _reader(_Member, lambda args, _: RemoveFromStage(_user(args.user_id))),
    "recording.start": _reader(_Args, lambda args, _: StartRecording()),
    "recording.stop": _reader(_Args, lambda args, _: StopRecording()),
    "member.mute": _reader(_Member, lambda args, _: Mute(_user(args.user_id))),
    "member.unmute": _reader(_Member, lambda args, _: Unmute(_user(args.user_id))),
    "member.remove": _reader(_Removal, lambda args, _: RemoveMember(_user(args.user_id), args.ban)),
}

NAMES = frozenset(_TABLE)


def read(name: str, args: bytes | msgspec.Raw, connection: ConnectionId) -> Request | Refusal:
    """What the command `name` with `args` (an encoded JSON object) asks of which class, or why it cannot be asked."""
    read_args = _TABLE.get(name)
    if read_args is None:
        return UnknownCommand(name)
    try:
        request = read_args(args, connection)
    except _Invalid as fault:
        return Malformed((fault.field,))
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return Malformed((_field(str(fault)),))
    if not is_uuid(request.session_id):
        return NotFound("class", request.session_id[:64])
    return request


_WHERE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`")


def _field(fault: str) -> tuple[str, str]:
    """Which field msgspec's sentence is about, and what it says."""
    missing = _MISSING.match(fault)
    if missing:
        return missing["name"], "This field is required."
    where = _WHERE.search(fault)
    path = where["path"].partition("[")[0] if where else ""
    return path or "args", _WHERE.sub("", fault) + "."
