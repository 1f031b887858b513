"""class_day: many instructors start and end one class after the other; students come, talk, leave, come back."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from loadtests.answers import SEATED, WAITLISTED
from loadtests.person import Person
from loadtests.prepared import PreparedClass
from loadtests.promises import BrokenPromise
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.scenarios.lesson_visits import visit_lesson
from loadtests.stage import Fact, now
from loadtests.tab import Tab
from loadtests.topic_watch import SharedTopics, TopicWatch
from loadtests.watching import StaffWatch, must_follow, present_in, read_timeline

_STUDENTS_A_CLASS = 40
_LESSONS = 3
_BREAK_SECONDS = 3.0
_SEATS = 0.6  # of the students: so that there is a waitlist, and places move
_END_SECONDS = 20


@dataclass
class Story:
    """A class as the record tells it: seats and places by student, and the messages."""

    seats: set[tuple[str, int]] = field(default_factory=set)
    places: set[tuple[str, int]] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)


def story_of(events: list[dict[str, Any]]) -> Story:
    """What the events of a timeline say."""
    story = Story()
    for event in events:
        data = event["data"]
        match event["type"]:
            case "seat.taken" | "seat.promoted":
                story.seats.add((data["userId"], int(data["seat"])))
            case "waitlist.joined":
                story.places.add((data["userId"], int(data["position"])))
            case "chat.posted":
                story.messages.append(data["messageId"])
    return story


class _Verdict:
    """What students were told must be in the record that the instructor read, lesson by lesson."""

    def __init__(self, lessons: int) -> None:
        self._lessons = lessons
        self._told: dict[str, list[tuple[str, str, int]]] = {}
        self._said: dict[str, list[str]] = {}
        self._seen: dict[str, tuple[set[tuple[str, int]], set[tuple[str, int]], Counter[str]]] = {}
        self._topics = SharedTopics()
        self._resumed = self._snapshots = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["told", lesson, student, outcome, number]:
                self._told.setdefault(lesson, []).append((student, outcome, number))
            case ["said", lesson, message_id]:
                self._said.setdefault(lesson, []).append(message_id)
            case ["seen", lesson, seats, places, messages]:
                self._seen[lesson] = ({(*each,) for each in seats}, {(*each,) for each in places}, Counter(messages))
            case ["marks", topic, offsets, marks, resumed, snapshots]:
                self._topics.compare(topic, offsets, marks)
                self._resumed += resumed
                self._snapshots += snapshots
            case _:
                raise ValueError(f"class_day does not know {fact[0]!r}.")

    def close(self) -> str:
        if len(self._seen) != self._lessons:
            raise BrokenPromise(f"{self._lessons - len(self._seen)} of {self._lessons} classes were not held to their end.")
        for lesson, (seats, places, messages) in self._seen.items():
            for student, outcome, number in self._told.get(lesson, ()):
                if outcome == SEATED and (student, number) not in seats:
                    raise BrokenPromise(f"{student} was told seat {number} of {lesson}; the record has no such seat.")
                if outcome == WAITLISTED and (student, number) not in places:
                    raise BrokenPromise(f"{student} was told place {number} of {lesson}; the record has no such place.")
            said = self._said.get(lesson, [])
            lost = [each for each in said if messages[each] != 1]
            if lost:
                raise BrokenPromise(
                    f"Message {lost[0]} of {lesson} is on the record {messages[lost[0]]} times ({len(lost)} such)."
                )
        told, said_all = sum(map(len, self._told.values())), sum(map(len, self._said.values()))
        return (
            f"{self._lessons} classes held; {told} seats and places told are on the record, {said_all} messages are "
            f"on it once, {self._topics.events} events were seen alike in their order, {self._resumed} returns resumed."
        )


def _needs(users: int) -> Needs:
    classes = max(1, users // (_STUDENTS_A_CLASS + 1))
    students = max(1, -(-(users - classes) // classes))
    return Needs(students, max(1, int(students * _SEATS)), classes)


def _plan(setting: Setting) -> Plan:
    courses = setting.prepared.classes
    length = (setting.seconds - _BREAK_SECONDS) / _LESSONS
    parts: list[Part] = []
    made = [[_schedule(setting, course, number) for number in range(_LESSONS)] for course in courses]
    lessons, start = sum(map(len, made)), setting.begin()  # one after the other, making them took a while
    for course, sessions in zip(courses, made, strict=True):
        seats = _seats_of(course)
        timetable = [
            {
                "id": session,
                "start": start + _BREAK_SECONDS + number * length,
                "end": start + (number + 1) * length,
            }
            for number, session in enumerate(sessions)
        ]
        parts.append({"role": "instructor", "token": course.instructor_token, "lessons": timetable, "seats": seats})
        parts += [
            {"role": "student", "student": student.id, "token": student.token, "lessons": timetable, "over": setting.over}
            for student in course.students
        ]
    if len(parts) > setting.users:
        parts = _fewer(parts, setting.users)
    said = f"{len(courses)} instructors will hold {lessons} classes of {length - _BREAK_SECONDS:.0f} s."
    return Plan(parts, _Verdict(lessons), said)


def _fewer(parts: list[Part], users: int) -> list[Part]:
    """All instructors, and as many students as there are users left."""
    staff = [part for part in parts if part["role"] == "instructor"]
    return staff + [part for part in parts if part["role"] == "student"][: max(0, users - len(staff))]


def _seats_of(course: PreparedClass) -> int:
    return max(1, int(len(course.students) * _SEATS))


def _schedule(setting: Setting, course: PreparedClass, number: int) -> str:
    body = {
        "courseId": course.course_id,
        "title": f"Lesson {number + 1}",
        "startTime": datetime.now(UTC).isoformat(),
        "durationMinutes": 120,
        "maxStudents": _seats_of(course),
    }
    made = setting.site.ask("POST", "/api/live-sessions", course.instructor_token, body, str(uuid4()))
    return str(made["id"])


def _play(person: Person, part: Part) -> None:
    if part["role"] == "instructor":
        for lesson in part["lessons"]:
            _teach(person, lesson, part["seats"])
        return
    tab = person.new_tab()
    tab.open()
    for lesson in part["lessons"]:
        visit_lesson(person, tab, part, lesson)


def _teach(person: Person, lesson: dict[str, Any], seats: int) -> None:
    """Be there first, start, talk, let one more in, end, and read the attendance list."""
    session = lesson["id"]
    tab = person.new_tab()
    tab.open()
    staff = StaffWatch(person, tab, session)
    staff.open()
    heard: list[str] = []
    ended: list[str] = []

    def on_event(kind: str, data: Any) -> None:
        if kind == "chat.posted":
            heard.append(data["messageId"])
        elif kind == "session.ended":
            ended.append(kind)

    room = TopicWatch(f"live:{session}", on_event)
    must_follow(tab, room)
    person.wait_for(lesson["start"])
    person.ask("POST", f"/api/live-sessions/{session}/start", "start a class", lesson["start"])
    due, grown = lesson["start"], False
    while (due := due + person.chance.expovariate(1 / 4)) < lesson["end"]:
        tab.stay(due - now())
        _must_do(tab, "chat.post", due, sessionId=session, text="Any questions so far?")
        if not grown and due > (lesson["start"] + lesson["end"]) / 2:
            grown = True
            body = {"maxStudents": seats + 1}
            person.ask("PATCH", f"/api/live-sessions/{session}", "one more seat", due, body)
    tab.stay(lesson["end"] - now())
    _must_do(tab, "session.end", lesson["end"], sessionId=session)
    if not tab.wait_until(lambda: bool(ended) and staff.ledger.ended, _END_SECONDS):
        raise BrokenPromise(f"The end of {session} was not told within {_END_SECONDS} s.")
    staff.close()
    person.tell_marks(room)
    story = story_of(read_timeline(person, session))
    if room.snapshots == 1 and heard != story.messages:  # a snapshot after a cut stands for what was missed
        raise BrokenPromise(
            f"{len(story.messages)} messages of {session} are on the record; the instructor heard {len(heard)}."
        )
    person.tell("seen", session, list(story.seats), list(story.places), story.messages)
    _check_attendance(person, session, {user for user, _ in story.seats})
    tab.close()


def _must_do(tab: Tab, name: str, due: float, **arguments: Any) -> None:
    reply = tab.command(name, arguments, str(uuid4()), due)
    if not reply.ok:
        raise BrokenPromise(f"An instructor's {name} was refused: {reply.error}.")


def _check_attendance(person: Person, session: str, seated: set[str]) -> None:
    rows = person.get(f"/api/live-sessions/{session}/attendance", "attendance")["items"]
    if present_in(rows):
        raise BrokenPromise(f"{len(present_in(rows))} students are present in {session} after its end.")
    known = {row["userId"] for row in rows if row["intervals"]}
    missed = seated ^ known
    if missed:
        raise BrokenPromise(
            f"Attendance of {session} and seats differ for {len(missed)} students, {min(missed)} among them."
        )


SCENARIO = Scenario(
    "class_day",
    "many instructors start and end classes; students come, talk, raise hands, leave and come back",
    45,
    frozenset({"chat.post", "hand.raise", "hand.lower", "reaction.send", "join over the socket", "join over REST"}),
    _needs,
    _plan,
    _play,
)
