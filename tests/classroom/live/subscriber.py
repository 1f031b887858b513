"""A subscriber's picture of a topic: a snapshot, and every publication after it. What a browser does, in Python."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from classroom.callers import Caller
from classroom.live.publications import QUEUE
from classroom.live.state import CHAT_KEPT, POLLS_KEPT
from classroom.times import MINUTE, Moment, from_datetime, rfc3339
from tests.classroom.live.room import Told

Picture = dict[str, Any]


@dataclass
class Subscriber:
    """Follows one view from `offset` on."""

    view: str
    caller: Caller
    picture: Picture
    offset: int

    @classmethod
    def entering(cls, view: str, caller: Caller, snapshot: Picture, offset: int) -> "Subscriber":
        """With a snapshot of now."""
        return cls(view, caller, copy.deepcopy(snapshot), offset)

    def hear(self, told: Told) -> None:
        """The next publication. Any other is a gap or a repeat."""
        assert told.offset == self.offset + 1
        self.offset = told.offset
        move = (_QUEUE.get(told.type) if self.view == QUEUE else None) or _MOVES[told.type]
        move(self.picture, told.data, rfc3339(told.at))


def comparable(view: str, picture: Picture) -> Picture:
    """The part of a snapshot that its topic tells of: one's own seat, the guessed waiting time and what was said aside are
    told elsewhere."""
    picture = copy.deepcopy(picture)
    picture.pop("aside", None)
    you = picture.pop("you", None)
    if view == QUEUE and you is not None:
        picture["position"] = you.get("position")
    for poll in picture.get("polls", []):
        poll.pop("yourChoices", None)
    return picture


def _revised(picture: Picture, data: Any, at: str) -> None:
    session = picture["session"]
    session["title"] = data["title"]
    session["startTime"] = data["startsAt"]
    session["durationMinutes"] = data["durationMinutes"]
    session["doorsOpenMinutes"] = data["doorsOpenMinutes"]
    session["waitlistEnabled"] = data["waitlistEnabled"]
    begin = _moment(session["startedAt"] or session["startTime"])
    session["endsAt"] = rfc3339(Moment(begin + session["durationMinutes"] * MINUTE))


def _moment(text: str) -> Moment:
    return from_datetime(datetime.fromisoformat(text))


def _capacity(picture: Picture, data: Any, at: str) -> None:
    picture["session"]["maxStudents"] = data["maxStudents"]


def _started(picture: Picture, data: Any, at: str) -> None:
    picture["session"].update(status="live", startedAt=at, endsAt=data["endsAt"])


def _ended(picture: Picture, data: Any, at: str) -> None:
    picture["session"].update(status="ended", endedAt=data["endedAt"], endsAt=data["endedAt"])
    _emptied(picture)


def _cancelled(picture: Picture, data: Any, at: str) -> None:
    picture["session"].update(status="cancelled")
    _emptied(picture)


def _emptied(picture: Picture) -> None:
    for name in ("seats", "waitlist", "hands"):
        if name in picture:
            picture[name] = []
    if "stage" in picture:
        assert picture["stage"]["members"] == [], "who was on the stage was not told to leave"
        picture["stage"]["invited"] = []
    if "media" in picture:
        picture["media"].update(_NOTHING_SHOWN)
        assert picture["recording"] is None, "the recording was not told to be over"
    if "you" in picture:
        picture["you"] = {"outcome": "none"}
    _count(picture, {"currentStudents": 0, "waitlisted": 0}, "")


def _count(picture: Picture, data: Any, at: str) -> None:
    picture["session"].update(data)
    if "currentStudents" in picture:
        picture.update(data)


def _lock(locked: bool) -> Callable[[Picture, Any, str], None]:
    def move(picture: Picture, data: Any, at: str) -> None:
        picture["session"]["locked"] = locked
        if "locked" in picture:
            picture["locked"] = locked

    return move


def _nothing(picture: Picture, data: Any, at: str) -> None:
    pass


def _posted(picture: Picture, data: Any, at: str) -> None:
    picture["chat"] = [*picture["chat"], {**data, "at": at}][-CHAT_KEPT:]


def _unposted(picture: Picture, data: Any, at: str) -> None:
    picture["chat"] = [message for message in picture["chat"] if message["messageId"] != data["messageId"]]


def _raised(picture: Picture, data: Any, at: str) -> None:
    picture["hands"].append({**data, "raisedAt": at})


def _without(name: str) -> Callable[[Picture, Any, str], None]:
    def move(picture: Picture, data: Any, at: str) -> None:
        picture[name] = [entry for entry in picture[name] if entry["userId"] != data["userId"]]

    return move


def _opened(picture: Picture, data: Any, at: str) -> None:
    polls = picture["polls"]
    if len(polls) >= POLLS_KEPT:
        polls.remove(next(poll for poll in polls if not poll["open"]))
    polls.append({**data, "open": True, "tally": [0] * len(data["options"]), "votes": 0})


def _tallied(picture: Picture, data: Any, at: str) -> None:
    _poll(picture, data).update(tally=data["tally"], votes=data["votes"])


def _closed(picture: Picture, data: Any, at: str) -> None:
    _poll(picture, data).update(open=False, tally=data["tally"], votes=data["votes"], correct=data["correct"])


def _poll(picture: Picture, data: Any) -> Any:
    return next(poll for poll in picture["polls"] if poll["pollId"] == data["pollId"])


def _muted(picture: Picture, data: Any, at: str) -> None:
    picture["muted"] = sorted({*picture["muted"], data["userId"]})


def _unmuted(picture: Picture, data: Any, at: str) -> None:
    picture["muted"] = sorted({*picture["muted"]} - {data["userId"]})


def _removed(picture: Picture, data: Any, at: str) -> None:
    if data["ban"] and "removed" in picture:
        picture["removed"] = sorted({*picture["removed"], data["userId"]})


def _seat_taken(picture: Picture, data: Any, at: str) -> None:
    picture["seats"].append({**data, "since": at})


def _queued(picture: Picture, data: Any, at: str) -> None:
    picture["waitlist"].append({**data, "since": at})


def _promoted(picture: Picture, data: Any, at: str) -> None:
    head = picture["waitlist"][0]
    assert head["userId"] == data["userId"], "not the head of the queue"
    assert head["ticket"] == data["ticket"]
    _left(picture, data, at)
    picture["seats"].append(
        {
            "userId": data["userId"],
            "name": data["name"],
            "seat": data["seat"],
            "since": at,
            "connected": head["connected"],
        }
    )


def _left(picture: Picture, data: Any, at: str) -> None:
    kept = [entry for entry in picture["waitlist"] if entry["userId"] != data["userId"]]
    picture["waitlist"] = [{**entry, "position": place} for place, entry in enumerate(kept, start=1)]


def _presence(connected: bool) -> Callable[[Picture, Any, str], None]:
    def move(picture: Picture, data: Any, at: str) -> None:
        for entry in (*picture["seats"], *picture["waitlist"]):
            if entry["userId"] == data["userId"]:
                entry["connected"] = connected

    return move


def _invited(picture: Picture, data: Any, at: str) -> None:
    picture["stage"]["invited"].append(data)


def _on_stage(picture: Picture, data: Any, at: str) -> None:
    _uninvited(picture, data, at)
    picture["stage"]["members"].append(data)


def _uninvited(picture: Picture, data: Any, at: str) -> None:
    _without("invited")(picture["stage"], data, at)


def _off_stage(picture: Picture, data: Any, at: str) -> None:
    _without("members")(picture["stage"], data, at)


_NOTHING_SHOWN: Picture = {"screen": None, "cameras": [], "microphones": [], "speakers": []}


def _media_placed(picture: Picture, data: Any, at: str) -> None:
    assert data["generation"] > picture["media"]["generation"]
    picture["media"] = {"generation": data["generation"], **_NOTHING_SHOWN}


def _media(picture: Picture, data: Any, at: str) -> None:
    picture["media"].update(data)


def _recording(picture: Picture, data: Any, at: str) -> None:
    assert picture["recording"] is None, "two recordings at once"
    picture["recording"] = {"recordingId": data["recordingId"], "since": at}


def _not_recording(picture: Picture, data: Any, at: str) -> None:
    assert picture["recording"]["recordingId"] == data["recordingId"]
    picture["recording"] = None


def _advanced(picture: Picture, data: Any, at: str) -> None:
    you = picture["you"]
    if you["outcome"] != "waitlisted":
        return
    if data["ticket"] == you["ticket"]:
        picture["you"] = {"outcome": "unknown"}
    elif data["ticket"] < you["ticket"]:
        you["position"] -= 1


_MOVES: dict[str, Callable[[Picture, Any, str], None]] = {
    "session.revised": _revised,
    "capacity.changed": _capacity,
    "session.started": _started,
    "session.ending": _nothing,
    "session.ended": _ended,
    "session.cancelled": _cancelled,
    "session.locked": _lock(locked=True),
    "session.unlocked": _lock(locked=False),
    "count.changed": _count,
    "chat.posted": _posted,
    "chat.removed": _unposted,
    "hand.raised": _raised,
    "hand.lowered": _without("hands"),
    "reaction.sent": _nothing,
    "poll.opened": _opened,
    "poll.tallied": _tallied,
    "poll.closed": _closed,
    "member.muted": _muted,
    "member.unmuted": _unmuted,
    "member.removed": _removed,
    "seat.taken": _seat_taken,
    "seat.promoted": _promoted,
    "seat.released": _without("seats"),
    "waitlist.joined": _queued,
    "waitlist.left": _left,
    "stage.invited": _invited,
    "stage.declined": _uninvited,
    "stage.joined": _on_stage,
    "stage.left": _off_stage,
    "media.placed": _media_placed,
    "media.changed": _media,
    "media.speaking": _media,
    "recording.started": _recording,
    "recording.stopped": _not_recording,
    "presence.connected": _presence(connected=True),
    "presence.lost": _presence(connected=False),
}
_QUEUE: dict[str, Callable[[Picture, Any, str], None]] = {"waitlist.advanced": _advanced}
