"""class_day: many instructors start and end one class after the other; students come, talk, leave, come back."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from loadtests.answers import SEATED, WAITLISTED
from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.scenarios.lesson_visits import visit_lesson
from loadtests.stage import Fact, now
from loadtests.topic_watch import SharedTopics, TopicWatch
from loadtests.watching import StaffWatch, must_follow, present_in

_STUDENTS_A_CLASS = 40
_LESSONS = 3
_BREAK_SECONDS = 3.0
_SEATS = 0.6  # of the students: so that there is a waitlist, and places move
_END_SECONDS = 20


class _Verdict:
    """What students were told must be in the record that the instructor saw, lesson by lesson."""

    def __init__(self, lessons: int) -> None:
        self._lessons = lessons
        self._told: dict[str, list[tuple[str, str, int]]] = {}
        self._said: dict[str, list[str]] = {}
        self._seen: dict[str, tuple[set[tuple[str, int]], dict[str, int], Counter[str]]] = {}
        self._topics = SharedTopics()
        self._resumed = self._snapshots = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["told", lesson, student, outcome, number]:
                self._told.setdefault(lesson, []).append((student, outcome, number))
            case ["said", lesson, message_id]:
                self._said.setdefault(lesson, []).append(message_id)
            case ["seen", lesson, seats, places, messages]:
                self._seen[lesson] = ({(user, seat) for user, seat in seats}, dict(places), Counter(messages))
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
                    raise BrokenPromise(f"{student} was told seat {number} of {lesson}; staff saw no such seat.")
                if outcome == WAITLISTED and places.get(student, 0) < number:
                    raise BrokenPromise(f"{student} was told place {number} of {lesson}; staff saw {places.get(student)}.")
            said = self._said.get(lesson, [])
            lost = [each for each in said if messages[each] != 1]
            if lost:
                raise BrokenPromise(f"Message {lost[0]} of {lesson} was told {messages[lost[0]]} times ({len(lost)} such).")
        told, said_all = sum(map(len, self._told.values())), sum(map(len, self._said.values()))
        return (
            f"{self._lessons} classes held; {told} seats and places told are on the record, {said_all} messages were "
            f"told once, {self._topics.events} events were seen alike in their order, {self._resumed} returns resumed."
        )


def _needs(users: int) -> Needs:
    classes = max(1, users // (_STUDENTS_A_CLASS + 1))
    students = max(1, -(-(users - classes) // classes))
    return Needs(students, max(1, int(students * _SEATS)), classes)


def _plan(setting: Setting) -> Plan:
    courses = setting.prepared.classes
    length = (setting.seconds - _BREAK_SECONDS) / _LESSONS
    parts: list[Part] = []
    lessons = 0
    for course in courses:
        seats = max(1, int(len(course.students) * _SEATS))
        timetable = [
            {
                "id": _schedule(setting, course.course_id, course.instructor_token, number, seats),
                "start": setting.start_at + _BREAK_SECONDS + number * length,
                "end": setting.start_at + (number + 1) * length,
            }
            for number in range(_LESSONS)
        ]
        lessons += len(timetable)
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


def _schedule(setting: Setting, course_id: str, token: str, number: int, seats: int) -> str:
    body = {
        "courseId": course_id,
        "title": f"Lesson {number + 1}",
        "startTime": datetime.now(UTC).isoformat(),
        "durationMinutes": 120,
        "maxStudents": seats,
    }
    return str(setting.site.ask("POST", "/api/live-sessions", token, body, str(uuid4()))["id"])


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
    messages: list[str] = []
    ended: list[str] = []

    def on_event(kind: str, data: Any) -> None:
        if kind == "chat.posted":
            messages.append(data["messageId"])
        elif kind == "session.ended":
            ended.append(kind)

    room = TopicWatch(f"live:{session}", on_event)
    must_follow(tab, room)
    person.wait_for(lesson["start"])
    person.ask("POST", f"/api/live-sessions/{session}/start", "start a class", lesson["start"])
    due, grown = lesson["start"], False
    while (due := due + person.chance.expovariate(1 / 4)) < lesson["end"]:
        tab.wait_until(lambda: False, due - now())
        command_id = str(uuid4())
        tab.command("chat.post", {"sessionId": session, "text": "Any questions so far?"}, command_id, due)
        if not grown and due > (lesson["start"] + lesson["end"]) / 2:
            grown = True
            body = {"maxStudents": seats + 1}
            person.ask("PATCH", f"/api/live-sessions/{session}", "one more seat", due, body)
    tab.wait_until(lambda: False, lesson["end"] - now())
    tab.command("session.end", {"sessionId": session}, str(uuid4()), lesson["end"])
    if not tab.wait_until(lambda: bool(ended) and staff.ledger.ended, _END_SECONDS):
        raise BrokenPromise(f"The end of {session} was not told within {_END_SECONDS} s.")
    staff.close()
    person.tell_marks(room)
    person.tell("seen", session, list(staff.ledger.seated_ever), list(staff.ledger.queued_ever.items()), messages)
    _check_attendance(person, session, staff)
    tab.close()


def _check_attendance(person: Person, session: str, staff: StaffWatch) -> None:
    rows = person.get(f"/api/live-sessions/{session}/attendance", "attendance")["items"]
    if present_in(rows):
        raise BrokenPromise(f"{len(present_in(rows))} students are present in {session} after its end.")
    known = {row["userId"] for row in rows if row["intervals"]}
    missed = {user for user, _ in staff.ledger.seated_ever} ^ known
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
