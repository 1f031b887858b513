"""A class with its owner's habits, for tests: decides, moves, remembers command ids, ticks. And a few people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, CourseId, SessionId, UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live.attendance import touched_intervals
from classroom.live.codec import event_of, payload_of
from classroom.live.decide import Ask, Decision, decide
from classroom.live.evolve import evolve
from classroom.live.media import MEDIA_NODE
from classroom.live.publications import VIEWS, offset_in, publication, shown_on
from classroom.live.settle import settle
from classroom.live.snapshot import save
from classroom.live.state import LiveClass, next_deadline
from classroom.live.views import reply
from classroom.records import IntervalRow
from classroom.refusals import Refusal
from classroom.times import MINUTE, SECOND, Moment

SESSION = SessionId("019a0000-0000-7000-8000-000000000001")
COURSE = CourseId("019a0000-0000-7000-8000-000000000002")
NINE = Moment(1_795_251_600 * SECOND)  # 2026-11-21T09:00:00Z, when the class is planned to start
TEACHER = Caller(UserId("tess"), "Tess", Role.INSTRUCTOR)
ADMIN = Caller(UserId("root"), "Root", Role.ADMIN)


def student(name: str) -> Caller:
    """A student whose id is the name."""
    return Caller(UserId(name), name.capitalize(), Role.STUDENT)


def students(count: int) -> list[Caller]:
    """`count` different students."""
    return [student(f"s{number}") for number in range(1, count + 1)]


def plan(**changes: Any) -> c.Schedule:
    """An hour at nine for two students, doors open ten minutes before."""
    words: dict[str, Any] = {
        "course_id": COURSE,
        "title": "Fractions",
        "starts_at": NINE,
        "duration_minutes": 60,
        "max_students": 2,
        "doors_open_minutes": 10,
        "waitlist_enabled": True,
        "instructor_id": TEACHER.user_id,
        "instructor_name": TEACHER.name,
    }
    return c.Schedule(**{**words, **changes})


@dataclass(frozen=True)
class Told:
    """One publication of a topic, as a subscriber gets it."""

    offset: int
    type: str
    at: Moment
    data: dict[str, Any]


@dataclass(frozen=True)
class Logged:
    """One event of the log, as JSON text."""

    type: str
    payload: str
    at: Moment
    command_id: CommandId | None


def through_json(value: Any) -> Any:
    """What is left of a value after it was written and read as JSON."""
    return json.loads(json.dumps(value))


@dataclass
class Room:
    """A class and all that ever happened in it. Time stands still until `wait`. A `careful` room checks that deciding
    changes nothing."""

    state: LiveClass = field(default_factory=lambda: LiveClass(SESSION))
    now: Moment = NINE
    log: list[Logged] = field(default_factory=list)
    told: dict[str, list[Told]] = field(default_factory=lambda: {view: [] for view in VIEWS})
    intervals: dict[tuple[UserId, int], IntervalRow] = field(default_factory=dict)
    careful: bool = True
    _made: int = 0

    def ask(self, caller: Caller, command: c.Command, *, enrolled: bool = True, command_id: str | None = None) -> Decision:
        """What the class says; it moves if it agrees. A command id is done once."""
        key = CommandId(f"{caller.user_id}:{command_id}") if command_id is not None else None
        if key is not None and key in self.state.answered:
            return ()
        self._made += 1
        before = save(self.state) if self.careful else None
        decision = decide(self.state, Ask(caller, command, self.now, enrolled, f"made-{self._made}"))
        assert before is None or save(self.state) == before, "deciding changed the class"
        if not isinstance(decision, Refusal):
            self.move(decision, key)
        return decision

    def do(self, caller: Caller, command: c.Command, **more: Any) -> tuple[e.Event, ...]:
        """The events of a command that must not be refused."""
        decision = self.ask(caller, command, **more)
        assert not isinstance(decision, Refusal), decision
        return decision

    def answer(self, caller: Caller, command: c.Command, *, command_id: str, enrolled: bool = True) -> dict[str, Any]:
        """What the caller of a command is told, as its owner would tell it."""
        self.do(caller, command, command_id=command_id, enrolled=enrolled)
        made = self.state.answered.get(CommandId(f"{caller.user_id}:{command_id}"), "")
        return reply(self.state, Ask(caller, command, self.now, enrolled), made)[1]

    def told_node(self, command: c.CheckMedia) -> dict[str, Any]:
        """What a MediaNode is told that checks."""
        self.do(MEDIA_NODE, command)
        return reply(self.state, Ask(MEDIA_NODE, command, self.now), "")[1]

    def join(self, *callers: Caller) -> None:
        """They come in, one after the other; each sits or waits."""
        for caller in callers:
            self.do(caller, c.TakeSeat())

    def connect(self, caller: Caller, name: str = "socket") -> tuple[e.Event, ...]:
        """A socket of this person follows the class."""
        return self.do(caller, c.Connect(ConnectionId(f"{caller.user_id}-{name}")))

    def disconnect(self, caller: Caller, name: str = "socket") -> tuple[e.Event, ...]:
        """That socket is gone."""
        return self.do(caller, c.Disconnect(ConnectionId(f"{caller.user_id}-{name}")))

    def move(self, events: Sequence[e.Event], key: CommandId | None = None) -> None:
        """These happen now, and everybody is told."""
        for event in events:
            evolve(self.state, event, self.now, key)
            self.log.append(Logged(event.type, json.dumps(payload_of(event)), self.now, key))
            for row in touched_intervals(self.state, event):
                self.intervals[row.user_id, row.ordinal] = row
            for view, shown in zip(VIEWS, shown_on(event), strict=True):
                if shown:
                    kind, data = publication(event, view)
                    self.told[view].append(Told(offset_in(self.state.offsets, view), kind, self.now, through_json(data)))
            key = None

    def wait(self, seconds: float) -> None:
        """Time passes; nothing else happens."""
        self.now = Moment(self.now + round(seconds * SECOND))

    def tick(self) -> list[e.Event]:
        """The class does what is due, until nothing is."""
        done: list[e.Event] = []
        while events := self.do(TEACHER, c.Tick()):
            done.extend(events)
            assert len(done) < 1_000, "the class does the same again and again"
        due = next_deadline(self.state)
        assert due is None or due > self.now, "something is still due, and the class does nothing about it"
        return done

    def settle(self) -> tuple[e.Event, ...]:
        """Counts and tallies are told, if it is time."""
        events = settle(self.state, self.now)
        self.move(events)
        return events

    def seated(self) -> list[str]:
        """Who sits, in order of sitting down."""
        return [seat.user_id for seat in self.state.seats]

    def waiting(self) -> list[str]:
        """Who waits, in order of promotion."""
        return [waiter.user_id for waiter in self.state.waitlist]

    def stays(self, caller: Caller) -> list[tuple[float, float | None, str | None]]:
        """The student's stays in seconds after nine: from, to, reason."""
        rows = sorted(
            (row for (user_id, _), row in self.intervals.items() if user_id == caller.user_id), key=lambda r: r.ordinal
        )
        return [
            ((row.joined_at - NINE) / SECOND, None if row.left_at is None else (row.left_at - NINE) / SECOND, row.reason)
            for row in rows
        ]


def fold(log: Sequence[Logged], state: LiveClass | None = None) -> LiveClass:
    """The class that a log tells of, read from its JSON; goes on from `state` if there is one."""
    state = state if state is not None else LiveClass(SESSION)
    for entry in log:
        evolve(state, event_of(entry.type, json.loads(entry.payload)), entry.at, entry.command_id)
    return state


def scheduled(**changes: Any) -> Room:
    """A class whose doors have just opened."""
    room = Room(now=Moment(NINE - 10 * MINUTE))
    room.do(TEACHER, plan(**changes))
    return room


def started(**changes: Any) -> Room:
    """A class that began at nine sharp; it is nine."""
    room = scheduled(**changes)
    room.now = NINE
    room.do(TEACHER, c.Start())
    return room
