"""What people see of a class: the session, where they stand, replies, and the snapshots of its topics."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from classroom.callers import Caller
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import media
from classroom.live.codec import written_people, written_person
from classroom.live.decide import Ask
from classroom.live.fitting import Room
from classroom.live.publications import EVERYBODY, STAFF
from classroom.live.state import LiveClass, Message, Poll, Status
from classroom.records import SessionRow
from classroom.refusals import ClassCancelled, ClassEnded, Forbidden, NotEnrolled, NotSeated, Refusal, RemovedFromClass
from classroom.times import SECOND, rfc3339

OWN_BYTES: Final = 20 * 1024
SHARED_BYTES: Final = 40 * 1024
STAFF_BYTES: Final = OWN_BYTES + SHARED_BYTES
"""A snapshot travels in one frame of 64 KiB: so much is for its lists, the rest for the session and the envelope."""
_POLL_BYTES: Final = 14 * 1024
_HAND_BYTES: Final = 6 * 1024
_ID_BYTES: Final = 3 * 1024
_WAITLIST_BYTES: Final = 10 * 1024
_CHAT_BYTES: Final = 6 * 1024


def row_of(state: LiveClass) -> SessionRow:
    """The class as lists and pages read it."""
    plan = state.known
    return SessionRow(
        id=state.session_id,
        course_id=plan.course_id,
        lesson_id=plan.lesson_id,
        title=plan.title,
        starts_at=plan.starts_at,
        duration_minutes=plan.duration_minutes,
        ends_at=state.ends_at,
        max_students=plan.max_students,
        current_students=len(state.seats),
        waitlisted=len(state.waitlist),
        status=state.status.value,
        doors_open_minutes=plan.doors_open_minutes,
        waitlist_enabled=plan.waitlist_enabled,
        locked=state.locked,
        instructor_id=plan.instructor_id,
        instructor_name=plan.instructor_name,
        started_at=state.started_at,
        ended_at=state.ended_at,
    )


def session_view(row: SessionRow) -> dict[str, Any]:
    """The wire's LiveSession (contract section 4)."""
    return {**session_frame(row), "currentStudents": row.current_students, "waitlisted": row.waitlisted}


def session_frame(row: SessionRow) -> dict[str, Any]:
    """The part of a LiveSession that joins do not change."""
    return {
        "id": row.id,
        "courseId": row.course_id,
        "lessonId": row.lesson_id,
        "title": row.title,
        "startTime": rfc3339(row.starts_at),
        "durationMinutes": row.duration_minutes,
        "endsAt": rfc3339(row.ends_at),
        "maxStudents": row.max_students,
        "status": row.status,
        "doorsOpenMinutes": row.doors_open_minutes,
        "waitlistEnabled": row.waitlist_enabled,
        "locked": row.locked,
        "instructor": {"id": row.instructor_id, "name": row.instructor_name},
        "startedAt": rfc3339(row.started_at) if row.started_at is not None else None,
        "endedAt": rfc3339(row.ended_at) if row.ended_at is not None else None,
    }


def estimated_wait_seconds(state: LiveClass, position: int) -> int | None:
    """How long the wait may be, at least 1: the place times the mean time that a promotion has taken of late, from the first
    of the latest 20 to the class's last event. None while all came in one go: that tells nothing of the next one."""
    times = state.promoted_at
    later = sum(at > times[0] + SECOND for at in times)
    if later == 0:
        return None
    return max(1, round(position * (state.at - times[0]) / later / SECOND))


def standing(state: LiveClass, user_id: UserId) -> dict[str, Any]:
    """Where this person stands: `seated` with a seat, `waitlisted` with a position, or `none`."""
    seat = state.seats.find(user_id)
    if seat is not None:
        return {"outcome": "seated", "seat": {"number": seat.number, "since": rfc3339(seat.since)}}
    if user_id in state.waitlist:
        position = state.waitlist.place(user_id)
        return {
            "outcome": "waitlisted",
            "position": position,
            "ticket": state.waitlist.find(user_id).ticket,  # type: ignore[union-attr] # it waits: asked one line above
            "estimatedWaitSeconds": estimated_wait_seconds(state, position),
        }
    return {"outcome": "none"}


