"""The one statement of a commit: the fence, the logs, and the rows that follow from them.

Every part is an INSERT or DELETE of a data-modifying WITH, guarded by one verdict: either all bundles of the statement
are owned and fit their logs and everything is written, or nothing is and the statement says which bundles do not.
"""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter

from classroom.records import SessionRow
from persistence.batches import Bundle
from persistence.journal_courses import COURSE_PARTS
from persistence.journal_parts import Part, Rows, head, logs

__all__ = ["commit_statement", "logs", "owners"]


def owners(bundles: Sequence[Bundle]) -> list[tuple[int, int]]:
    """The distinct (shard, epoch) pairs, in the order in which the statement numbers them from 1."""
    return sorted({(bundle.shard_id, bundle.epoch) for bundle in bundles})


def _live_events(bundles: Sequence[Bundle]) -> Rows:
    return [
        (bundle.grain_id, event.offset, *event.topic_offsets, event.at, event.type, event.command_id, event.payload)
        for bundle in logs(bundles, "live")
        for event in bundle.events
    ]


def _inbox_events(bundles: Sequence[Bundle]) -> Rows:
    return [
        (bundle.grain_id, event.offset, event.at, event.type, event.command_id, event.payload)
        for bundle in logs(bundles, "inbox")
        for event in bundle.events
    ]


_session = attrgetter(*(field.name for field in fields(SessionRow)))


def _sessions(bundles: Sequence[Bundle]) -> Rows:
    return [_session(bundle.session) for bundle in bundles if bundle.session is not None]


def _intervals(bundles: Sequence[Bundle]) -> Rows:
    return [
        (row.session_id, row.user_id, row.ordinal, row.joined_at, row.left_at, row.reason)
        for bundle in bundles
        for row in bundle.intervals.values()
    ]


def _jobs(bundles: Sequence[Bundle]) -> Rows:
    jobs = {(job.kind, job.key): job for bundle in bundles for job in bundle.jobs.values()}
    return [(job.kind, job.payload, f"{job.kind}:{job.key}") for job in jobs.values()]


def _deadlines(bundles: Sequence[Bundle]) -> Rows:
    return [(it.kind, it.grain_id, it.shard_id, it.deadline) for it in bundles if it.deadline is not None]


def _no_deadlines(bundles: Sequence[Bundle]) -> Rows:
    return [(it.kind, it.grain_id) for it in bundles if it.deadline_changed and it.deadline is None]


