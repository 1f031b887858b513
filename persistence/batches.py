"""What a journal is given, how it answers, and how the writes of one grain become one in a batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.records import IntervalRow, JobRow, LearnerRows, LoggedEvent, SessionRow
from classroom.times import Moment


@dataclass(frozen=True)
class Write:
    """What one decision of one grain changes: `events` with the offsets after the grain's last ones, and the rows that
    follow from them. `kind` is `live`, `inbox` or `course`; `epoch` is the one under which the host claimed `shard_id`.
    With `deadline_changed`, `deadline` replaces the grain's deadline; None means it has none."""

    kind: str
    grain_id: str
    shard_id: int
    epoch: int
    events: Sequence[LoggedEvent]
    session: SessionRow | None
    intervals: Sequence[IntervalRow]
    deadline: Moment | None
    deadline_changed: bool
    learning: LearnerRows | None = None
    jobs: Sequence[JobRow] = ()


Key = tuple[str, str, int]
"""Kind, id and epoch: one grain under one ownership."""


def key_of(write: Write) -> Key:
    """Whose write it is."""
    return write.kind, write.grain_id, write.epoch


def weight_of(write: Write) -> int:
    """What the write counts for in bounds: its events, or one without any; of a course, its lessons when they are more."""
    weight = len(write.events) or 1
    return weight if write.learning is None else max(weight, len(write.learning.lessons))


class Committed(Enum):
    """What became of a write.

    YES: durable. FENCED: the shard has another owner or epoch; nothing was written, drop the shard's grains.
    UNKNOWN: not known, or the log does not end where the write begins; drop the grain and load it again.
    REFUSED: too much is waiting or the journal is closing; nothing was written, drop the grain.
    """

    YES = "yes"
    FENCED = "fenced"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class SharedAnswer(asyncio.Future[Committed]):
    """One answer for all writes of a grain in a batch. One who stops waiting must not take it from the others:
    cancelling a task that awaits it takes effect when the answer is there, at the latest after the commit's timeout."""

    def cancel(self, msg: object = None) -> bool:
        return False


class Learning:
    """What a course has to write of its learners; later rows replace earlier ones of the same learner and thing."""

    __slots__ = ("attended", "learners", "lessons")

    def __init__(self) -> None:
        self.learners: dict[UserId, tuple[CourseId, Learner, Moment]] = {}
        self.lessons: dict[tuple[UserId, LessonId], tuple[CourseId, LessonRecord]] = {}
        self.attended: dict[tuple[UserId, SessionId], tuple[CourseId, Attendance, Moment]] = {}

    def add(self, rows: LearnerRows) -> None:
        """Take these in, behind what is there."""
        for learner in rows.learners:
            self.learners[learner.user_id] = (rows.course_id, learner, rows.at)
        for user_id, record in rows.lessons:
            self.lessons[user_id, record.lesson_id] = (rows.course_id, record)
        for user_id, session_id, attendance in rows.attended:
            self.attended[user_id, session_id] = (rows.course_id, attendance, rows.at)


class Bundle:
    """All that one grain, under one epoch, has in a batch. Later rows replace earlier ones with the same key."""

    __slots__ = (
        "answer",
        "deadline",
        "deadline_changed",
        "epoch",
        "events",
        "grain_id",
        "intervals",
        "jobs",
        "kind",
        "learning",
        "session",
        "shard_id",
        "weight",
    )

    def __init__(self, write: Write, answer: SharedAnswer) -> None:
        self.kind = write.kind
        self.grain_id = write.grain_id
        self.shard_id = write.shard_id
        self.epoch = write.epoch
        self.answer = answer
        self.events: list[LoggedEvent] = []
        self.intervals: dict[tuple[UserId, int], IntervalRow] = {}
        self.session: SessionRow | None = None
        self.deadline: Moment | None = None
        self.deadline_changed = False
        self.learning: Learning | None = None
        self.jobs: dict[tuple[str, str], JobRow] = {}
        self.weight = 0
        self.add(write)

    @property
    def key(self) -> Key:
        """Whose writes they are."""
        return self.kind, self.grain_id, self.epoch

    def follows(self, write: Write) -> bool:
        """Whether the write's events begin where these end."""
        return not write.events or not self.events or write.events[0].offset == self.events[-1].offset + 1

    def add(self, write: Write) -> None:
        """Take the write in, behind what is there."""
        self.weight += weight_of(write)
        self.events.extend(write.events)
        for interval in write.intervals:
            self.intervals[interval.user_id, interval.ordinal] = interval
        if write.session is not None:
            self.session = write.session
        if write.deadline_changed:
            self.deadline = write.deadline
            self.deadline_changed = True
        for job in write.jobs:
            self.jobs.setdefault((job.kind, job.key), job)
        if write.learning is not None:
            self.learning = self.learning or Learning()
            self.learning.add(write.learning)


class Batch:
    """The bundles of one commit, in the order in which their grains first wrote."""

    __slots__ = ("_bundles", "weight")

    def __init__(self) -> None:
        self._bundles: dict[Key, Bundle] = {}
        self.weight = 0

    def add(self, write: Write, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Committed] | None:
        """Join the write; the answer of its grain, or None when it would leave a hole behind the grain's other events."""
        key = key_of(write)
        bundle = self._bundles.get(key)
        if bundle is None:
            bundle = self._bundles[key] = Bundle(write, SharedAnswer(loop=loop))
        elif bundle.follows(write):
            bundle.add(write)
        else:
            return None
        self.weight += weight_of(write)
        return bundle.answer

    def take(self, key: Key) -> Bundle | None:
        """Take the grain's bundle out again, if it has one here."""
        bundle = self._bundles.pop(key, None)
        if bundle is not None:
            self.weight -= bundle.weight
        return bundle

    @property
    def bundles(self) -> list[Bundle]:
        """The bundles, in order."""
        return list(self._bundles.values())
