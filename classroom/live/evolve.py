"""How an event moves a class: one function an event, in a table. The only code that changes a `LiveClass`."""

from collections.abc import Callable
from typing import Any

from classroom.ids import CommandId, ConnectionId, UserId
from classroom.live import events as e
from classroom.live.publications import advance
from classroom.live.seats import Seat
from classroom.live.state import (
    POLLS_KEPT,
    WARNING,
    Hand,
    LiveClass,
    Message,
    Origin,
    Plan,
    Poll,
    Recording,
    Shown,
    Status,
    Stay,
)
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
    if isinstance(event, e.ChatPosted):
        return event.message_id
    if isinstance(event, e.RecordingStarted):
        return event.recording_id
    return event.poll_id if isinstance(event, e.PollOpened) else ""


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


def _chat_posted(state: LiveClass, event: e.ChatPosted, at: Moment) -> None:
    message = Message(event.message_id, event.user_id, event.name, event.text, event.to, at)
    if event.to == "all":
        state.chat.append(message)
    elif event.to == "staff":
        state.staff_chat.append(message)
    else:
        state.aside.append(message)


def _chat_removed(state: LiveClass, event: e.ChatRemoved, at: Moment) -> None:
    for history in (state.chat, state.staff_chat, state.aside):
        kept = [message for message in history if message.message_id != event.message_id]
        history.clear()
        history.extend(kept)


def _hand_raised(state: LiveClass, event: e.HandRaised, at: Moment) -> None:
    state.hands[event.user_id] = Hand(event.name, at)


def _hand_lowered(state: LiveClass, event: e.HandLowered, at: Moment) -> None:
    state.hands.pop(event.user_id, None)


def _reaction(state: LiveClass, event: e.ReactionSent, at: Moment) -> None:
    """Reactions pass by; nothing is kept."""


def _poll_opened(state: LiveClass, event: e.PollOpened, at: Moment) -> None:
    if len(state.polls) >= POLLS_KEPT:
        del state.polls[next(poll_id for poll_id, poll in state.polls.items() if not poll.open)]
    zeros = [0] * len(event.options)
    state.polls[event.poll_id] = Poll(
        event.question,
        tuple(event.options),
        event.multiple,
        event.quiz,
        tuple(event.correct),
        tally=zeros,
        told=(tuple(zeros), 0),
    )


def _poll_voted(state: LiveClass, event: e.PollVoted, at: Moment) -> None:
    poll = state.polls[event.poll_id]
    for choice in poll.votes.get(event.user_id, ()):
        poll.tally[choice] -= 1
    poll.votes[event.user_id] = tuple(event.choices)
    for choice in event.choices:
        poll.tally[choice] += 1


def _poll_tallied(state: LiveClass, event: e.PollTallied, at: Moment) -> None:
    state.polls[event.poll_id].told = (tuple(event.tally), event.votes)
    state.told_at = at


def _poll_closed(state: LiveClass, event: e.PollClosed, at: Moment) -> None:
    poll = state.polls[event.poll_id]
    poll.open = False
    poll.told = (tuple(event.tally), event.votes)


def _muted(state: LiveClass, event: e.MemberMuted, at: Moment) -> None:
    state.muted.add(event.user_id)


def _unmuted(state: LiveClass, event: e.MemberUnmuted, at: Moment) -> None:
    state.muted.discard(event.user_id)


def _removed(state: LiveClass, event: e.MemberRemoved, at: Moment) -> None:
    if event.ban:
        state.removed.add(event.user_id)


def _invited(state: LiveClass, event: e.StageInvited, at: Moment) -> None:
    state.invited[event.user_id] = event.name


def _declined(state: LiveClass, event: e.StageDeclined, at: Moment) -> None:
    state.invited.pop(event.user_id, None)


def _on_stage(state: LiveClass, event: e.StageJoined, at: Moment) -> None:
    state.invited.pop(event.user_id, None)
    state.stage[event.user_id] = event.name


def _off_stage(state: LiveClass, event: e.StageLeft, at: Moment) -> None:
    state.stage.pop(event.user_id, None)


def _placed(state: LiveClass, event: e.MediaPlaced, at: Moment) -> None:
    state.origin = Origin(event.node, event.generation, at if state.origin is not None else None)
    state.shown, state.speakers = Shown(), ()


def _media_changed(state: LiveClass, event: e.MediaChanged, at: Moment) -> None:
    state.shown = Shown(event.screen, event.cameras, event.microphones)


def _speaking(state: LiveClass, event: e.MediaSpeaking, at: Moment) -> None:
    state.speakers = event.speakers


def _recording(state: LiveClass, event: e.RecordingStarted, at: Moment) -> None:
    state.recording = Recording(event.recording_id, at)
    state.recorded = event.recording_id


def _recorded(state: LiveClass, event: e.RecordingStopped, at: Moment) -> None:
    state.recording = None


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
    e.ChatPosted: _chat_posted,
    e.ChatRemoved: _chat_removed,
    e.HandRaised: _hand_raised,
    e.HandLowered: _hand_lowered,
    e.ReactionSent: _reaction,
    e.PollOpened: _poll_opened,
    e.PollVoted: _poll_voted,
    e.PollTallied: _poll_tallied,
    e.PollClosed: _poll_closed,
    e.MemberMuted: _muted,
    e.MemberUnmuted: _unmuted,
    e.MemberRemoved: _removed,
    e.StageInvited: _invited,
    e.StageDeclined: _declined,
    e.StageJoined: _on_stage,
    e.StageLeft: _off_stage,
    e.MediaPlaced: _placed,
    e.MediaChanged: _media_changed,
    e.MediaSpeaking: _speaking,
    e.RecordingStarted: _recording,
    e.RecordingStopped: _recorded,
}
