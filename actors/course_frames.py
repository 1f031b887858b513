"""What a course tells: answers, events, snapshots and notices, encoded."""

from collections.abc import Iterable, Sequence

import msgspec

from actors.turns import Notice
from classroom.ids import CourseId, UserId
from classroom.progress import commands as c
from classroom.progress.course import Course
from classroom.progress.events import VIEWS
from classroom.progress.learner import Learner
from classroom.progress.views import figures_of, lesson_of, next_of, percent_of, progress_of
from classroom.records import LoggedEvent
from classroom.times import rfc3339
from persistence.learning import Survey

SNAPSHOT_BYTES = 48 * 1024

_encode = msgspec.json.Encoder().encode


def published(entry: LoggedEvent, view: str) -> bytes:
    """A logged event as the topic of `view` tells it, encoded."""
    offset = entry.topic_offsets[VIEWS.index(view)]
    return _encode({"offset": offset, "type": entry.type, "at": rfc3339(entry.at), "data": msgspec.Raw(entry.payload)})


def surveyed(course_id: CourseId, survey: Survey) -> bytes:
    """The snapshot of the progress topic, encoded."""
    average = survey.thousandths // survey.enrolled if survey.enrolled else 0
    learners = _fitting(
        {
            "userId": it.user_id,
            "name": it.name,
            "percent": percent_of(it.thousandths),
            "completedAt": None if it.completed_at is None else rfc3339(it.completed_at),
            "lastLessonId": it.last_lesson_id,
            "updatedAt": rfc3339(it.updated_at),
        }
        for it in survey.learners
    )
    totals = {
        "enrolled": survey.enrolled,
        "begun": survey.begun,
        "completed": survey.completed,
        "averagePercent": percent_of(average),
    }
    more = survey.begun - len(learners)
    return _encode({"courseId": course_id, "totals": totals, "learners": learners, "more": more})


def _fitting(items: Iterable[dict[str, object]]) -> list[msgspec.Raw]:
    """The first of them that fit into a frame, encoded."""
    fitting, room = [], SNAPSHOT_BYTES
    for item in items:
        encoded = _encode(item)
        room -= len(encoded) + 1
        if room < 0:
            break
        fitting.append(msgspec.Raw(encoded))
    return fitting


def shown(course: Course, learner: Learner, command: c.Command) -> dict[str, object]:
    """What a command is answered with."""
    if isinstance(command, c.Look):
        return progress_of(course, learner)
    figures: dict[str, object] = {
        "courseId": course.id,
        **figures_of(course, learner),
        "nextLessonId": next_of(course, learner),
    }
    lesson_id = command.lesson_id if isinstance(command, c.CompleteLesson | c.Watch | c.QuizGraded) else None
    part = course.outline.by_id.get(lesson_id) if lesson_id is not None else None
    if part is not None:
        figures["lesson"] = lesson_of(part, learner.lessons.get(part.id))
    return figures


def notice_of(course_id: CourseId, entry: LoggedEvent) -> Notice:
    """The milestone that was logged, for the learner alone."""
    user_id = UserId(msgspec.json.decode(entry.payload)["userId"])
    return Notice(user_id, entry.type, entry.payload, f"{course_id}:{entry.offset}")


def snapshot_of(course: Course, announcements: Sequence[LoggedEvent]) -> bytes:
    """The snapshot of the topic for everybody, encoded; of the announcements, oldest first, the latest that fit."""
    latest = ({"at": rfc3339(it.at), **msgspec.json.decode(it.payload)} for it in reversed(announcements))
    return _encode({"courseId": course.id, "title": course.title, "announcements": _fitting(latest)[::-1]})
