"""One student and one class of the day: coming, talking, hands, a cut connection, leaving, coming back."""

from typing import Any
from uuid import uuid4

import msgspec

from loadtests.answers import SEATED, WAITLISTED, DoorAnswer, Frame
from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.scenario import Part
from loadtests.stage import now
from loadtests.tab import Tab
from loadtests.topic_watch import TopicWatch

_ATTENDING = 0.9
_THINK_SECONDS = 6.0
_AROUND_SECONDS = 0.5
_LATE_SECONDS = 10
_OVER = frozenset({"class_ended", "not_seated", "not_live", "forbidden"})
"""Refusals that are right around the end of a class."""


class _Visit:
    """A stay in one class, from coming to its end."""

    def __init__(self, person: Person, tab: Tab, part: Part, lesson: dict[str, Any]) -> None:
        self.person = person
        self.tab = tab
        self.student: str = part["student"]
        self.session: str = lesson["id"]
        self.start: float = lesson["start"]
        self.end: float = lesson["end"]
        over = part["over"]
        self.over_socket = over == "socket" or (over == "both" and person.chance.random() < 0.5)
        self.promoted = self._ended = False
        self.hand_up = False
        self.watches: list[TopicWatch] = []

    @property
    def ended(self) -> bool:
        """Whether the class is over for this student: told so, or turned away after a cut around its end."""
        turned_away = next((watch.refused for watch in self.watches if watch.refused), None)
        if turned_away and not self._ended and now() < self.end - _AROUND_SECONDS:
            raise BrokenPromise(f"{self.student} was turned away from {self.session} before its end: {turned_away}.")
        return self._ended or turned_away is not None

    def ask_for_a_seat(self, due: float) -> DoorAnswer:
        """At the door; seats and places are told to the verdict."""
        command_id = str(uuid4())
        if self.over_socket:
            answer = self.person.join_over_socket(self.tab, self.session, command_id, due)
        else:
            answer = self.person.join_over_rest(self.session, command_id, due)
        if answer.outcome in (SEATED, WAITLISTED):
            self.person.tell("told", self.session, self.student, answer.outcome, answer.number)
        elif answer.reason != "class_ended" or now() < self.end - _AROUND_SECONDS:
            raise BrokenPromise(f"{self.student} was refused at {self.session}: {answer.reason}.")
        return answer

    def follow(self, topic: str) -> bool:
        """Whether the topic may be followed; around the end it may not."""
        watch = TopicWatch(topic, self._on_event, self._on_snapshot)
        refused = self.tab.follow(watch)
        if refused is not None:
            self._must_be_over(refused)
            return False
        self.watches.append(watch)
        return True

    def command(self, name: str, due: float, **arguments: Any) -> Frame:
        """Do something; a refusal is right only around the end."""
        reply = self.tab.command(name, {"sessionId": self.session, **arguments}, str(uuid4()), due)
        if not reply.ok:
            self._must_be_over(reply)
        return reply

    def go(self) -> None:
        """Look at the class no more, and tell what was seen of it."""
        for watch in self.watches:
            self.tab.unfollow(watch.topic)
            self.person.tell_marks(watch)
        self.watches.clear()
        self.hand_up = False

    def _must_be_over(self, reply: Frame) -> None:
        reason = reply.error.error_code if reply.error is not None else ""
        if reason == "not_live" and now() < self.start + _LATE_SECONDS:
            return  # students are there before the instructor has pressed the button
        if not self._ended and (reason not in _OVER or now() < self.end - _AROUND_SECONDS):
            raise BrokenPromise(f"{self.student} was refused in {self.session} before its end: {reply.error}.")
        self._ended = True

    def _on_snapshot(self, snapshot: Any) -> None:
        session = (snapshot or {}).get("session")
        if session is not None and session["status"] == "ended":  # it ended while the connection was cut
            self._ended = True

    def _on_event(self, kind: str, data: Any) -> None:
        if kind == "session.ended":
            self._ended = True
        elif kind == "seat.promoted" and data.get("sessionId") == self.session:
            self.promoted = True
            self.person.tell("told", self.session, self.student, SEATED, data["seat"]["number"])


