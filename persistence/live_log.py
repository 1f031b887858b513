"""Reading the logs back: snapshot and tail of a class, a topic's missed events, inboxes, deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from classroom.ids import SessionId, UserId
from classroom.records import LoggedEvent
from classroom.times import Moment

VIEWS = ("", "staff", "queue")
"""The topics of a class in the order of `LoggedEvent.topic_offsets`."""


@dataclass(frozen=True)
class Loaded:
    """A class as stored: the state after `snapshot_offset` (None and 0 when there is none) and every event since."""

    snapshot: bytes | None
    snapshot_offset: int
    tail: Sequence[LoggedEvent]


@dataclass(frozen=True)
class Deadline:
    """When a grain wants to be woken next."""

    kind: str
    grain_id: str
    due_at: Moment


class LiveLog(Protocol):
    """The logs of classes and inboxes. Payloads come back as equal JSON, not necessarily equal bytes.
    Raises StoreAway when Postgres is away."""

    async def load(self, session_id: SessionId) -> Loaded:
        """What a class is made of; an unknown class has no snapshot and no events."""
        ...

    async def recent_commands(self, session_id: SessionId, limit: int) -> Sequence[LoggedEvent]:
        """The newest `limit` events that carry a command id, oldest first."""
        ...

    async def after(self, session_id: SessionId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """The first `limit` events that moved the topic of this view beyond `topic_offset`, in order."""
        ...

    async def save_snapshot(self, session_id: SessionId, offset: int, state: bytes) -> None:
        """Keep the state after `offset`, unless one of a later offset is kept already."""
        ...

    async def inbox_head(self, user_id: UserId) -> int:
        """The offset of the person's last inbox event; 0 without one."""
        ...

    async def inbox_after(self, user_id: UserId, offset: int, limit: int) -> Sequence[LoggedEvent]:
        """The first `limit` inbox events after `offset`, in order."""
        ...

    async def inbox_recent_commands(self, user_id: UserId, limit: int) -> Sequence[LoggedEvent]:
        """The newest `limit` inbox events that carry a command id, oldest first."""
        ...

    async def deadlines(self, shard_ids: Sequence[int]) -> Sequence[Deadline]:
        """The deadlines of all grains of these shards, soonest first."""
        ...
