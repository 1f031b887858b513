"""What a course writes in a commit: its log, and the rows of its learners. The types are of migration 0008."""

from collections.abc import Sequence

from persistence.batches import Bundle
from persistence.journal_parts import Part, Rows, head, logs


def _course_events(bundles: Sequence[Bundle]) -> Rows:
    return [
        (bundle.grain_id, event.offset, *event.topic_offsets, event.at, event.type, event.command_id, event.payload)
        for bundle in logs(bundles, "course")
        for event in bundle.events
    ]


def _lessons(bundles: Sequence[Bundle]) -> Rows:
    return [
        (
            user_id, course_id, it.lesson_id, it.completed_at, [end for interval in it.watched for end in interval],
            it.position, it.reported_at, it.unspent, it.report_id, it.quiz_id, it.points, it.possible, it.passed,
            it.updated_at,
        )
        for bundle in bundles
        if bundle.learning is not None
        for (user_id, _), (course_id, it) in bundle.learning.lessons.items()
    ]  # fmt: skip


def _learners(bundles: Sequence[Bundle]) -> Rows:
    return [
        (course_id, user_id, it.thousandths, it.version, sorted(it.told), it.completed_at, it.last_lesson_id, at)
        for bundle in bundles
        if bundle.learning is not None
        for user_id, (course_id, it, at) in bundle.learning.learners.items()
    ]


def _attended(bundles: Sequence[Bundle]) -> Rows:
    return [
        (user_id, course_id, session_id, it.seconds, it.of_seconds, at)
        for bundle in bundles
        if bundle.learning is not None
        for (user_id, session_id), (course_id, it, at) in bundle.learning.attended.items()
    ]


# Only looked at when a course writes: courses have a journal of their own, and the class's door does not pay for them.
COURSE_PARTS = (
    head("course", "course_id"),
    Part(
        "course_event",
        """
        INSERT INTO course_events (course_id, "offset", course_offset, progress_offset, at, type, command_id, payload)
        SELECT id, n, course_offset, progress_offset, from_moment(at), type, command_id, convert_from(payload, 'UTF8')::json
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        """,
        _course_events,
    ),
    Part(
        "lesson",
        """
        INSERT INTO lesson_progress
            (user_id, course_id, lesson_id, completed_at, watched, position, reported_at, unspent, report_id, quiz_id,
             points, possible, passed, updated_at)
        SELECT user_id, course_id, lesson_id, from_moment(completed_at), watched, position, from_moment(reported_at),
               unspent, report_id, quiz_id, points, possible, passed, from_moment(updated_at)
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET
            (completed_at, watched, position, reported_at, unspent, report_id, quiz_id, points, possible, passed, updated_at)
            = ROW (excluded.completed_at, excluded.watched, excluded.position, excluded.reported_at, excluded.unspent,
                   excluded.report_id, excluded.quiz_id, excluded.points, excluded.possible, excluded.passed,
                   excluded.updated_at)
        """,
        _lessons,
    ),
    Part(
        "learner",
        """
        INSERT INTO course_progress
            (course_id, user_id, thousandths, version, told, completed_at, last_lesson_id, updated_at)
        SELECT course_id, user_id, thousandths, version, told, from_moment(completed_at), last_lesson_id,
               from_moment(updated_at)
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (course_id, user_id) DO UPDATE SET
            (thousandths, version, told, completed_at, last_lesson_id, updated_at)
            = ROW (excluded.thousandths, excluded.version, excluded.told, excluded.completed_at, excluded.last_lesson_id,
                   excluded.updated_at)
        """,
        _learners,
    ),
    Part(
        "attended",
        """
        INSERT INTO course_attendance (user_id, course_id, session_id, seconds, of_seconds, updated_at)
        SELECT user_id, course_id, session_id, seconds, of_seconds, from_moment(updated_at)
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (user_id, course_id, session_id) DO UPDATE
        SET seconds = excluded.seconds, of_seconds = excluded.of_seconds, updated_at = excluded.updated_at
        """,
        _attended,
    ),
)
