"""How an event moves a class: one function an event, in a table. Only this, `talk_moves.py` and `stage_moves.py`
change a `LiveClass`."""

from collections.abc import Callable
from typing import Any

from classroom.ids import CommandId, ConnectionId, UserId
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live import talk_events as t
from classroom.live.publications import advance
from classroom.live.seats import Seat
from classroom.live.stage_moves import STAGE_MOVES
from classroom.live.state import WARNING, LiveClass, Plan, Shown, Status, Stay
from classroom.live.talk_moves import TALK_MOVES
from classroom.live.waitlist import Waiter
from classroom.times import MINUTE, Moment


def evolve(state: LiveClass, event: e.Event, at: Moment, command_id: CommandId | None = None) -> None:
    """Move the class by one event that happened at `at`; `command_id` is the command that it begins to answer."""
    _MOVES[type(event)](state, event, at)
    state.at = at
    state.offsets = advance(state.offsets, event)
    if command_id is not None:
        state.remember(command_id, fresh_id(event))


def fresh_id(event: e.Event) -> str:
    """The id that the command made up, if it made one (a message, a poll, a recording)."""
    if isinstance(event, t.ChatPosted):
        return event.message_id
    if isinstance(event, s.RecordingStarted):
        return event.recording_id
    return event.poll_id if isinstance(event, t.PollOpened) else ""


def _scheduled(state: LiveClass, event: e.SessionScheduled, at: Moment) -> None:
    state.plan = Plan(**vars(event))
    state.ends_at = Moment(event.starts_at + event.duration_minutes * MINUTE)


def _revised(state: LiveClass, event: e.SessionRevised, at: Moment) -> None:
    state.revise(**vars(event))
    if state.status is Status.LIVE and at < state.ends_at - WARNING:
        state.warned = False


def _capacity(state: LiveClass, event: e.CapacityChanged, at: Moment) -> None:
    state.revise(max_students=event.max_students)


def _started(state: LiveClass, event: e.SessionStarted, at: Moment) -> None:
    state.status = Status.LIVE
    state.started_at = at
    state.ends_at = event.ends_at


def _ending(state: LiveClass, event: e.SessionEnding, at: Moment) -> None:
    state.warned = True


def _ended(state: LiveClass, event: e.SessionEnded, at: Moment) -> None:
    state.status = Status.ENDED
    state.ended_at = state.ends_at = at if event.ended_at is None else event.ended_at
    _empty(state, state.ends_at, "ended")


def _cancelled(state: LiveClass, event: e.SessionCancelled, at: Moment) -> None:
    state.status = Status.CANCELLED
    _empty(state, at, "cancelled")


def _empty(state: LiveClass, at: Moment, reason: str) -> None:
    for user_id in [seat.user_id for seat in state.seats]:
        _end_stay(state, user_id, at, reason)
    state.seats.clear()
    state.waitlist.clear()
    state.connections.clear()
    state.lost.clear()
    state.hands.clear()
    state.stage.clear()
    state.invited.clear()
    state.shown, state.speakers = Shown(), ()
    state.counts_told = True


def _locked(state: LiveClass, event: e.SessionLocked, at: Moment) -> None:
    state.locked = True


def _unlocked(state: LiveClass, event: e.SessionUnlocked, at: Moment) -> None:
    state.locked = False


def _seat_taken(state: LiveClass, event: e.SeatTaken, at: Moment) -> None:
    state.seats.take(Seat(event.user_id, event.name, event.seat, at))
    state.counts_told = False
    _begin_stay(state, event.user_id, at)
    if event.connection is not None:
        state.connections[event.user_id] = {event.connection}


def _seat_promoted(state: LiveClass, event: e.SeatPromoted, at: Moment) -> None:
    state.waitlist.leave(event.user_id)
    state.seats.take(Seat(event.user_id, event.name, event.seat, at))
    state.counts_told = False
    state.promoted_at.append(at)
    if event.user_id not in state.lost:
        _begin_stay(state, event.user_id, at)


def _seat_released(state: LiveClass, event: e.SeatReleased, at: Moment) -> None:
    state.seats.release(event.user_id)
    state.counts_told = False
    _end_stay(state, event.user_id, at, event.reason)
    _forget(state, event.user_id)


def _waitlist_joined(state: LiveClass, event: e.WaitlistJoined, at: Moment) -> None:
    state.waitlist.join(Waiter(event.user_id, event.name, event.ticket, at))
    state.counts_told = False
    if event.connection is not None:
        state.connections[event.user_id] = {event.connection}


def _waitlist_left(state: LiveClass, event: e.WaitlistLeft, at: Moment) -> None:
    state.waitlist.leave(event.user_id)
    state.counts_told = False
    _forget(state, event.user_id)


def _forget(state: LiveClass, user_id: UserId) -> None:
    state.connections.pop(user_id, None)
    state.lost.pop(user_id, None)
    state.hands.pop(user_id, None)


def _connected(state: LiveClass, event: e.PresenceConnected, at: Moment) -> None:
    state.connections.setdefault(event.user_id, set()).add(event.connection)
    state.lost.pop(event.user_id, None)
    stay = state.stays.get(event.user_id)
    if event.user_id in state.seats and (stay is None or stay.left_at is not None):
        _begin_stay(state, event.user_id, at)


def _connection_lost(state: LiveClass, event: e.PresenceLost, at: Moment) -> None:
    _drop_connection(state, event.user_id, event.connection)
    if event.last:
        state.lost[event.user_id] = at
        if event.user_id in state.seats:
            _end_stay(state, event.user_id, at, "lost")


def _grace_renewed(state: LiveClass, event: e.GraceRenewed, at: Moment) -> None:
    state.lost[event.user_id] = at
    state.lost.move_to_end(event.user_id)


def _drop_connection(state: LiveClass, user_id: UserId, connection: ConnectionId) -> None:
    held = state.connections.get(user_id)
    if held is not None:
        held.discard(connection)
        if not held:
            del state.connections[user_id]


def _begin_stay(state: LiveClass, user_id: UserId, at: Moment) -> None:
    earlier = state.stays.get(user_id)
    state.stays[user_id] = Stay(earlier.ordinal + 1 if earlier else 1, at)


def _end_stay(state: LiveClass, user_id: UserId, at: Moment, reason: str) -> None:
    stay = state.stays.get(user_id)
    if stay is not None and stay.left_at is None:
        state.stays[user_id] = Stay(stay.ordinal, stay.joined_at, max(at, stay.joined_at), reason)


def _count_changed(state: LiveClass, event: e.CountChanged, at: Moment) -> None:
    state.counts_told = True
    state.told_at = at


_MOVES: dict[type[Any], Callable[[LiveClass, Any, Moment], None]] = {
    e.SessionScheduled: _scheduled,
    e.SessionRevised: _revised,
    e.CapacityChanged: _capacity,
    e.SessionStarted: _started,
    e.SessionEnding: _ending,
    e.SessionEnded: _ended,
    e.SessionCancelled: _cancelled,
    e.SessionLocked: _locked,
    e.SessionUnlocked: _unlocked,
    e.SeatTaken: _seat_taken,
    e.SeatPromoted: _seat_promoted,
    e.SeatReleased: _seat_released,
    e.WaitlistJoined: _waitlist_joined,
    e.WaitlistLeft: _waitlist_left,
    e.PresenceConnected: _connected,
    e.PresenceLost: _connection_lost,
    e.GraceRenewed: _grace_renewed,
    e.CountChanged: _count_changed,
    **TALK_MOVES,
    **STAGE_MOVES,
}
