"""What must hold of a school's stores after any storm, and the patience of a client."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from classroom.answers import Answer, Refused
from classroom.ids import SessionId, UserId
from classroom.live.attendance import touched_intervals
from classroom.live.codec import event_of
from classroom.live.evolve import evolve
from classroom.live.snapshot import save
from classroom.live.state import LiveClass
from classroom.live.views import row_of
from classroom.records import IntervalRow, LoggedEvent
from classroom.times import SECOND
from tests.actors.school import Class, School

Stays = dict[tuple[UserId, int], IntervalRow]


async def insist(ask: Any) -> Answer:
    """As a client does: the same command with the same id until there is an answer."""
    while True:
        answer: Answer = await ask()
        if not (isinstance(answer, Refused) and answer.refusal.retry):
            return answer
        await asyncio.sleep(0.2)


def check_log(school: School, room: Class) -> LiveClass:
    """The log of a school's class keeps the promises, and the rows beside it say the same."""
    state, stays = replay(room.id, school.tables.live_events[room.id])
    assert school.tables.sessions[room.id] == row_of(state)
    check_stays(school.tables.intervals[room.id], stays)
    return state


def replay(session_id: SessionId, entries: Sequence[LoggedEvent]) -> tuple[LiveClass, Stays]:
    """The class and its attendance as the log alone tells them; every prefix of it keeps the promises."""
    state = LiveClass(session_id, 60 * SECOND)
    commands = Counter(entry.command_id for entry in entries if entry.command_id is not None)
    assert not [each for each, times in commands.items() if times > 1], "a command is in the log twice"
    tickets: list[int] = []
    stays: Stays = {}
    for number, entry in enumerate(entries, start=1):
        assert entry.offset == number, f"offset {entry.offset} where {number} is due"
        event = event_of(entry.type, json.loads(entry.payload))
        before = len(state.seats) if state.plan is not None else 0
        evolve(state, event, entry.at)
        stays.update({(row.user_id, row.ordinal): row for row in touched_intervals(state, event)})
        offsets = state.offsets
        assert entry.topic_offsets == (offsets.everybody, offsets.staff, offsets.queue)
        # Fewer seats than people send nobody out.
        assert len(state.seats) <= max(state.known.max_students, before), f"more seated than seats at {number}"
        assert not {seat.user_id for seat in state.seats} & {waiter.user_id for waiter in state.waitlist}
        if entry.type == "seat.promoted":
            tickets.append(event.ticket)  # type: ignore[union-attr] # the type says which event it is
        if entry.type == "count.changed":
            assert not (state.free_seats and len(state.waitlist)), f"a free seat waits at {number}"
    assert tickets == sorted(tickets), "somebody was promoted out of turn"
    return state, stays


def check_stays(rows: Mapping[tuple[UserId, int], IntervalRow], told: Stays) -> None:
    """The table holds what the events of the log brought about; a person's stays are counted from 1 and never overlap."""
    assert rows == told, "attendance and log differ"
    until: dict[str, tuple[int, int]] = {}
    for (user_id, ordinal), row in sorted(rows.items()):
        before, left_at = until.get(user_id, (0, 0))
        assert ordinal == before + 1
        assert left_at <= row.joined_at
        assert row.left_at is None or row.left_at >= row.joined_at
        until[user_id] = ordinal, row.left_at if row.left_at is not None else 1 << 62


def comparable_state(state: LiveClass) -> dict[str, Any]:
    """A class through JSON."""
    saved: dict[str, Any] = json.loads(json.dumps(save(state)))
    return saved
