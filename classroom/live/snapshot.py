"""The whole state of a class as one JSON-ready object, and back: what recovery starts from."""

from collections import OrderedDict, deque
from dataclasses import asdict, fields
from typing import Any

from classroom.ids import ConnectionId, MessageId, PollId, RecordingId, SessionId, UserId
from classroom.live.codec import people, person, written_people, written_person
from classroom.live.seats import Seat, Seats
from classroom.live.state import (
    CHAT_KEPT,
    Hand,
    LiveClass,
    Message,
    Offsets,
    Origin,
    Plan,
    Poll,
    Recording,
    Shown,
    Status,
    Stay,
)
from classroom.live.waitlist import Waiter, Waitlist
from classroom.times import SECOND, Moment

_PLAIN = ("started_at", "ended_at", "ends_at", "warned", "locked", "counts_told", "told_at", "at")


def save(state: LiveClass) -> dict[str, Any]:
    """Everything but the remembered answers, which the log holds."""
    return {
        **{name: getattr(state, name) for name in _PLAIN},
        "session_id": state.session_id,
        "plan": asdict(state.plan) if state.plan is not None else None,
        "status": state.status.value,
        "seats": [[seat.user_id, seat.name, seat.number, seat.since] for seat in state.seats],
        "waitlist": [[waiter.user_id, waiter.name, waiter.ticket, waiter.since] for waiter in state.waitlist],
        "next_ticket": state.waitlist.next_ticket,
        "connections": {user_id: sorted(held) for user_id, held in state.connections.items()},
        "lost": list(state.lost.items()),
        "stays": {
            user_id: [stay.ordinal, stay.joined_at, stay.left_at, stay.reason] for user_id, stay in state.stays.items()
        },
        "removed": sorted(state.removed),
        "muted": sorted(state.muted),
        "chat": [_save_message(message) for message in state.chat],
        "staff_chat": [_save_message(message) for message in state.staff_chat],
        "aside": [_save_message(message) for message in state.aside],
        "hands": [[user_id, hand.name, hand.raised_at] for user_id, hand in state.hands.items()],
        "polls": [[poll_id, _save_poll(poll)] for poll_id, poll in state.polls.items()],
        "stage": list(state.stage.items()),
        "invited": list(state.invited.items()),
        "origin": None if state.origin is None else [getattr(state.origin, field.name) for field in fields(Origin)],
        "shown": _save_shown(state.shown),
        "speakers": list(state.speakers),
        "recording": None if state.recording is None else [state.recording.recording_id, state.recording.since],
        "recorded": state.recorded,
        "promoted_at": list(state.promoted_at),
        "offsets": [state.offsets.log, state.offsets.everybody, state.offsets.staff, state.offsets.queue],
    }


def load(saved: dict[str, Any], grace: int = 60 * SECOND) -> LiveClass:
    """The class as it was when saved."""
    plan = saved["plan"]
    return LiveClass(
        session_id=SessionId(saved["session_id"]),
        grace=grace,
        plan=Plan(**plan) if plan is not None else None,
        status=Status(saved["status"]),
        **{name: saved[name] for name in _PLAIN},
        seats=Seats(Seat(UserId(user_id), name, number, Moment(at)) for user_id, name, number, at in saved["seats"]),
        waitlist=Waitlist(
            (Waiter(UserId(user_id), name, ticket, Moment(at)) for user_id, name, ticket, at in saved["waitlist"]),
            saved["next_ticket"],
        ),
        connections={
            UserId(user_id): {ConnectionId(held) for held in connections}
            for user_id, connections in saved["connections"].items()
        },
        lost=OrderedDict((UserId(user_id), Moment(at)) for user_id, at in saved["lost"]),
        stays={UserId(user_id): Stay(*stay) for user_id, stay in saved["stays"].items()},
        removed={UserId(user_id) for user_id in saved["removed"]},
        muted={UserId(user_id) for user_id in saved["muted"]},
        chat=deque((_load_message(message) for message in saved["chat"]), maxlen=CHAT_KEPT),
        staff_chat=deque((_load_message(message) for message in saved["staff_chat"]), maxlen=CHAT_KEPT),
        aside=deque((_load_message(message) for message in saved.get("aside", ())), maxlen=CHAT_KEPT),
        hands={UserId(user_id): Hand(name, Moment(at)) for user_id, name, at in saved["hands"]},
        polls={PollId(poll_id): _load_poll(poll) for poll_id, poll in saved["polls"]},
        stage={UserId(user_id): name for user_id, name in saved.get("stage", ())},
        invited={UserId(user_id): name for user_id, name in saved.get("invited", ())},
        origin=Origin(*saved["origin"]) if saved.get("origin") else None,
        shown=_load_shown(saved["shown"]) if "shown" in saved else Shown(),
        speakers=tuple(UserId(user_id) for user_id in saved.get("speakers", ())),
        recording=_load_recording(saved.get("recording")),
        recorded=saved.get("recorded"),
        promoted_at=deque((Moment(at) for at in saved["promoted_at"]), maxlen=20),
        offsets=Offsets(*saved["offsets"]),
    )


def _save_message(message: Message) -> list[Any]:
    return [getattr(message, field.name) for field in fields(Message)]


def _load_message(saved: list[Any]) -> Message:
    message_id, user_id, name, text, to, at = saved
    return Message(MessageId(message_id), UserId(user_id), name, text, to, Moment(at))


def _save_shown(shown: Shown) -> dict[str, Any]:
    return {
        "screen": written_person(shown.screen),
        "cameras": written_people(shown.cameras),
        "microphones": written_people(shown.microphones),
    }


def _load_shown(saved: dict[str, Any]) -> Shown:
    return Shown(person(saved["screen"]), people(saved["cameras"]), people(saved["microphones"]))


def _load_recording(saved: list[Any] | None) -> Recording | None:
    return None if saved is None else Recording(RecordingId(saved[0]), Moment(saved[1]))


def _save_poll(poll: Poll) -> dict[str, Any]:
    return {
        "question": poll.question,
        "options": list(poll.options),
        "multiple": poll.multiple,
        "quiz": poll.quiz,
        "correct": list(poll.correct),
        "open": poll.open,
        "votes": {user_id: list(choices) for user_id, choices in poll.votes.items()},
        "tally": list(poll.tally),
        "told": [list(poll.told[0]), poll.told[1]],
    }


def _load_poll(saved: dict[str, Any]) -> Poll:
    return Poll(
        question=saved["question"],
        options=tuple(saved["options"]),
        multiple=saved["multiple"],
        quiz=saved["quiz"],
        correct=tuple(saved["correct"]),
        open=saved["open"],
        votes={UserId(user_id): tuple(choices) for user_id, choices in saved["votes"].items()},
        tally=list(saved["tally"]),
        told=(tuple(saved["told"][0]), saved["told"][1]),
    )
