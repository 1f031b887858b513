"""The log's twin."""

from collections.abc import Sequence

from classroom.ids import SessionId, UserId
from classroom.records import LoggedEvent
from persistence.live_log import VIEWS, Deadline, Loaded
from persistence.memory.live_tables import LiveTables


class MemoryLiveLog:
    """A `LiveLog` in dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def load(self, session_id: SessionId) -> Loaded:
        """See `LiveLog.load`."""
        offset, snapshot = self._tables.snapshots.get(session_id, (0, None))
        return Loaded(snapshot, offset, self._live(session_id)[offset:])

    async def recent_commands(self, session_id: SessionId, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.recent_commands`."""
        return _commands(self._live(session_id), limit)

    async def after(self, session_id: SessionId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.after`."""
        position = VIEWS.index(view)
        moved = []
        before = 0
        for event in self._live(session_id):
            now = event.topic_offsets[position]
            if now != before and now > topic_offset:
                moved.append(event)
            before = now
        return moved[:limit]

    async def save_snapshot(self, session_id: SessionId, offset: int, state: bytes) -> None:
        """See `LiveLog.save_snapshot`."""
        if self._tables.snapshots.get(session_id, (0, b""))[0] < offset <= len(self._live(session_id)):
            self._tables.snapshots[session_id] = (offset, state)

    async def inbox_head(self, user_id: UserId) -> int:
        """See `LiveLog.inbox_head`."""
        return len(self._inbox(user_id))

    async def inbox_after(self, user_id: UserId, offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.inbox_after`."""
        return self._inbox(user_id)[offset : offset + limit]

    async def inbox_recent_commands(self, user_id: UserId, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.inbox_recent_commands`."""
        return _commands(self._inbox(user_id), limit)

    async def deadlines(self, shard_ids: Sequence[int]) -> Sequence[Deadline]:
        """See `LiveLog.deadlines`."""
        self._tables.reach()
        wanted = set(shard_ids)
        rows = self._tables.deadlines.items()
        found = [Deadline(kind, grain_id, due_at) for (kind, grain_id), (shard_id, due_at) in rows if shard_id in wanted]
        return sorted(found, key=lambda deadline: deadline.due_at)

    def _live(self, session_id: SessionId) -> list[LoggedEvent]:
        self._tables.reach()
        return self._tables.live_events.get(session_id, [])

    def _inbox(self, user_id: UserId) -> list[LoggedEvent]:
        self._tables.reach()
        return self._tables.inbox_events.get(user_id, [])


def _commands(events: Sequence[LoggedEvent], limit: int) -> list[LoggedEvent]:
    carrying = [event for event in events if event.command_id is not None]
    return carrying[len(carrying) - limit :] if limit < len(carrying) else carrying