# The types and `from_moment` are of migrations 0003, 0008 and 0002.
_PARTS = (
    Part(
        "owner",
        # In the order of the shards, as a claim locks them: the two wait for each other, they do not deadlock. A claim that
        # was first makes FOR SHARE look at the new row, where the epoch no longer fits.
        """
        SELECT w.ord FROM unnest($rows) WITH ORDINALITY AS w(shard_id, epoch, ord)
        JOIN actor_shards s ON s.shard_id = w.shard_id AND s.epoch = w.epoch
        ORDER BY w.shard_id FOR SHARE OF s
        """,
        owners,
        check=True,
    ),
    head("live", "session_id"),
    head("inbox", "user_id"),
    Part(
        "live_event",
        """
        INSERT INTO live_events
            (session_id, "offset", live_offset, staff_offset, queue_offset, at, type, command_id, payload)
        SELECT id, n, live_offset, staff_offset, queue_offset, from_moment(at), type, command_id,
               convert_from(payload, 'UTF8')::json
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        """,
        _live_events,
    ),
    Part(
        "inbox_event",
        """
        INSERT INTO inbox_events (user_id, "offset", at, type, command_id, payload)
        SELECT id, n, from_moment(at), type, command_id, convert_from(payload, 'UTF8')::json
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        """,
        _inbox_events,
    ),
    Part(
        "session",
        """
        INSERT INTO live_sessions
            (id, course_id, lesson_id, title, starts_at, duration_minutes, ends_at, max_students, current_students,
             waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name, started_at,
             ended_at)
        SELECT id, course_id, lesson_id, title, from_moment(starts_at), duration_minutes, from_moment(ends_at), max_students,
               current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id,
               instructor_name, from_moment(started_at), from_moment(ended_at)
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (id) DO UPDATE SET
            (course_id, lesson_id, title, starts_at, duration_minutes, ends_at, max_students, current_students, waitlisted,
             status, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name, started_at, ended_at)
            = ROW (excluded.course_id, excluded.lesson_id, excluded.title, excluded.starts_at, excluded.duration_minutes,
                   excluded.ends_at, excluded.max_students, excluded.current_students, excluded.waitlisted, excluded.status,
                   excluded.doors_open_minutes, excluded.waitlist_enabled, excluded.locked, excluded.instructor_id,
                   excluded.instructor_name, excluded.started_at, excluded.ended_at)
        """,
        _sessions,
    ),
    Part(
        "interval",
        """
        INSERT INTO attendance_intervals (session_id, user_id, ordinal, joined_at, left_at, reason)
        SELECT session_id, user_id, ordinal, from_moment(joined_at), from_moment(left_at), reason
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (session_id, user_id, ordinal) DO UPDATE
        SET joined_at = excluded.joined_at, left_at = excluded.left_at, reason = excluded.reason
        """,
        _intervals,
    ),
    Part(
        "due",
        """
        INSERT INTO deadlines (kind, grain_id, shard_id, due_at)
        SELECT kind, grain_id, shard_id, from_moment(due_at)
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (kind, grain_id) DO UPDATE SET shard_id = excluded.shard_id, due_at = excluded.due_at
        """,
        _deadlines,
    ),
    Part(
        "not_due",
        """
        DELETE FROM deadlines d USING unnest($rows) AS w
        WHERE d.kind = w.kind AND d.grain_id = w.grain_id AND (SELECT ok FROM verdict)
        """,
        _no_deadlines,
    ),
    Part(
        "job",
        # As `persistence.jobs.enqueue`: the row of a key that waits is locked, so that the job starts after this commit.
        """
        INSERT INTO jobs.pgqueuer AS job (priority, entrypoint, payload, execute_after, dedupe_key, status)
        SELECT 0, kind, payload, clock_timestamp(), key, 'queued'::jobs.pgqueuer_status
        FROM unnest($rows) WHERE (SELECT ok FROM verdict)
        ON CONFLICT (dedupe_key) WHERE (
            status = ANY (ARRAY['queued'::jobs.pgqueuer_status, 'picked'::jobs.pgqueuer_status]) AND dedupe_key IS NOT NULL
        )
        DO UPDATE SET execute_after = least(job.execute_after, excluded.execute_after)
        """,
        _jobs,
    ),
)


@cache
def _statement(used: tuple[Part, ...]) -> str:
    checks, writes, verdict, answer = [], [], [], ["ok"]
    for number, part in enumerate(used, 1):
        rows = f"${number}::journal_{part.name}[]"
        sql = part.sql.replace("$rows", rows)
        if part.check:
            checks.append(f"fit_{part.name} AS MATERIALIZED ({sql})")
            verdict.append(f"(SELECT count(*) FROM fit_{part.name}) = cardinality({rows})")  # noqa: S608 - our own names
            answer.append(f"CASE WHEN NOT ok THEN ARRAY(SELECT ord FROM fit_{part.name}) END AS {part.name}")  # noqa: S608
        else:
            writes.append(f"write_{part.name} AS ({sql})")
    checks.append(f"verdict AS MATERIALIZED (SELECT {' AND '.join(verdict)} AS ok)")
    return f"WITH {', '.join(checks + writes)} SELECT {', '.join(answer)} FROM verdict"  # noqa: S608 - our own parts


def commit_statement(bundles: Sequence[Bundle]) -> tuple[str, list[Rows]]:
    """The statement for these bundles and its arguments. Parts without rows are left out; there are few combinations.

    It yields one row: `ok`, and when that is false the ordinals that passed each check: `owner` (of `owners`) and, where
    there are such events, `live_head`, `inbox_head` and `course_head` (of `logs`)."""
    parts = _PARTS + COURSE_PARTS if any(bundle.kind == "course" for bundle in bundles) else _PARTS
    filled = [(part, rows) for part in parts if (rows := part.rows(bundles))]
    return _statement(tuple(part for part, _ in filled)), [rows for _, rows in filled]
