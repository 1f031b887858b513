"""What is known of one learner in one course: lessons, classes attended, and what that came to when it was last counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from classroom.ids import LessonId, SessionId, UserId
from classroom.progress.watched import SLACK, Watched
from classroom.times import Moment


@dataclass(frozen=True, slots=True)
class LessonRecord:
    """A learner's record of one lesson. `points` of `possible` are the best result, of `quiz_id`. Of a player's reports:
    the last `position`, when it came, its command, and the microseconds that it left unspent (`watched.allowed`)."""

    lesson_id: LessonId
    updated_at: Moment
    completed_at: Moment | None = None
    watched: Watched = ()
    position: int = 0
    reported_at: Moment | None = None
    unspent: int = SLACK
    report_id: str | None = None
    quiz_id: str | None = None
    points: int | None = None
    possible: int | None = None
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Attendance:
    """How many of a class's seconds a student was there."""

    seconds: int
    of_seconds: int


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner. `thousandths` were counted for the outline of this `version` (0: never), `told` are the milestones
    that were told, `completed_at` is when everything that was required then was done for the first time."""

    user_id: UserId
    name: str = ""
    lessons: Mapping[LessonId, LessonRecord] = field(default_factory=dict)
    attended: Mapping[SessionId, Attendance] = field(default_factory=dict)
    thousandths: int = 0
    version: int = 0
    told: frozenset[int] = frozenset()
    completed_at: Moment | None = None
    last_lesson_id: LessonId | None = None

    @property
    def done(self) -> frozenset[LessonId]:
        """The lessons that are done, also such as the course no longer has."""
        return frozenset(record.lesson_id for record in self.lessons.values() if record.completed_at is not None)
