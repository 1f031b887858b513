"""class_start: students go for the seats of one class, evenly over the seconds given, with second tabs, impatience and cuts.

Arrivals are an open loop: each student is due at a moment of their own and waits for nobody else's answer.
"""

import random
from typing import Any

import gevent

from loadtests.answers import SEATED, DoorAnswer
from loadtests.person import Person
from loadtests.promises import Asked, BrokenPromise, Tally
from loadtests.scenario import CannotStart, Needs, Part, Plan, Scenario, Setting
from loadtests.stage import Fact, now
from loadtests.tab import Tab
from loadtests.topic_watch import SharedTopics, TopicWatch
from loadtests.watching import must_follow

_HABITS = ("calm", "second tab", "impatient", "calm", "cut", "calm", "calm", "second tab", "calm", "calm")
_SEATS_A_STUDENT = 5
_FOLLOWS_EACH = 10  # every tenth stays to watch: all of them would make a test of fan-out out of this
_JOIN = "/api/live-sessions/{}"


class _Verdict:
    def __init__(self, setting: Setting, capacity: int, students: int) -> None:
        self._setting = setting
        self._students = students
        self._tally = Tally(capacity, setting.clocks_apart)
        self._topics = SharedTopics()
        self._asked = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["answer", student_id, outcome, number, reason, sent, answered]:
                self._asked += 1
                self._tally.note(student_id, DoorAnswer(outcome, number, reason), Asked(sent, answered))
            case ["marks", topic, offsets, marks, *_]:
                self._topics.compare(topic, offsets, marks)
            case _:
                raise ValueError(f"class_start does not know {fact[0]!r}.")

    def close(self) -> str:
        tally, prepared = self._tally, self._setting.prepared
        tally.close(self._students)
        told = self._setting.site.ask("GET", _JOIN.format(prepared.session_id), prepared.instructor_token)
        counted = told["currentStudents"], told["waitlisted"]
        if counted != (tally.seated, tally.waiting):
            raise BrokenPromise(
                f"The class counts {counted[0]} seated and {counted[1]} waiting; "
                f"the door said {tally.seated} and {tally.waiting}."
            )
        if self._students > 1 and self._topics.events == 0:
            raise BrokenPromise("Students watched the class fill, and not one was told of anything.")
        return (
            f"{tally.seated} seated, {tally.waiting} waiting, in order and without a hole; {self._asked} answers to "
            f"{self._students} students agree, and {self._topics.events} events were seen alike by all who watched."
        )


def _needs(users: int) -> Needs:
    return Needs(users, max(1, users // _SEATS_A_STUDENT))


def _plan(setting: Setting) -> Plan:
    prepared = setting.prepared
    told = setting.site.ask("GET", _JOIN.format(prepared.session_id), prepared.instructor_token)
    must_be_empty(told)
    capacity = int(told["maxStudents"])
    students = list(prepared.students[: setting.users])
    random.shuffle(students)
    start = setting.begin()
    parts: list[Part] = [
        {
            "student": student.id,
            "token": student.token,
            "session": prepared.session_id,
            "due": start + setting.seconds * number / len(students),
            "habit": _HABITS[number % len(_HABITS)],
            "socket": setting.over == "socket" or (setting.over == "both" and number // 2 % 2 == 0),
            "follows": number % _FOLLOWS_EACH == 0,
            "until": start + setting.seconds + 1,
        }
        for number, student in enumerate(students)
    ]
    sentence = f"{len(students)} students will ask for {capacity} seats within {setting.seconds:g} s over {setting.over}."
    return Plan(parts, _Verdict(setting, capacity, len(students)), sentence)


def must_be_empty(told: dict[str, Any]) -> None:
    """A class can be stormed once: seats are taken afterwards. Raises CannotStart."""
    if told["currentStudents"] or told["waitlisted"]:
        raise CannotStart(
            f"{told['currentStudents']} students are in this class and {told['waitlisted']} wait: prepare another one."
        )


def _play(person: Person, part: Part) -> None:
    """Come with a tab that is open already (socket) or opens after the answer (REST); some ask in a second tab, too."""
    session, due = part["session"], part["due"]
    tab = person.new_tab()
    second = person.new_tab() if part["habit"] == "second tab" else None
    if part["socket"]:
        tab.open()
    if second is not None:
        second.open()
    person.wait_for(due)
    other = gevent.spawn(_ask_in, person, part, second, "second") if second is not None else None
    if part["socket"]:
        answer = _ask_in(person, part, tab, "first")
    else:
        answer = _ask_over_rest(person, part)
        tab.open()
        _tell(
            person, part, now(), person.join_over_socket(tab, session, f"{part['student']}-in", label="come in after REST")
        )
    if other is not None:
        _finished(other)
    if part["follows"]:
        watch = TopicWatch(f"live:{session}" if answer.outcome == SEATED else f"live:{session}:queue")
        must_follow(tab, watch)
        tab.stay(part["until"] - now())
        person.tell_marks(watch)


def _finished(other: "gevent.Greenlet[..., DoorAnswer]") -> None:
    """Wait until it has done its part. Raises what it raised."""
    other.join()
    if other.exception is not None:
        raise other.exception


def _ask_in(person: Person, part: Part, tab: Tab, which: str) -> DoorAnswer:
    session, command_id, sent = part["session"], f"{part['student']}-{which}", now()
    if which == "first" and part["habit"] == "cut":  # the question leaves, the answer is lost on the way
        tab.send_blind("session.join", {"sessionId": session}, command_id)
        gevent.sleep(person.chance.uniform(0, 0.05))
        tab.cut()
    click = None
    if which == "first" and part["habit"] == "impatient":  # a second click on a button that did not answer at once
        click = gevent.spawn(_ask_in, person, part, tab, "again")
    answer = _tell(person, part, sent, person.join_over_socket(tab, session, command_id, part["due"]))
    if click is not None:
        _finished(click)
    return answer


def _ask_over_rest(person: Person, part: Part) -> DoorAnswer:
    key, sent = f"{part['student']}-first", now()
    answer = _tell(person, part, sent, person.join_over_rest(part["session"], key, part["due"]))
    if part["habit"] in ("cut", "impatient"):  # the answer was lost: the browser asks again with the same key
        _tell(person, part, now(), person.join_over_rest(part["session"], key))
    return answer


def _tell(person: Person, part: Part, sent: float, answer: DoorAnswer) -> DoorAnswer:
    person.tell("answer", part["student"], answer.outcome, answer.number, answer.reason, sent, now())
    return answer


SCENARIO = Scenario(
    "class_start",
    "students within seconds on the seats of one class, with second tabs, impatience and cuts",
    10,
    frozenset({"join over the socket", "join over REST"}),
    _needs,
    _plan,
    _play,
)
