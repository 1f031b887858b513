"""Chat, hands, reactions, and who may speak."""

from itertools import chain

from classroom.callers import Caller
from classroom.ids import MessageId, UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.state import WAITLIST_LIMIT, LiveClass, Status
from classroom.live.wording import is_fit
from classroom.refusals import (
    AlreadyEnded,
    ClassCancelled,
    Forbidden,
    Malformed,
    MemberMuted,
    NotFound,
    NotSeated,
    Refusal,
    TooMany,
)

Decision = tuple[e.Event, ...] | Refusal

TEXT_LIMIT = 2_000
EMOJI_LIMIT = 16


def may_speak(state: LiveClass, caller: Caller) -> Refusal | None:
    """None for staff and the seated of a class that goes on; otherwise why not."""
    if state.status is Status.ENDED:
        return AlreadyEnded()
    if state.status is Status.CANCELLED:
        return ClassCancelled()
    if caller.user_id in state.seats or state.is_staff(caller):
        return None
    return NotSeated(caller.user_id)


def post(state: LiveClass, command: c.PostChat, caller: Caller, message_id: str) -> Decision:
    """A message to all, to staff, or to one person in the class."""
    refusal = may_speak(state, caller)
    if refusal is not None:
        return refusal
    if not is_fit(command.text, TEXT_LIMIT):
        return Malformed((("text", f"A message has 1 to {TEXT_LIMIT} characters."),))
    if command.to not in ("all", "staff") and not _reachable(state, UserId(command.to)):
        return NotSeated(command.to)
    if caller.user_id in state.muted and command.to != "staff":
        return MemberMuted()
    return (t.ChatPosted(MessageId(message_id), caller.user_id, caller.name, command.text, command.to),)


def _reachable(state: LiveClass, user_id: UserId) -> bool:
    return user_id in state.seats or user_id == state.known.instructor_id


def remove(state: LiveClass, command: c.RemoveChat, caller: Caller) -> Decision:
    """Take back one's own message, or as staff anybody's."""
    kept = chain(state.chat, state.staff_chat, state.aside)
    found = next((message for message in kept if message.message_id == command.message_id), None)
    if found is None:
        return NotFound("message", command.message_id)
    if found.user_id != caller.user_id and not state.is_staff(caller):
        return Forbidden("remove this message")
    return (t.ChatRemoved(found.message_id, found.to, caller.user_id, found.user_id),)


def raise_hand(state: LiveClass, caller: Caller) -> Decision:
    """A student with a seat asks to speak."""
    refusal = may_speak(state, caller)
    if refusal is not None:
        return refusal
    if caller.user_id not in state.seats:
        return NotSeated(caller.user_id)
    return () if caller.user_id in state.hands else (t.HandRaised(caller.user_id, caller.name),)


def lower_hand(state: LiveClass, command: c.LowerHand, caller: Caller) -> Decision:
    """One's own hand, or as staff anybody's."""
    user_id = command.user_id or caller.user_id
    if user_id != caller.user_id and not state.is_staff(caller):
        return Forbidden("lower somebody else's hand")
    return (t.HandLowered(user_id),) if user_id in state.hands else ()


def react(state: LiveClass, command: c.React, caller: Caller) -> Decision:
    """An emoji for everybody."""
    refusal = may_speak(state, caller)
    if refusal is not None:
        return refusal
    if not is_fit(command.emoji, EMOJI_LIMIT):
        return Malformed((("emoji", f"A reaction has 1 to {EMOJI_LIMIT} characters."),))
    return MemberMuted() if caller.user_id in state.muted else (t.ReactionSent(caller.user_id, command.emoji),)


def mute(state: LiveClass, command: c.Mute, caller: Caller) -> Decision:
    """Staff keep a student from posting to everybody."""
    if not state.is_staff(caller):
        return Forbidden("mute people in this class")
    if command.user_id in state.muted:
        return ()
    if not state.is_inside(command.user_id):
        return NotSeated(command.user_id)
    if len(state.muted) >= WAITLIST_LIMIT:
        return TooMany("muted people", WAITLIST_LIMIT)
    return (t.MemberMuted(command.user_id),)


def unmute(state: LiveClass, command: c.Unmute, caller: Caller) -> Decision:
    """Staff let a student post again."""
    if not state.is_staff(caller):
        return Forbidden("unmute people in this class")
    return (t.MemberUnmuted(command.user_id),) if command.user_id in state.muted else ()
