"""The stage: whom staff ask up, who comes, who goes. Staff need no place on it; who is on it may publish."""

from classroom.callers import Caller
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live import talk_events as t
from classroom.live.over import over
from classroom.live.state import LiveClass
from classroom.refusals import Forbidden, NotInvited, NotSeated, Refusal, StageFull, TooMany
from classroom.times import Moment

Decision = tuple[e.Event, ...] | Refusal

STAGE_PLACES = 3
INVITED_AT_MOST = 20


def invite(state: LiveClass, command: c.InviteToStage, caller: Caller, now: Moment) -> Decision:
    """Staff ask a student with a seat up. More may be asked than there are places; who comes first has one."""
    if not state.is_staff(caller):
        return Forbidden("invite people to the stage of this class")
    refusal = over(state, now)
    if refusal is not None:
        return refusal
    user_id = command.user_id
    seat = state.seats.find(user_id)
    if seat is None:
        return NotSeated(user_id)
    if user_id in state.stage or user_id in state.invited:
        return ()
    if len(state.invited) >= INVITED_AT_MOST:
        return TooMany("invitations to the stage", INVITED_AT_MOST)
    return (s.StageInvited(user_id, seat.name),)


def accept(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """Who was invited comes up, and the hand goes down."""
    refusal = over(state, now)
    if refusal is not None:
        return refusal
    user_id = caller.user_id
    if user_id in state.stage:
        return ()
    if user_id not in state.invited:
        return NotInvited() if user_id in state.seats else NotSeated(user_id)
    if len(state.stage) >= STAGE_PLACES:
        return StageFull(STAGE_PLACES)
    lowered = (t.HandLowered(user_id),) if user_id in state.hands else ()
    return (*lowered, s.StageJoined(user_id, state.invited[user_id]))


def leave(state: LiveClass, caller: Caller) -> Decision:
    """Off the stage, or no thanks; nothing for who is neither on it nor invited."""
    return _off(state, caller.user_id, "left")


def remove(state: LiveClass, command: c.RemoveFromStage, caller: Caller) -> Decision:
    """Staff take somebody off the stage, or an invitation back."""
    if not state.is_staff(caller):
        return Forbidden("take people off the stage of this class")
    return _off(state, command.user_id, "removed")


def seat_gone(state: LiveClass, user_id: UserId) -> tuple[e.Event, ...]:
    """What follows for the stage when this person's seat goes: one needs a seat to be on it."""
    return _off(state, user_id, "gone")


def closing(state: LiveClass) -> tuple[e.Event, ...]:
    """The class is over: nobody stays on the stage. Invitations go with the class, without a word."""
    return tuple(s.StageLeft(user_id, "ended") for user_id in state.stage)


def _off(state: LiveClass, user_id: UserId, reason: str) -> tuple[e.Event, ...]:
    if user_id in state.stage:
        return (s.StageLeft(user_id, reason),)
    return (s.StageDeclined(user_id),) if user_id in state.invited else ()
