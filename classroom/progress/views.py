"""Progress as the wire shows it: JSON-ready, made here for answers, events and pages alike."""

from typing import Any

from classroom.ids import LessonId
from classroom.progress.course import Course, Part
from classroom.progress.learner import Learner, LessonRecord
from classroom.progress.watched import seconds
from classroom.times import Moment, rfc3339


def figures_of(course: Course, learner: Learner) -> dict[str, Any]:
    """How far a learner is, in few figures. `percent` has one decimal and is exact to it, rounded down."""
    done = learner.done
    return {
        "userId": learner.user_id,
        "name": learner.name,
        "percent": percent_of(learner.thousandths),
        "lessonsDone": sum(part.id in done for part in course.outline.parts if part.required),
        "lessonsTotal": sum(part.required for part in course.outline.parts),
        "completedAt": _moment(learner.completed_at),
        "lastLessonId": learner.last_lesson_id,
    }


def progress_of(course: Course, learner: Learner) -> dict[str, Any]:
    """Everything that a learner sees of the own progress; `nextLessonId` is where to go on."""
    return {
        "courseId": course.id,
        **figures_of(course, learner),
        "nextLessonId": next_of(course, learner),
        "lessons": [lesson_of(part, learner.lessons.get(part.id)) for part in course.outline.parts],
    }


def next_of(course: Course, learner: Learner) -> LessonId | None:
    """Where to go on: the last lesson, if it was begun and is not done, otherwise the first one that is left."""
    done, last = learner.done, learner.last_lesson_id
    if last is not None and last in course.outline.by_id and last not in done:
        return last
    return course.outline.next_of(done)


def lesson_of(part: Part, record: LessonRecord | None) -> dict[str, Any]:
    """One lesson of a learner."""
    begun = record is not None
    record = record or LessonRecord(part.id, updated_at=_NEVER)
    state = "completed" if record.completed_at is not None else "begun" if begun else "open"
    shown: dict[str, Any] = {
        "lessonId": part.id,
        "type": part.type,
        "required": part.required,
        "state": state,
        "completedAt": _moment(record.completed_at),
        "positionSeconds": record.position,
        "watchedSeconds": seconds(record.watched),
        "durationSeconds": part.seconds,
        "points": record.points,
        "possible": record.possible,
        "passed": record.passed,
    }
    return shown


def percent_of(thousandths: int) -> float:
    """Thousandths as percent with one decimal."""
    return thousandths / 10


_NEVER = Moment(0)


def _moment(moment: Moment | None) -> str | None:
    return None if moment is None else rfc3339(moment)
