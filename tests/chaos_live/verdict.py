"""After a blow: what was acknowledged, what Postgres holds, and what the followers saw must be one story."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg

from classroom.ids import SessionId, UserId
from classroom.live.views import row_of
from classroom.records import IntervalRow, LoggedEvent, SessionRow
from loadtests.follower import Follower
from persistence.live_log import LIVE_EVENT, event_of
from persistence.live_records import PostgresLiveRecords
from tests.chaos.oracle import check_seated, check_stays, replay
from tests.chaos_live.people import Room
from tests.linearizability.checker import check
from tests.linearizability.door import Door, DoorModel

_LOG = f'SELECT {LIVE_EVENT} FROM live_events WHERE session_id = $1 ORDER BY "offset"'  # noqa: S608 - our own columns
_LAST = 'SELECT max("offset") FROM live_events WHERE session_id = $1'
_READS = 100
_STAYS = """
SELECT user_id::text AS user_id, ordinal, to_moment(joined_at) AS joined_at, to_moment(left_at) AS left_at, reason
FROM attendance_intervals WHERE session_id = $1
"""


async def judge(pool: "asyncpg.Pool[Any]", room: Room, followers: Sequence[Follower], patience_seconds: float = 60) -> int:
    """How many states the search for an order looked at. Raises AssertionError with the promise that was broken."""
    entries, held, session = await _read(pool, SessionId(room.id))
    state, stays = replay(SessionId(room.id), entries)
    check_stays(held, stays)
    check_seated(SessionId(room.id), entries, room.seated())
    assert session == row_of(state), "live_sessions and log differ"
    _check_words(entries, room)
    verdict = check(room.history.operations, DoorModel(), Door(room.capacity))
    assert verdict.linearizable, "no order explains these answers: " + "; ".join(map(str, verdict.stuck))
    for end, follower in zip(entries[-1].topic_offsets, followers, strict=True):
        await _hear_out(follower, end, patience_seconds)
    _check_heard(entries, followers[0])
    return verdict.states


async def _hear_out(follower: Follower, end: int, seconds: float) -> None:
    """Returns when it knows all; raises what it noticed on its way: a gap, a repeat, a topic that went back."""
    await follower.wait_until(lambda: follower.offset >= end, seconds)


def _check_heard(entries: Sequence[LoggedEvent], everybody: Follower) -> None:
    """Who follows the topic of everybody was told the words of the log, each as the offset that it has there; what a whole
    state covered after a long absence was not told one by one."""
    heard = {offset: data["text"] for offset, kind, data in everybody.events if kind == "chat.posted"}
    seen = {offset for offset, _, _ in everybody.events}
    chats = [entry for entry in entries if entry.type == "chat.posted" and entry.topic_offsets[0] in seen]
    said = {entry.topic_offsets[0]: json.loads(entry.payload)["text"] for entry in chats}
    assert heard == said, "a follower saw other messages than the log holds"


async def _read(
    pool: "asyncpg.Pool[Any]", session_id: SessionId
) -> tuple[list[LoggedEvent], dict[tuple[UserId, int], IntervalRow], SessionRow | None]:
    """The log and the rows beside it, of one moment: the class may still hear of sockets that closed in the blow."""
    records = PostgresLiveRecords(pool)
    for _ in range(_READS):
        entries = [event_of(row) for row in await pool.fetch(_LOG, session_id)]
        held = {
            (UserId(each["user_id"]), each["ordinal"]): IntervalRow(session_id, UserId(each["user_id"]), *list(each)[1:])
            for each in await pool.fetch(_STAYS, session_id)
        }
        session = await records.get(session_id)
        if await pool.fetchval(_LAST, session_id) == entries[-1].offset:
            return entries, held, session
    raise AssertionError("the class never came to rest")


def _check_words(entries: Sequence[LoggedEvent], room: Room) -> None:
    words = Counter(json.loads(entry.payload)["text"] for entry in entries if entry.type == "chat.posted")
    lost = room.said - words.keys()
    assert not lost, f"{len(lost)} acknowledged messages are lost: {sorted(lost)[:3]}"
    assert max(words.values(), default=1) == 1, "a message is there twice"
