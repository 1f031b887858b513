"""A live class as its owner holds it in memory. `decide` reads it, `evolve` moves it, nobody else touches it."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from enum import StrEnum

from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, CourseId, LessonId, MessageId, PollId, RecordingId, SessionId, UserId
from classroom.live.people import Person
from classroom.live.seats import Seats
from classroom.live.waitlist import Waitlist
from classroom.times import MINUTE, SECOND, Moment

CHAT_KEPT = 200
POLLS_KEPT = 50
CONNECTIONS_A_STUDENT = 20
WAITLIST_LIMIT = 100_000
ANSWERS_KEPT = 8_192
WARNING = 5 * MINUTE

_NEVER = Moment(0)


class Status(StrEnum):
    """Where a class is in its life. `ended` and `cancelled` are final."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Plan:
    """What was scheduled."""

    course_id: CourseId
    lesson_id: LessonId | None
    title: str
    starts_at: Moment
    duration_minutes: int
    max_students: int
    doors_open_minutes: int
    waitlist_enabled: bool
    instructor_id: UserId
    instructor_name: str

    @property
    def doors_open_at(self) -> Moment:
        """From when on students may come in, unless the class starts earlier."""
        return Moment(self.starts_at - self.doors_open_minutes * MINUTE)


@dataclass(frozen=True)
class Message:
    """One chat message."""

    message_id: MessageId
    user_id: UserId
    name: str
    text: str
    to: str
    at: Moment


@dataclass(frozen=True)
class Hand:
    """A raised hand."""

    name: str
    raised_at: Moment


@dataclass
class Poll:
    """A question, its votes by student, and the count as last told."""

    question: str
    options: tuple[str, ...]
    multiple: bool
    quiz: bool
    correct: tuple[int, ...]
    open: bool = True
    votes: dict[UserId, tuple[int, ...]] = field(default_factory=dict)
    tally: list[int] = field(default_factory=list)
    told: tuple[tuple[int, ...], int] = ((), 0)


@dataclass(frozen=True)
class Origin:
    """The MediaNode (`name@run`) that the class's video is on, how often it was placed, and when it was moved there from
    another one."""

    node: str
    generation: int
    moved_at: Moment | None = None


@dataclass(frozen=True)
class Shown:
    """Who is in which slot of the class's video; None: nobody."""

    screen: Person | None = None
    cameras: tuple[Person | None, ...] = ()
    microphones: tuple[Person | None, ...] = ()


@dataclass(frozen=True)
class Recording:
    """The recording that runs."""

    recording_id: RecordingId
    since: Moment


@dataclass(frozen=True)
class Stay:
    """The latest stay of a student; `left_at` and `reason` are None while it lasts."""

    ordinal: int
    joined_at: Moment
    left_at: Moment | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Offsets:
    """How many events there are: in the log, and on each of the three topics."""

    log: int = 0
    everybody: int = 0
    staff: int = 0
    queue: int = 0


