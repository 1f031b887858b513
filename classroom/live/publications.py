"""Which topics an event is told on, and in which words. A function of the event alone, so that any topic can be
told again from the log, with the same offsets."""

from collections.abc import Callable
from typing import Any

from classroom.ids import SessionId, UserId
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live import talk_events as t
from classroom.live.codec import payload_of
from classroom.live.state import Offsets

EVERYBODY, STAFF, QUEUE = "", "staff", "queue"
VIEWS = (EVERYBODY, STAFF, QUEUE)

_ALL = (True, True, True)
_NONE = (False, False, False)
_STAFF = (False, True, False)
_STAFF_QUEUE = (False, True, True)
_INSIDE = (True, True, False)
_EVERYBODY = (True, False, False)

_SHOWN: dict[type[e.Event], tuple[bool, bool, bool]] = {
    e.SessionScheduled: _NONE,
    e.SessionRevised: _ALL,
    e.CapacityChanged: _ALL,
    e.SessionStarted: _ALL,
    e.SessionEnding: _ALL,
    e.SessionEnded: _ALL,
    e.SessionCancelled: _ALL,
    e.SessionLocked: _ALL,
    e.SessionUnlocked: _ALL,
    e.SeatTaken: _STAFF,
    e.SeatPromoted: _STAFF_QUEUE,
    e.SeatReleased: _STAFF,
    e.WaitlistJoined: _STAFF,
    e.WaitlistLeft: _STAFF_QUEUE,
    e.GraceRenewed: _NONE,
    e.CountChanged: _ALL,
    t.HandRaised: _INSIDE,
    t.HandLowered: _INSIDE,
    t.ReactionSent: _EVERYBODY,
    t.PollOpened: _INSIDE,
    t.PollVoted: _NONE,
    t.PollTallied: _INSIDE,
    t.PollClosed: _INSIDE,
    t.MemberMuted: _INSIDE,
    t.MemberUnmuted: _INSIDE,
    t.MemberRemoved: _INSIDE,
    s.StageInvited: _INSIDE,
    s.StageDeclined: _INSIDE,
    s.StageJoined: _INSIDE,
    s.StageLeft: _INSIDE,
    s.MediaPlaced: _EVERYBODY,
    s.MediaChanged: _EVERYBODY,
    s.MediaSpeaking: _EVERYBODY,
    s.RecordingStarted: _EVERYBODY,
    s.RecordingStopped: _EVERYBODY,
}


def shown_on(event: e.Event) -> tuple[bool, bool, bool]:
    """Whether the event is told to everybody, to staff, to the queue."""
    if isinstance(event, t.ChatPosted | t.ChatRemoved):
        return (event.to == "all", event.to == "staff", False)
    if isinstance(event, e.PresenceConnected):
        return _STAFF if event.first else _NONE
    if isinstance(event, e.PresenceLost):
        return _STAFF if event.last else _NONE
    return _SHOWN[type(event)]


def advance(offsets: Offsets, event: e.Event) -> Offsets:
    """The offsets once the event has happened."""
    everybody, staff, queue = shown_on(event)
    return Offsets(offsets.log + 1, offsets.everybody + everybody, offsets.staff + staff, offsets.queue + queue)


def offset_in(offsets: Offsets, view: str) -> int:
    """The offset of one view's topic."""
    if view == EVERYBODY:
        return offsets.everybody
    return offsets.staff if view == STAFF else offsets.queue


def publication(event: e.Event, view: str) -> tuple[str, dict[str, Any]]:
    """The event's type and data as told on a view that it is shown on."""
    if view == QUEUE and isinstance(event, e.SeatPromoted | e.WaitlistLeft):
        return "waitlist.advanced", {"ticket": event.ticket}
    words = _WORDS.get(type(event))
    return event.type, words(event, view) if words else payload_of(event)


def _held(event: e.SeatTaken | e.WaitlistJoined, view: str) -> dict[str, Any]:
    data = payload_of(event)
    data["connected"] = data.pop("connection") is not None
    return data


def _who(event: e.PresenceConnected | e.PresenceLost, view: str) -> dict[str, Any]:
    return {"userId": event.user_id}


def _end(event: e.SessionEnded, view: str) -> dict[str, Any]:
    return {name: value for name, value in payload_of(event).items() if value is not None}


def _removed_message(event: t.ChatRemoved, view: str) -> dict[str, Any]:
    return {"messageId": event.message_id, "to": event.to}


def _question(event: t.PollOpened, view: str) -> dict[str, Any]:
    data = payload_of(event)
    if view != STAFF:
        del data["correct"]
    return data


def _generation(event: s.MediaPlaced, view: str) -> dict[str, Any]:
    return {"generation": event.generation}  # the names of our machines are nobody's business


_WORDS: dict[type[e.Event], Callable[[Any, str], dict[str, Any]]] = {
    e.SessionEnded: _end,
    e.SeatTaken: _held,
    e.WaitlistJoined: _held,
    e.PresenceConnected: _who,
    e.PresenceLost: _who,
    t.ChatRemoved: _removed_message,
    t.PollOpened: _question,
    s.MediaPlaced: _generation,
}


def notices(session_id: SessionId, event: e.Event) -> list[tuple[UserId, str, dict[str, Any]]]:
    """What single persons are told on their own topic because of the event: who, type, data."""
    if isinstance(event, e.SeatPromoted):
        return [(event.user_id, event.type, {"sessionId": session_id, "seat": {"number": event.seat}})]
    if isinstance(event, t.ChatPosted) and event.to != "all":
        data = {"sessionId": session_id, **payload_of(event)}
        told = {event.user_id} if event.to == "staff" else {event.user_id, UserId(event.to)}
        return [(user_id, event.type, data) for user_id in sorted(told)]
    if isinstance(event, t.ChatRemoved) and event.to != "all":
        data = {"sessionId": session_id, "messageId": event.message_id, "to": event.to}
        told = {event.author} if event.to == "staff" else {event.author, UserId(event.to)}
        return [(user_id, event.type, data) for user_id in sorted(told)]
    if isinstance(event, t.MemberRemoved):
        return [(event.user_id, event.type, {"sessionId": session_id, "ban": event.ban})]
    return []