def reply(state: LiveClass, ask: Ask, fresh_id: str) -> tuple[str, dict[str, Any]]:
    """What the caller of an accepted command is told: one word for the edges, and the result object."""
    command = ask.command
    if isinstance(command, c.TakeSeat):
        you = standing(state, ask.caller.user_id)
        return you["outcome"], {**you, "session": session_view(row_of(state))}
    if isinstance(command, c.Look):
        you = standing(state, ask.caller.user_id)
        return you["outcome"], {**session_view(row_of(state)), "you": you}
    if isinstance(command, c.Schedule | c.Revise | c.Cancel | c.Start | c.End | c.Lock | c.Unlock):
        return "done", session_view(row_of(state))
    if isinstance(command, c.PostChat):
        return "done", {"messageId": fresh_id}
    if isinstance(command, c.OpenPoll):
        return "done", {"pollId": fresh_id}
    if isinstance(command, c.StartRecording):  # one that changed nothing made no id up
        return "done", {"recordingId": fresh_id or state.recorded}
    if isinstance(command, c.OpenMedia):
        return "done", media.opened(state, ask.caller)
    if isinstance(command, c.CheckMedia):
        return "done", media.verdict(state, command)
    return "done", {}


def may_follow(state: LiveClass, caller: Caller, view: str, enrolled: bool) -> Refusal | None:
    """None when the caller may subscribe to this view of the class; otherwise why not."""
    if state.is_staff(caller):
        return None
    if view == STAFF:
        return Forbidden("follow what is for staff")
    user_id = caller.user_id
    if user_id in state.seats or (view != EVERYBODY and user_id in state.waitlist):
        return None
    if user_id in state.removed:
        return RemovedFromClass()
    if not (enrolled or state.is_inside(user_id)):
        return NotEnrolled(state.known.course_id)
    if state.status is Status.ENDED:
        return ClassEnded()
    return ClassCancelled() if state.status is Status.CANCELLED else NotSeated(user_id)


def snapshot(state: LiveClass, view: str, caller: Caller) -> dict[str, Any]:
    """The whole state of a topic for one subscriber."""
    session = session_view(row_of(state))
    if view == EVERYBODY:
        return {"session": session, **own_part(state, caller), **shared_part(state)}
    if view == STAFF:
        return {"session": session, **staff_part(state, caller)}
    return {
        "session": session,
        "you": standing(state, caller.user_id),
        "currentStudents": len(state.seats),
        "waitlisted": len(state.waitlist),
    }


def own_part(state: LiveClass, caller: Caller) -> dict[str, Any]:
    """The part of everybody's snapshot that is this subscriber's own; the session is a third."""
    room = Room(OWN_BYTES)
    return {
        "you": standing(state, caller.user_id),
        "polls": _polls(state, room, caller.user_id, EVERYBODY),
        "aside": room.take(_aside(state, caller.user_id))[::-1],
    }


def shared_part(state: LiveClass) -> dict[str, Any]:
    """The part of everybody's snapshot that all see alike. It moves only with an event that is told to everybody."""
    room = Room(SHARED_BYTES)
    stage, shown, recording = room.spend(_stage(state)), room.spend(_media(state)), room.spend(_recording(state))
    hands = room.take(_hands(state), _HAND_BYTES)
    muted = room.take(sorted(state.muted), _ID_BYTES)
    return {
        "locked": state.locked,
        "stage": stage,
        "media": shown,
        "recording": recording,
        "hands": hands,
        "muted": muted,
        "chat": room.take(map(_message, reversed(state.chat)))[::-1],
        "more": {"hands": len(state.hands) - len(hands), "muted": len(state.muted) - len(muted)},
    }


