"""The live tables as dictionaries, shared by the twins of the journal, the logs, the records and the roster."""

from collections import defaultdict
from dataclasses import dataclass, field

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.course import Course
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.records import IntervalRow, LoggedEvent, SessionRow
from classroom.times import Moment
from persistence.errors import StoreAway
from persistence.ownership import Owner


@dataclass(frozen=True)
class Enrolled:
    """A student of a course, as the accounts' tables know them."""

    name: str
    email: str
    active: bool = True


@dataclass
class LiveTables:
    """One database. While `away` is true every twin answers as if Postgres could not be reached."""

    shards: dict[int, tuple[str, int]] = field(default_factory=dict)
    owners: list[Owner] | None = None
    """The shards as rows, until somebody claims one."""
    hosts: dict[str, tuple[str, float, bool]] = field(default_factory=dict)
    """Their runs, when they were seen, and whether they have left."""
    live_events: defaultdict[str, list[LoggedEvent]] = field(default_factory=lambda: defaultdict(list))
    inbox_events: defaultdict[str, list[LoggedEvent]] = field(default_factory=lambda: defaultdict(list))
    snapshots: dict[SessionId, tuple[int, bytes]] = field(default_factory=dict)
    sessions: dict[SessionId, SessionRow] = field(default_factory=dict)
    intervals: defaultdict[SessionId, dict[tuple[UserId, int], IntervalRow]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    deadlines: dict[tuple[str, str], tuple[int, Moment]] = field(default_factory=dict)
    students: defaultdict[CourseId, dict[UserId, Enrolled]] = field(default_factory=lambda: defaultdict(dict))
    courses: dict[CourseId, Course] = field(default_factory=dict)
    course_events: defaultdict[str, list[LoggedEvent]] = field(default_factory=lambda: defaultdict(list))
    course_marks: dict[CourseId, int] = field(default_factory=dict)
    learners: defaultdict[CourseId, dict[UserId, tuple[Learner, Moment]]] = field(default_factory=lambda: defaultdict(dict))
    """Figures only, and when they were written; lessons and classes are rows of their own."""
    lessons: dict[tuple[CourseId, UserId, LessonId], LessonRecord] = field(default_factory=dict)
    attended: dict[tuple[CourseId, UserId, SessionId], Attendance] = field(default_factory=dict)
    jobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By kind and key; nobody does them."""
    banned: set[UserId] = field(default_factory=set)
    away: bool = False

    def enroll(self, course_id: CourseId, user_id: UserId, name: str, email: str, *, active: bool = True) -> None:
        """Put a student into a course; with `active` False one whose account is banned."""
        self.students[course_id][user_id] = Enrolled(name, email, active)

    def reach(self) -> None:
        """Raises StoreAway while the store is away."""
        if self.away:
            raise StoreAway("The store is away.")
