"""dashboard: instructors with several screens watch their classes while students come, go and raise hands."""

from functools import partial
from uuid import uuid4

from loadtests.answers import SEATED, WAITLISTED
from loadtests.ledger import ClassLedger
from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.stage import Fact, now
from loadtests.tab import Tab
from loadtests.topic_watch import SharedTopics
from loadtests.watching import StaffWatch, present_in, read_timeline

_PEOPLE_A_CLASS = 50
_WATCHERS = 6  # screens of one instructor: a person has at most 20 sockets
_REQUESTS_A_MINUTE = 80  # of one instructor, all screens together: 100 are allowed
_SEATS = 0.7
_QUIET_SECONDS = 4.0
_AGREE_SECONDS = 15
_LOOK_AGAIN_SECONDS = 5.0  # six screens share the requests of one instructor


class _Verdict:
    def __init__(self, watchers: int) -> None:
        self._watchers = watchers
        self._topics = SharedTopics()
        self._seats: dict[tuple[str, int], tuple[list[str], list[str]]] = {}
        self._screens = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["marks", topic, offsets, marks, *_]:
                self._topics.compare(topic, offsets, marks)
            case ["stands", session, offset, seated, waiting]:
                self._screens += 1
                if self._seats.setdefault((session, offset), (seated, waiting)) != (seated, waiting):
                    raise BrokenPromise(f"Two screens show different seats or waitlists of {session} at offset {offset}.")
            case _:
                raise ValueError(f"dashboard does not know {fact[0]!r}.")

    def close(self) -> str:
        if self._screens != self._watchers:
            raise BrokenPromise(f"{self._screens} of {self._watchers} screens were watched to the end.")
        classes = len({session for session, _ in self._seats})
        return (
            f"{self._screens} screens of {classes} classes agree with each other, with the attendance and with the "
            f"counts; {self._topics.events} events were seen alike without gap or repeat."
        )


def _needs(users: int) -> Needs:
    classes = max(1, users // _PEOPLE_A_CLASS)
    students = max(1, -(-users // classes) - _WATCHERS)
    return Needs(students, max(1, int(students * _SEATS)), classes)


def _plan(setting: Setting) -> Plan:
    staff: list[Part] = []
    students: list[Part] = []
    start = setting.begin()
    for each in setting.prepared.classes:
        shared = {"session": each.session_id, "from": start, "until": start + setting.seconds}
        instructor = {"role": "watcher", "token": each.instructor_token, "course": each.course_id}
        staff += [{**shared, **instructor, "number": number} for number in range(_WATCHERS)]
        students += [
            {**shared, "role": "student", "student": student.id, "token": student.token} for student in each.students
        ]
    parts = staff + students[: max(0, setting.users - len(staff))]
    said = f"{len(staff)} screens will show {len(setting.prepared.classes)} classes with {len(parts) - len(staff)} students."
    return Plan(parts, _Verdict(len(staff)), said)


def _play(person: Person, part: Part) -> None:
    if part["role"] == "watcher":
        _watch(person, part)
    else:
        _come_and_go(person, part)


def _watch(person: Person, part: Part) -> None:
    """Follow `:staff`, look at the lists now and then, and compare all of it when the class has come to rest."""
    session = part["session"]
    tab = person.new_tab()
    tab.open()
    staff = StaffWatch(person, tab, session)
    staff.open()
    looks = _looks(part)
    every = 60 * _WATCHERS / _REQUESTS_A_MINUTE
    due = part["from"] + every * part["number"] / _WATCHERS
    while due < part["until"]:
        tab.stay(due - now())
        path, label = person.chance.choice(looks)
        person.get(path, label, due)
        due += every
    tab.stay(part["until"] - now())
    _must_agree(person, tab, staff, session)
    if part["number"] == 0:
        read_timeline(person, session)
    staff.close()
    assert staff.topic.position is not None
    person.tell("stands", session, staff.topic.position[1], sorted(staff.ledger.seats), sorted(staff.ledger.waiting))


def _looks(part: Part) -> list[tuple[str, str]]:
    session, course = part["session"], part["course"]
    return [
        (f"/api/live-sessions/{session}/attendance", "attendance"),
        (f"/api/live-sessions/{session}/status", "status"),
        (f"/api/live-sessions/{session}/timeline?limit=100", "timeline"),
        (f"/api/instructor/courses/{course}/students?limit=50", "students of a course"),
        ("/api/users/me/dashboard", "own dashboard"),
        ("/api/instructor/courses", "own courses"),
    ]


def _must_agree(person: Person, tab: Tab, staff: StaffWatch, session: str) -> None:
    """The class comes to rest: attendance and counts say what the topic said. A student's last command may take a while."""
    path, ledger = f"/api/live-sessions/{session}", staff.ledger
    deadline = now() + _AGREE_SECONDS
    while True:
        inside = present_in(person.get(f"{path}/attendance", "attendance")["items"])
        told = person.get(f"{path}/status", "status")
        counts = told["currentStudents"], told["waitlisted"]
        agree = partial(_agree, ledger, inside, counts)
        if tab.wait_until(agree, _LOOK_AGAIN_SECONDS):
            return
        if now() > deadline:
            raise BrokenPromise(
                f"{session} at rest: the topic says {len(ledger.seats)} seated and {len(ledger.waiting)} waiting, "
                f"attendance {len(inside)} present, the counts {counts[0]} and {counts[1]}."
            )


def _agree(ledger: ClassLedger, inside: set[str], counts: tuple[int, int]) -> bool:
    return ledger.seats.keys() == inside and (len(ledger.seats), len(ledger.waiting)) == counts


def _come_and_go(person: Person, part: Part) -> None:
    """Come, raise a hand, leave, come back; be still before the end, so that all can be compared."""
    session, chance = part["session"], person.chance
    tab = person.new_tab()
    tab.open()
    still_at = part["until"] - _QUIET_SECONDS
    due = part["from"] + 1 + chance.uniform(0, 5)
    seated = inside = hand = False
    while due < still_at:
        tab.stay(due - now())
        if not inside:
            answer = person.join_over_socket(tab, session, str(uuid4()), due)
            if answer.outcome not in (SEATED, WAITLISTED):
                raise BrokenPromise(f"{part['student']} was refused at {session}: {answer.reason}.")
            inside, seated, hand = True, answer.outcome == SEATED, False
        elif seated and chance.random() < 0.6:
            reply = tab.command("hand.lower" if hand else "hand.raise", {"sessionId": session}, str(uuid4()), due)
            if not reply.ok:
                raise BrokenPromise(f"{part['student']} has a seat and was refused: {reply.error}.")
            hand = not hand
        else:
            reply = tab.command("session.leave", {"sessionId": session}, str(uuid4()), due)
            if not reply.ok:
                raise BrokenPromise(f"{part['student']} could not leave {session}: {reply.error}.")
            inside = False
        due += chance.expovariate(1 / 6)


SCENARIO = Scenario(
    "dashboard",
    "instructors' screens on the `:staff` topic, attendance and lists while students come and go",
    40,
    frozenset({"attendance", "status", "timeline", "students of a course", "own dashboard", "own courses"}),
    _needs,
    _plan,
    _play,
)
