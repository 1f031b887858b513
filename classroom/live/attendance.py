"""Attendance: each stay of each student, once, from the moment it began to the moment it ended."""

from collections.abc import Iterable

from classroom.ids import SessionId, UserId
from classroom.live import events as e
from classroom.live.state import LiveClass, Stay
from classroom.records import IntervalRow


def touched_intervals(state: LiveClass, event: e.Event) -> list[IntervalRow]:
    """The stays that `event` has just begun or ended; `state` is the class after it."""
    if isinstance(event, e.SeatTaken | e.SeatPromoted | e.SeatReleased | e.PresenceConnected | e.PresenceLost):
        stay = state.stays.get(event.user_id)
        changed = stay is not None and state.at in (stay.joined_at, stay.left_at)
        return _rows(state.session_id, [(event.user_id, stay)] if stay is not None and changed else [])
    if isinstance(event, e.SessionEnded | e.SessionCancelled):
        over = "ended" if isinstance(event, e.SessionEnded) else "cancelled"
        return _rows(state.session_id, ((user, stay) for user, stay in state.stays.items() if stay.reason == over))
    return []


def _rows(session_id: SessionId, stays: Iterable[tuple[UserId, Stay]]) -> list[IntervalRow]:
    return [
        IntervalRow(session_id, user_id, stay.ordinal, stay.joined_at, stay.left_at, stay.reason) for user_id, stay in stays
    ]
