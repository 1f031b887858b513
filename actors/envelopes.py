"""What travels between clients, hosts and gateways: commands in envelopes one way, answers the other."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, Topic, UserId
from classroom.live.commands import Command
from classroom.ports import Batch, Entered
from classroom.progress.commands import Command as ProgressCommand
from classroom.topics import Position

LIVE = "live"
INBOX = "inbox"
COURSE = "course"
LATER = "later"
"""Not a grain: whoever sends this fetches a late answer; the id is its ticket."""

OWNERS = "owners"
"""Not a grain either: whoever sends this asks a host whom it knows to own the shards."""


@dataclass(frozen=True)
class Enter:
    """Follow a topic of this grain. `gateway` is who gets its batches from now on."""

    topic: Topic
    view: str
    connection: ConnectionId | None
    since: Position | None
    gateway: str


@dataclass(frozen=True)
class Quit:
    """That gateway has no subscriber left on this topic."""

    view: str
    gateway: str


@dataclass(frozen=True)
class Reconcile:
    """The connections that a gateway (one run of it) really holds for this class; what else the class believes is wrong."""

    gateway: str
    present: tuple[tuple[Caller, ConnectionId], ...]


@dataclass(frozen=True)
class Deliver:
    """Put an event into a person's inbox. `data` is its encoded JSON object."""

    type: str
    data: bytes


class Envelope(msgspec.Struct, frozen=True, gc=False):  # a third of the cost of a frozen dataclass, once a command
    """Something for one grain, and who sends it. `command_id` makes it repeatable; `request_id` is the correlation id of
    the request that it comes from, for the logs."""

    kind: str
    grain_id: str
    caller: Caller
    body: Command | ProgressCommand | Enter | Quit | Reconcile | Deliver | None
    command_id: str | None
    request_id: str | None = None


@dataclass(frozen=True)
class NotOwner:
    """This host does not own the shard; `owner` does, as far as it knows."""

    shard_id: int
    owner: str | None


@dataclass(frozen=True)
class Later:
    """The answer takes longer than the call: it is to be fetched with the ticket. None: there is no such answer here
    (the host was restarted), so the envelope is to be sent again."""

    ticket: str | None


@dataclass(frozen=True)
class Owned:
    """The owners of the shards as a host knows them."""

    owners: Mapping[int, str]


@dataclass(frozen=True)
class Attached:
    """A host to a gateway that lives: the token of what the host sends it, the epochs of its shards, and the hosts that own
    something as far as it knows."""

    token: str
    epochs: Mapping[int, int]
    hosts: Sequence[str] = ()


Reply = Accepted | Refused | Entered | NotOwner | Later | Owned


@dataclass(frozen=True)
class EvictNotice:
    """Staff sent this person out of a class: gateways close what they hold for it."""

    session_id: str
    user_id: UserId


@dataclass(frozen=True)
class Parcel:
    """Everything one host has for one gateway after one commit. `host_run` names the run of the host."""

    host: str
    host_run: str
    batches: Sequence[Batch] = ()
    evictions: Sequence[EvictNotice] = ()
    resync: Sequence[Topic] = ()
    """Topics whose grain was dropped: follow them anew."""


def pack(value: Any) -> bytes:
    """One flat value for a Ray call: ours on both ends, so pickle is safe, and a fifth of the cost of Ray's own pickler."""
    return pickle.dumps(value, protocol=5)


def unpack(data: bytes) -> Any:
    """What `pack` packed."""
    return pickle.loads(data)  # noqa: S301 # only actors of this cluster can send it: Ray's token authentication is on


def pack_envelopes(envelopes: Sequence[Envelope]) -> bytes:
    """A batch of envelopes as plain tuples: a third of the cost of pickling the values themselves."""
    return pack(
        [
            (
                each.kind,
                each.grain_id,
                each.caller.user_id,
                each.caller.name,
                each.caller.role.value,
                each.body,
                each.command_id,
                each.request_id,
            )
            for each in envelopes
        ]
    )


def unpack_envelopes(data: bytes) -> list[Envelope]:
    """What `pack_envelopes` packed."""
    return [
        Envelope(kind, grain_id, Caller(user_id, name, _ROLES[role]), body, command_id, request_id)
        for kind, grain_id, user_id, name, role, body, command_id, request_id in unpack(data)
    ]


def pack_replies(replies: Sequence[Reply]) -> bytes:
    """A batch of replies; the common ones as plain tuples."""
    return pack([(each.outcome, each.body) if type(each) is Accepted else each for each in replies])


def unpack_replies(data: bytes) -> list[Reply]:
    """What `pack_replies` packed."""
    return [Accepted(*each) if type(each) is tuple else each for each in unpack(data)]


_ROLES = {role.value: role for role in Role}