def visit_lesson(person: Person, tab: Tab, part: Part, lesson: dict[str, Any]) -> None:
    """Come to a class or not, and be back before the next one."""
    visit = _Visit(person, tab, part, lesson)
    length = lesson["end"] - lesson["start"]
    due = lesson["start"] + min(person.chance.expovariate(4 / length), 0.7 * length)
    if person.chance.random() < _ATTENDING:
        person.wait_for(due)
        left = _stay(visit, due)
        if left and person.chance.random() < 0.6 and not visit.ended:  # gone too soon: back again, at the end of the queue
            due = now() + person.chance.uniform(0.2, 2)
            person.wait_for(due)
            _stay(visit, due)
    person.wait_for(lesson["end"])


def _stay(visit: _Visit, due: float) -> bool:
    """Whether the student left of their own will: seat or place are given back, and the next answer is a new one."""
    # Told of a promotion on one's own topic, which must be followed before one may be promoted
    visit.promoted = False
    own = f"user:{visit.student}"
    if not visit.follow(own):
        return False
    answer, left = visit.ask_for_a_seat(due), False
    if answer.outcome == WAITLISTED:
        left = _wait(visit)
    seated = answer.outcome == SEATED or (visit.promoted and not left)
    if seated and not visit.ended and visit.follow(f"live:{visit.session}"):
        left = _take_part(visit)
    visit.go()
    return left


def _wait(visit: _Visit) -> bool:
    """Until a seat came or the student's patience ended: then the student left."""
    if not visit.promoted:
        visit.follow(f"live:{visit.session}:queue")
    patience = visit.end - now() if visit.person.chance.random() < 0.8 else visit.person.chance.uniform(1, 5)
    visit.tab.wait_until(lambda: visit.promoted or visit.ended, max(0.0, min(patience, visit.end + 10 - now())))
    if not visit.promoted and not visit.ended and now() < visit.end - 0.5:
        visit.command("session.leave", now())
        return True  # also when the seat came in this very moment: it was given back
    return False


def _take_part(visit: _Visit) -> bool:
    """Talk, raise a hand, lose the connection now and then, and perhaps leave before the end: whether the student left."""
    chance = visit.person.chance
    leaves_at = visit.end if chance.random() < 0.7 else now() + chance.uniform(1, 8)
    due = now()
    while (due := due + chance.expovariate(1 / _THINK_SECONDS)) < min(leaves_at, visit.end):
        visit.tab.wait_until(lambda: visit.ended, due - now())
        if visit.ended:
            return False
        _do_something(visit, due)
    if leaves_at < visit.end:
        visit.tab.wait_until(lambda: visit.ended, leaves_at - now())
        if visit.ended:
            return False
        visit.command("session.leave", leaves_at)
        return True
    visit.tab.wait_until(lambda: visit.ended, visit.end + 20 - now())
    if not visit.ended:
        raise BrokenPromise(f"{visit.student} was not told of the end of {visit.session}.")
    return False


def _do_something(visit: _Visit, due: float) -> None:
    what = visit.person.chance.random()
    if what < 0.45:
        reply = visit.command("chat.post", due, text="I have a question about that, may I?")
        if reply.ok:
            visit.person.tell("said", visit.session, _message_id(reply))
    elif what < 0.7:
        visit.command("hand.lower" if visit.hand_up else "hand.raise", due)
        visit.hand_up = not visit.hand_up
    elif what < 0.9:
        visit.command("reaction.send", due, emoji="👍")
    else:
        visit.tab.cut()


def _message_id(reply: Frame) -> str:
    return str(msgspec.json.decode(reply.result)["messageId"])
