"""reconnect_storm: a full class loses all its sockets at once, more than once; everybody comes back and misses nothing."""

from typing import Any
from uuid import uuid4

import msgspec

from loadtests.answers import SEATED, DoorAnswer
from loadtests.person import Person
from loadtests.promises import BrokenPromise, Tally
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.scenarios.class_start import must_be_empty
from loadtests.stage import Fact, now
from loadtests.tab import Tab
from loadtests.topic_watch import SharedTopics, TopicWatch
from loadtests.watching import must_follow

_COMING_SECONDS = 8.0
_CUTS = 3
_MESSAGES_A_SECOND = 2.0
_LAST_WORD = "That was all for today."
_PATIENCE_SECONDS = 60


class _Verdict:
    def __init__(self, students: int, capacity: int) -> None:
        self._students = students
        self._tally = Tally(capacity)
        self._topics = SharedTopics()
        self._said: list[str] = []
        self._heard: list[tuple[set[str], bool]] = []
        self._resumed = self._snapshots = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["answer", student_id, outcome, number, reason]:
                self._tally.note(student_id, DoorAnswer(outcome, number, reason))
            case ["said", messages]:
                self._said = messages
            case ["heard", messages, without_snapshot]:
                self._heard.append((set(messages), without_snapshot))
                if len(self._heard[-1][0]) != len(messages):
                    raise BrokenPromise("A message came twice to one student.")
            case ["marks", topic, offsets, marks, resumed, snapshots]:
                self._topics.compare(topic, offsets, marks)
                self._resumed += resumed
                self._snapshots += snapshots - 1
            case _:
                raise ValueError(f"reconnect_storm does not know {fact[0]!r}.")

    def close(self) -> str:
        self._tally.close(self._students)
        if len(self._heard) != self._students or not self._said:
            raise BrokenPromise(f"{len(self._heard)} of {self._students} students heard the class to its end.")
        for heard, without_snapshot in self._heard:
            lost = [each for each in self._said if each not in heard]
            if lost and without_snapshot:  # a snapshot holds the latest messages only
                raise BrokenPromise(f"Message {lost[0]} did not reach everybody ({len(lost)} of {len(self._said)} lost).")
        return (
            f"{self._students} students kept their seats over {_CUTS} cuts and saw {self._topics.events} events alike "
            f"without gap or repeat; {self._resumed} returns were resumed, {self._snapshots} had a snapshot instead."
        )


def _needs(users: int) -> Needs:
    return Needs(max(1, users - 1), max(1, users - 1))


def _plan(setting: Setting) -> Plan:
    prepared = setting.prepared
    class_now = setting.site.ask("GET", f"/api/live-sessions/{prepared.session_id}", prepared.instructor_token)
    must_be_empty(class_now)
    capacity, start = int(class_now["maxStudents"]), setting.begin()
    students = prepared.students[: min(setting.users - 1, capacity)]
    after = start + _COMING_SECONDS
    gap = max(1.0, (setting.seconds - _COMING_SECONDS) / (_CUTS + 1))
    cuts = [after + gap * (number + 0.5) for number in range(_CUTS)]
    shared = {"session": prepared.session_id, "until": start + setting.seconds}
    parts: list[Part] = [{**shared, "role": "instructor", "token": prepared.instructor_token, "from": after}]
    parts += [
        {
            **shared,
            "role": "student",
            "student": student.id,
            "token": student.token,
            "due": start + _COMING_SECONDS * number / len(students),
            "cuts": cuts,
        }
        for number, student in enumerate(students)
    ]
    return Plan(
        parts,
        _Verdict(len(students), capacity),
        f"{len(students)} students will lose their sockets {_CUTS} times, all at once.",
    )


def _play(person: Person, part: Part) -> None:
    if part["role"] == "instructor":
        _teach(person, part)
    else:
        _attend(person, part)


def _teach(person: Person, part: Part) -> None:
    """Go on talking, whoever is there to hear it."""
    session = part["session"]
    tab = person.new_tab()
    tab.open()
    said: list[str] = []
    heard: list[str] = []
    watch = TopicWatch(
        f"live:{session}", lambda kind, data: heard.append(data["messageId"]) if kind == "chat.posted" else None
    )
    must_follow(tab, watch)
    due = part["from"]
    while due < part["until"]:
        tab.stay(due - now())
        said.append(_say(person, tab, session, f"Now for number {len(said) + 1}.", due))
        due += 1 / _MESSAGES_A_SECOND
    tab.stay(due - now())
    said.append(_say(person, tab, session, _LAST_WORD, due))
    tab.wait_until(lambda: len(heard) >= len(said), _PATIENCE_SECONDS)
    if heard != said:
        raise BrokenPromise(f"{len(said)} messages were posted and {len(heard)} told, or in another order.")
    person.tell("said", said)
    person.tell_marks(watch)


def _say(person: Person, tab: Tab, session: str, text: str, due: float) -> str:
    reply = tab.command("chat.post", {"sessionId": session, "text": text}, str(uuid4()), due)
    if not reply.ok:
        raise BrokenPromise(f"A message of the instructor was refused: {reply.error}.")
    return str(msgspec.json.decode(reply.result)["messageId"])


def _attend(person: Person, part: Part) -> None:
    """Take a seat, lose every connection at the moment when all do, and hear the last word."""
    session = part["session"]
    tab = person.new_tab()
    person.wait_for(part["due"])
    tab.open(part["due"])
    _ask(person, tab, part)
    heard: list[str] = []
    texts: list[str] = []

    def on_event(kind: str, data: Any) -> None:
        if kind == "chat.posted":
            heard.append(data["messageId"])
            texts.append(data["text"])

    def on_snapshot(snapshot: Any) -> None:
        # What was said before one came stands in the snapshot; it does not come again as an event
        heard.extend(each["messageId"] for each in snapshot["chat"] if each["messageId"] not in heard)
        texts.extend(each["text"] for each in snapshot["chat"])

    watch = TopicWatch(f"live:{session}", on_event, on_snapshot)
    must_follow(tab, watch)
    for cut in part["cuts"]:
        tab.stay(cut - now())
        tab.cut(cut)
    patience = part["until"] + _PATIENCE_SECONDS - now()
    if not tab.wait_until(lambda: _LAST_WORD in texts[-1:], patience):
        raise BrokenPromise(f"{part['student']} did not hear the last word within {_PATIENCE_SECONDS} s.")
    if not tab.came_back:  # a cut may fall into a return that is under way: then one return answers two cuts
        raise BrokenPromise(f"{part['student']} never came back after {len(part['cuts'])} cuts.")
    _ask(person, tab, part)
    person.tell("heard", heard, watch.snapshots == 1)
    person.tell_marks(watch)


def _ask(person: Person, tab: Tab, part: Part) -> None:
    answer = person.join_over_socket(tab, part["session"], str(uuid4()))
    if answer.outcome != SEATED:
        raise BrokenPromise(f"{part['student']} has no seat in a class with seats for all: {answer}.")
    person.tell("answer", part["student"], answer.outcome, answer.number, answer.reason)


SCENARIO = Scenario(
    "reconnect_storm",
    "a full class loses all sockets at once, three times, and misses nothing",
    40,
    frozenset({"come back"}),
    _needs,
    _plan,
    _play,
)
