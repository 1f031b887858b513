"""What a command comes to for one learner: the learner afterwards, what happened, and which rows are others now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from classroom.ids import LessonId, SessionId
from classroom.progress import commands as c
from classroom.progress import watched as w
from classroom.progress.course import WHOLE, Course, Part, reached
from classroom.progress.events import Event, LessonCompleted, MilestoneReached, ProgressMoved, ResultCounted
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.progress.refusals import NotAVideo, NotPassed, NotWatched
from classroom.progress.views import figures_of
from classroom.refusals import NotFound, Refusal
from classroom.times import SECOND, Moment

ENOUGH_ATTENDED_PERCENT = 50
"""Who was there for so much of a class has done its lesson."""
GRADED = ("quiz", "assignment")


@dataclass(frozen=True)
class Decided:
    """What is true now. `lesson`, `attendance` and `counted` name what of the learner has to be written; `finished`: it is
    time to look whether a certificate is due."""

    learner: Learner
    events: tuple[Event, ...] = ()
    lesson: LessonRecord | None = None
    attendance: tuple[SessionId, Attendance] | None = None
    counted: bool = False
    finished: bool = False

    @property
    def writes(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.events) or self.counted or self.lesson is not None or self.attendance is not None


def decide(course: Course, learner: Learner, command: c.Command, now: Moment, command_id: str | None) -> Decided | Refusal:
    """Count what the command tells of this learner, whom it names, and count anew when the course has changed."""
    rule = _RULES.get(type(command))
    change = rule(course, learner, command, now, command_id) if rule is not None else Decided(learner)
    return change if isinstance(change, Refusal) else _counted(course, learner, change, now)


def _counted(course: Course, before: Learner, change: Decided, now: Moment) -> Decided:
    learner = change.learner
    thousandths = course.outline.done_of(learner.done)
    told = reached(thousandths, learner.told)
    moved = thousandths != before.thousandths
    learner = replace(learner, thousandths=thousandths, told=learner.told | set(told))
    if thousandths == WHOLE and learner.completed_at is None:
        learner = replace(learner, completed_at=now)
    if before.version != 0 or _row(learner) != _row(before):  # who has done nothing yet has no row
        learner = replace(learner, version=course.outline.version)
    events: list[Event] = list(change.events)
    if moved:
        events.append(ProgressMoved(figures_of(course, learner)))
    events += [MilestoneReached(learner.user_id, course.id, course.title, percent) for percent in told]
    again = change.attendance is not None or any(isinstance(event, ResultCounted) for event in change.events)
    return replace(
        change, learner=learner, events=tuple(events), counted=_row(learner) != _row(before),
        finished=thousandths == WHOLE and (moved or again),
    )  # fmt: skip


def _row(learner: Learner) -> tuple[Any, ...]:
    return (learner.thousandths, learner.version, learner.told, learner.completed_at, learner.last_lesson_id)


def _complete(
    course: Course, learner: Learner, command: c.CompleteLesson, now: Moment, command_id: str | None
) -> Decided | Refusal:
    part = course.outline.by_id.get(command.lesson_id)
    if part is None:
        return NotFound("lesson", command.lesson_id)
    record = _record(learner, part.id, now)
    if record.completed_at is not None:
        return Decided(learner)
    if part.type in GRADED and not record.passed:
        return NotPassed(part.id)
    # Of a video whose length nobody knows it cannot be told how much was watched: who says so has done it.
    if part.type == "video" and part.seconds > 0 and not w.is_enough(record.watched, part.seconds):
        return NotWatched(part.id, w.seconds(record.watched), part.seconds)
    return _with(learner, replace(record, completed_at=now, updated_at=now), LessonCompleted(learner.user_id, part.id))


def _watch(course: Course, learner: Learner, command: c.Watch, now: Moment, command_id: str | None) -> Decided | Refusal:
    part = course.outline.by_id.get(command.lesson_id)
    if part is None:
        return NotFound("lesson", command.lesson_id)
    if part.type != "video":
        return NotAVideo(part.id)
    record = _record(learner, part.id, now)
    if command_id is not None and record.report_id == command_id:
        return Decided(learner)
    record = _seen(part, record, command, now, command_id)
    if record.completed_at is None and w.is_enough(record.watched, part.seconds):
        record = replace(record, completed_at=now)
        return _with(learner, record, LessonCompleted(learner.user_id, part.id))
    return _with(learner, record)


def _seen(part: Part, record: LessonRecord, command: c.Watch, now: Moment, command_id: str | None) -> LessonRecord:
    since_last = 0 if record.reported_at is None else now - record.reported_at
    possible = w.allowed(record.unspent, since_last)
    interval = w.credited(command.position_seconds, command.watched_seconds, part.seconds, possible // SECOND)
    watched = record.watched
    if interval is not None:
        watched = w.add(watched, interval)
        possible -= (interval[1] - interval[0]) * SECOND
    position = min(command.position_seconds, part.seconds) if part.seconds else command.position_seconds
    return replace(
        record, watched=watched, position=position, reported_at=now, unspent=min(possible, w.SLACK),
        report_id=command_id, updated_at=now,
    )  # fmt: skip


def _grade(
    course: Course, learner: Learner, command: c.QuizGraded, now: Moment, command_id: str | None
) -> Decided | Refusal:
    part = course.outline.by_id.get(command.lesson_id)
    if part is None:
        return NotFound("lesson", command.lesson_id)
    record = _record(learner, part.id, now)
    told: list[Event] = [
        ResultCounted(learner.user_id, part.id, command.quiz_id, command.points, command.possible, command.passed)
    ]
    if _is_better(command, record):
        record = replace(record, quiz_id=command.quiz_id, points=command.points, possible=command.possible)
    record = replace(record, passed=record.passed or command.passed, updated_at=now)
    if record.passed and record.completed_at is None:
        record = replace(record, completed_at=now)
        told.append(LessonCompleted(learner.user_id, part.id))
    return _with(learner, record, *told)


def _is_better(command: c.QuizGraded, record: LessonRecord) -> bool:
    if record.points is None or record.possible is None:
        return True
    return command.points * max(record.possible, 1) > record.points * max(command.possible, 1)


def _attend(course: Course, learner: Learner, command: c.Attended, now: Moment, command_id: str | None) -> Decided:
    known = learner.attended.get(command.session_id)
    attendance = Attendance(command.seconds, command.of_seconds)
    if known == attendance:
        return Decided(learner)
    learner = replace(learner, attended={**learner.attended, command.session_id: attendance})
    change = Decided(learner, attendance=(command.session_id, attendance))
    part = course.outline.by_id.get(command.lesson_id) if command.lesson_id is not None else None
    enough = 0 < command.of_seconds * ENOUGH_ATTENDED_PERCENT <= command.seconds * 100
    if part is None or part.type != "live" or not enough:
        return change
    record = _record(learner, part.id, now)
    if record.completed_at is not None:
        return change
    record = replace(record, completed_at=now, updated_at=now)
    return replace(_with(learner, record, LessonCompleted(learner.user_id, part.id)), attendance=change.attendance)


def _record(learner: Learner, lesson_id: LessonId, now: Moment) -> LessonRecord:
    return learner.lessons.get(lesson_id) or LessonRecord(lesson_id, now)


def _with(learner: Learner, record: LessonRecord, *events: Event) -> Decided:
    lessons = {**learner.lessons, record.lesson_id: record}
    return Decided(replace(learner, lessons=lessons, last_lesson_id=record.lesson_id), events, record)


_RULES: dict[type, Callable[..., Decided | Refusal]] = {
    c.CompleteLesson: _complete,
    c.Watch: _watch,
    c.QuizGraded: _grade,
    c.Attended: _attend,
}
