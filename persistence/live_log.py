"""Reading the logs back: snapshot and tail of a class, a topic's missed events, inboxes, deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import asyncpg

from classroom.ids import SessionId, UserId
from classroom.records import LoggedEvent
from classroom.times import Moment
from persistence.live_pool import borrow

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
    """The logs of classes and inboxes. Payloads come back as the bytes that were written.
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
        """Keep the state after the durable event `offset`, unless one of a later offset is kept already. Nothing is kept
        beyond the end of the log."""
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


# An event's columns, in the order of `event_of`.
LOG_EVENT = """"offset", type, convert_to(payload::text, 'UTF8'), to_moment(at), command_id"""
LIVE_EVENT = f"{LOG_EVENT}, live_offset, staff_offset, queue_offset"

_SNAPSHOT = 'SELECT state, "offset" FROM live_snapshots WHERE session_id = $1'
_SAVE = """
    INSERT INTO live_snapshots (session_id, "offset", state)
    SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM live_events WHERE session_id = $1 AND "offset" = $2)
    ON CONFLICT (session_id) DO UPDATE SET "offset" = excluded."offset", state = excluded.state
    WHERE live_snapshots."offset" < excluded."offset"
"""
_TAIL = f'SELECT {LIVE_EVENT} FROM live_events WHERE session_id = $1 AND "offset" > $2 ORDER BY "offset"'  # noqa: S608
_COMMANDS = f"""
    SELECT {LIVE_EVENT} FROM live_events WHERE session_id = $1 AND command_id IS NOT NULL ORDER BY "offset" DESC LIMIT $2
"""  # noqa: S608 - our own columns, as below
_INBOX_HEAD = 'SELECT coalesce(max("offset"), 0) FROM inbox_events WHERE user_id = $1'
_INBOX_AFTER = f"""
    SELECT {LOG_EVENT} FROM inbox_events WHERE user_id = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3
"""  # noqa: S608
_INBOX_COMMANDS = f"""
    SELECT {LOG_EVENT} FROM inbox_events WHERE user_id = $1 AND command_id IS NOT NULL ORDER BY "offset" DESC LIMIT $2
"""  # noqa: S608
_DEADLINES = """
    SELECT kind, grain_id::text, to_moment(due_at) FROM deadlines WHERE shard_id = ANY ($1::smallint[]) ORDER BY due_at
"""

# A topic's offset never falls along the log and grows by at most one an event, so it is at most the event's own offset.
# That makes the log its own index: `first` and `last`, the ends of what was asked for, are found by halving, and between
# them an event moved the topic when its topic offset is not that of the event before it.
# Each step is a scalar subquery: without statistics a join may be planned as a walk through the whole log.
_AFTER = """
    WITH RECURSIVE head AS (
        SELECT "offset" AS n, $topic AS reached FROM $log WHERE $key = $1 ORDER BY "offset" DESC LIMIT 1
    ),
    first (low, high) AS (
        SELECT $2::bigint, n FROM head WHERE reached > $2
        UNION ALL
        SELECT CASE WHEN topic > $2 THEN low ELSE middle END, CASE WHEN topic > $2 THEN middle ELSE high END
        FROM (
            SELECT low, high, (low + high) / 2 AS middle,
                   (SELECT $topic FROM $log WHERE $key = $1 AND "offset" = (low + high) / 2) AS topic
            FROM first WHERE high - low > 1 OFFSET 0
        ) step
    ),
    last (low, high, reach) AS (
        SELECT least(reached, $2 + $3) - 1, n, least(reached, $2 + $3) FROM head WHERE reached > $2 AND $3 > 0
        UNION ALL
        SELECT CASE WHEN topic >= reach THEN low ELSE middle END, CASE WHEN topic >= reach THEN middle ELSE high END, reach
        FROM (
            SELECT low, high, reach, (low + high) / 2 AS middle,
                   (SELECT $topic FROM $log WHERE $key = $1 AND "offset" = (low + high) / 2) AS topic
            FROM last WHERE high - low > 1 OFFSET 0
        ) step
    )
    SELECT $columns
    FROM (
        SELECT *, lag($topic, 1, $2::bigint) OVER (ORDER BY "offset") AS before
        FROM $log
        WHERE $key = $1
          AND "offset" BETWEEN (SELECT min(high) FROM first) AND (SELECT min(high) FROM last)
    ) part
    WHERE $topic <> before
    ORDER BY "offset"
"""


def after_statement(log: str, key: str, columns: str, topic: str) -> str:
    """The events of one log of the table `log` that moved the topic whose offset is in column `topic`, in order."""
    words = {"$topic": topic, "$log": log, "$key": key, "$columns": columns}
    return reduce(lambda sql, word: sql.replace(word, words[word]), words, _AFTER)


_AFTER_IN = {view: after_statement("live_events", "session_id", LIVE_EVENT, f"{view or 'live'}_offset") for view in VIEWS}


def event_of(row: "asyncpg.Record") -> LoggedEvent:
    """The event of a row of `LOG_EVENT` and, behind that, the offsets of the log's topics, if it has any."""
    offset, kind, payload, at, command_id, *topic_offsets = row
    return LoggedEvent(offset, kind, payload, at, command_id, tuple(topic_offsets))


class PostgresLiveLog:
    """A `LiveLog` on the tables that the journal writes."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def load(self, session_id: SessionId) -> Loaded:
        """See `LiveLog.load`."""
        async with borrow(self._pool) as connection:
            kept = await connection.fetchrow(_SNAPSHOT, session_id)
            snapshot, offset = kept or (None, 0)
            rows = await connection.fetch(_TAIL, session_id, offset)
        return Loaded(snapshot, offset, [event_of(row) for row in rows])

    async def recent_commands(self, session_id: SessionId, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.recent_commands`."""
        return (await self._events(_COMMANDS, session_id, limit))[::-1]

    async def after(self, session_id: SessionId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.after`."""
        return await self._events(_AFTER_IN[view], session_id, topic_offset, limit)

    async def save_snapshot(self, session_id: SessionId, offset: int, state: bytes) -> None:
        """See `LiveLog.save_snapshot`."""
        async with borrow(self._pool) as connection:
            await connection.execute(_SAVE, session_id, offset, state)

    async def inbox_head(self, user_id: UserId) -> int:
        """See `LiveLog.inbox_head`."""
        async with borrow(self._pool) as connection:
            head: int = await connection.fetchval(_INBOX_HEAD, user_id)
        return head

    async def inbox_after(self, user_id: UserId, offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.inbox_after`."""
        return await self._events(_INBOX_AFTER, user_id, offset, limit)

    async def inbox_recent_commands(self, user_id: UserId, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveLog.inbox_recent_commands`."""
        return (await self._events(_INBOX_COMMANDS, user_id, limit))[::-1]

    async def deadlines(self, shard_ids: Sequence[int]) -> Sequence[Deadline]:
        """See `LiveLog.deadlines`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_DEADLINES, shard_ids)
        return [Deadline(*row) for row in rows]

    async def _events(self, sql: str, *arguments: object) -> list[LoggedEvent]:
        async with borrow(self._pool) as connection:
            return [event_of(row) for row in await connection.fetch(sql, *arguments)]