def staff_part(state: LiveClass, caller: Caller) -> dict[str, Any]:
    """The snapshot for staff without the session. `more` counts what there was no room for."""
    room = Room(STAFF_BYTES)
    stage = room.spend(_stage(state))
    polls = _polls(state, room, caller.user_id, STAFF)
    hands = room.take(_hands(state), _HAND_BYTES)
    muted = room.take(sorted(state.muted), _ID_BYTES)
    removed = room.take(sorted(state.removed), _ID_BYTES)
    seats = room.take(_seats(state), room.left - _WAITLIST_BYTES - _CHAT_BYTES)
    waitlist = room.take(_waitlist(state), room.left - _CHAT_BYTES)
    return {
        "seats": seats,
        "waitlist": waitlist,
        "stage": stage,
        "chat": room.take(map(_message, reversed(state.staff_chat)))[::-1],
        "hands": hands,
        "polls": polls,
        "muted": muted,
        "removed": removed,
        "more": {
            "seats": len(state.seats) - len(seats),
            "waitlist": len(state.waitlist) - len(waitlist),
            "hands": len(state.hands) - len(hands),
            "muted": len(state.muted) - len(muted),
            "removed": len(state.removed) - len(removed),
        },
    }


def _seats(state: LiveClass) -> Iterator[dict[str, Any]]:
    for seat in state.seats:
        yield {
            "userId": seat.user_id,
            "name": seat.name,
            "seat": seat.number,
            "since": rfc3339(seat.since),
            "connected": seat.user_id in state.connections,
        }


def _waitlist(state: LiveClass) -> Iterator[dict[str, Any]]:
    for place, waiter in enumerate(state.waitlist, start=1):
        yield {
            "userId": waiter.user_id,
            "name": waiter.name,
            "position": place,
            "ticket": waiter.ticket,
            "since": rfc3339(waiter.since),
            "connected": waiter.user_id in state.connections,
        }


def _stage(state: LiveClass) -> dict[str, Any]:
    return {"members": _named(state.stage), "invited": _named(state.invited)}


def _named(names: dict[UserId, str]) -> list[dict[str, Any]]:
    return [{"userId": user_id, "name": name} for user_id, name in names.items()]


def _media(state: LiveClass) -> dict[str, Any]:
    return {
        "generation": 0 if state.origin is None else state.origin.generation,
        "screen": written_person(state.shown.screen),
        "cameras": written_people(state.shown.cameras),
        "microphones": written_people(state.shown.microphones),
        "speakers": list(state.speakers),
    }


def _recording(state: LiveClass) -> dict[str, Any] | None:
    recording = state.recording
    return None if recording is None else {"recordingId": recording.recording_id, "since": rfc3339(recording.since)}


def _hands(state: LiveClass) -> Iterator[dict[str, Any]]:
    for user_id, hand in state.hands.items():
        yield {"userId": user_id, "name": hand.name, "raisedAt": rfc3339(hand.raised_at)}


def _aside(state: LiveClass, user_id: UserId) -> Iterator[dict[str, Any]]:
    """What this person said to staff or to somebody, and what was said to this person alone, the latest first."""
    said = [message for message in chain(state.staff_chat, state.aside) if user_id in (message.user_id, message.to)]
    said.sort(key=lambda message: message.at)
    return map(_message, reversed(said))


def _polls(state: LiveClass, room: Room, user_id: UserId, view: str) -> list[dict[str, Any]]:
    """In the order in which they were opened. When there is no room for all, open ones come before closed, then new before
    old."""
    latest = [*state.polls.items()][::-1]
    latest.sort(key=lambda item: not item[1].open)
    taken = {poll["pollId"]: poll for poll in room.take((_poll(*item, user_id, view) for item in latest), _POLL_BYTES)}
    return [taken[poll_id] for poll_id in state.polls if poll_id in taken]


def _message(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "userId": message.user_id,
        "name": message.name,
        "text": message.text,
        "to": message.to,
        "at": rfc3339(message.at),
    }


def _poll(poll_id: str, poll: Poll, user_id: UserId, view: str) -> dict[str, Any]:
    tally, votes = poll.told
    seen: dict[str, Any] = {
        "pollId": poll_id,
        "question": poll.question,
        "options": list(poll.options),
        "multiple": poll.multiple,
        "quiz": poll.quiz,
        "open": poll.open,
        "tally": list(tally),
        "votes": votes,
    }
    if view == STAFF or not poll.open:
        seen["correct"] = list(poll.correct)
    if user_id in poll.votes:
        seen["yourChoices"] = list(poll.votes[user_id])
    return seen