@dataclass
class LiveClass:
    """Everything a class is. Collections that grow with the class are changed in place by `evolve`; each change costs
    O(log n) at most (what is taken from the front is ordered by links: a plain dict walks over all that went before).
    `answered` remembers which commands were done, for the last 8,192 of them."""

    session_id: SessionId
    grace: int = 60 * SECOND
    grace_from: Moment = _NEVER
    """Nobody could come back before this moment, so no grace period is counted from earlier. Not in log or snapshot."""
    plan: Plan | None = None
    status: Status = Status.SCHEDULED
    started_at: Moment | None = None
    ended_at: Moment | None = None
    ends_at: Moment = _NEVER
    warned: bool = False
    locked: bool = False
    seats: Seats = field(default_factory=Seats)
    waitlist: Waitlist = field(default_factory=Waitlist)
    connections: dict[UserId, set[ConnectionId]] = field(default_factory=dict)
    lost: OrderedDict[UserId, Moment] = field(default_factory=OrderedDict)
    stays: dict[UserId, Stay] = field(default_factory=dict)
    removed: set[UserId] = field(default_factory=set)
    muted: set[UserId] = field(default_factory=set)
    chat: deque[Message] = field(default_factory=lambda: deque(maxlen=CHAT_KEPT))
    staff_chat: deque[Message] = field(default_factory=lambda: deque(maxlen=CHAT_KEPT))
    aside: deque[Message] = field(default_factory=lambda: deque(maxlen=CHAT_KEPT))
    """What was said to one person, by anybody to anybody."""
    hands: dict[UserId, Hand] = field(default_factory=dict)
    polls: dict[PollId, Poll] = field(default_factory=dict)
    stage: dict[UserId, str] = field(default_factory=dict)
    """The names of the students on the stage, in the order in which they came up; of the invited likewise."""
    invited: dict[UserId, str] = field(default_factory=dict)
    origin: Origin | None = None
    shown: Shown = Shown()
    speakers: tuple[UserId, ...] = ()
    recording: Recording | None = None
    recorded: RecordingId | None = None
    """The latest recording, running or not."""
    promoted_at: deque[Moment] = field(default_factory=lambda: deque(maxlen=20))
    counts_told: bool = True
    told_at: Moment = _NEVER
    at: Moment = _NEVER
    offsets: Offsets = field(default_factory=Offsets)
    answered: OrderedDict[CommandId, str] = field(default_factory=OrderedDict)

    @property
    def known(self) -> Plan:
        """The plan of a class that exists. Raises ValueError for one that was never scheduled."""
        if self.plan is None:
            raise ValueError(f"class {self.session_id} was never scheduled")
        return self.plan

    @property
    def is_open(self) -> bool:
        """Whether a free seat may be given away at all (doors and lock; time is checked at the door)."""
        return self.status in (Status.SCHEDULED, Status.LIVE) and not self.locked

    @property
    def free_seats(self) -> int:
        """Seats nobody has; zero after the capacity was lowered below those who sit."""
        return max(0, self.known.max_students - len(self.seats))

    def is_past_its_end(self, now: Moment) -> bool:
        """Whether time is up for a class that has not ended itself yet."""
        return self.status is Status.LIVE and now >= self.ends_at

    def is_staff(self, caller: Caller) -> bool:
        """Whether the caller runs this class: its instructor, or an admin."""
        return caller.role is Role.ADMIN or (self.plan is not None and caller.user_id == self.plan.instructor_id)

    def is_inside(self, user_id: UserId) -> bool:
        """Whether the student sits or waits."""
        return user_id in self.seats or user_id in self.waitlist

    def grace_end(self, lost_at: Moment) -> Moment:
        """Until when somebody who was lost then may come back."""
        return Moment(max(lost_at, self.grace_from) + self.grace)

    def revise(self, **changes: object) -> None:
        """Replace parts of the plan, and the planned end that follows from them."""
        self.plan = replace(self.known, **changes)  # type: ignore[arg-type] # dataclasses.replace is checked at run time
        start = self.started_at if self.started_at is not None else self.plan.starts_at
        if self.status in (Status.SCHEDULED, Status.LIVE):
            self.ends_at = Moment(start + self.plan.duration_minutes * MINUTE)

    def remember(self, command_id: CommandId, fresh_id: str) -> None:
        """Note that a command was done, with the id it made up, so that a repetition adds nothing."""
        self.answered[command_id] = fresh_id
        if len(self.answered) > ANSWERS_KEPT:
            self.answered.popitem(last=False)


def next_deadline(state: LiveClass) -> Moment | None:
    """When the class next does something by itself: the warning, its end, or a grace period's end; None for never."""
    due: list[int] = []
    if state.status is Status.LIVE:
        due.append(state.ends_at if state.warned else max(state.started_at or 0, state.ends_at - WARNING))
    if state.status in (Status.SCHEDULED, Status.LIVE) and state.lost:
        due.append(state.grace_end(next(iter(state.lost.values()))))
    return Moment(min(due)) if due else None
