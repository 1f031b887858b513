"""The one statement of a commit: the fence, the logs, and the rows that follow from them.

Every part is an INSERT or DELETE of a data-modifying WITH, guarded by one verdict: either all bundles of the statement
are owned and fit their logs and everything is written, or nothing is and the statement says which bundles do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import count
from typing import Any

from classroom.records import SessionRow
from persistence.batches import Bundle

Columns = list[list[Any]]


@dataclass(frozen=True)
class _Part:
    """One piece of the statement: `sql` over arrays of `types`, and the arrays for some bundles (empty: leave it out).
    A `check` yields the ordinals that pass; any other part writes."""

    name: str
    types: tuple[str, ...]
    sql: str
    columns: Callable[[Sequence[Bundle]], Columns]
    check: bool = False


def _owned(bundles: Sequence[Bundle]) -> Columns:
    pairs = owners(bundles)
    return [[shard_id for shard_id, _ in pairs], [epoch for _, epoch in pairs]]


def owners(bundles: Sequence[Bundle]) -> list[tuple[int, int]]:
    """The distinct (shard, epoch) pairs, in the order in which the statement numbers them from 1."""
    return sorted({(bundle.shard_id, bundle.epoch) for bundle in bundles})


def logs(bundles: Sequence[Bundle], kind: str) -> list[Bundle]:
    """The bundles with events of this kind, in the order in which the statement numbers them from 1."""
    return [bundle for bundle in bundles if bundle.kind == kind and bundle.events]


def _heads(kind: str) -> Callable[[Sequence[Bundle]], Columns]:
    def columns(bundles: Sequence[Bundle]) -> Columns:
        writing = logs(bundles, kind)
        return [[bundle.grain_id for bundle in writing], [bundle.events[0].offset for bundle in writing]]

    return columns


def _live_events(bundles: Sequence[Bundle]) -> Columns:
    writing = logs(bundles, "live")
    events = [event for bundle in writing for event in bundle.events]
    positions = [event.topic_offsets for event in events]
    return [
        [grain_id for bundle in writing for grain_id in [bundle.grain_id] * len(bundle.events)],
        [event.offset for event in events],
        [position[0] for position in positions],
        [position[1] for position in positions],
        [position[2] for position in positions],
        [event.at for event in events],
        [event.type for event in events],
        [event.command_id for event in events],
        [event.payload for event in events],
    ]


def _inbox_events(bundles: Sequence[Bundle]) -> Columns:
    writing = logs(bundles, "inbox")
    events = [event for bundle in writing for event in bundle.events]
    return [
        [grain_id for bundle in writing for grain_id in [bundle.grain_id] * len(bundle.events)],
        [event.offset for event in events],
        [event.at for event in events],
        [event.type for event in events],
        [event.command_id for event in events],
        [event.payload for event in events],
    ]


def _sessions(bundles: Sequence[Bundle]) -> Columns:
    rows = [bundle.session for bundle in bundles if bundle.session is not None]
    return [[getattr(row, name) for row in rows] for name in _SESSION_FIELDS]


def _intervals(bundles: Sequence[Bundle]) -> Columns:
    rows = [interval for bundle in bundles if bundle.intervals for interval in bundle.intervals.values()]
    return [
        [row.session_id for row in rows],
        [row.user_id for row in rows],
        [row.ordinal for row in rows],
        [row.joined_at for row in rows],
        [row.left_at for row in rows],
        [row.reason for row in rows],
    ]


def _deadlines(bundles: Sequence[Bundle]) -> Columns:
    due = [bundle for bundle in bundles if bundle.deadline is not None]
    return [
        [bundle.kind for bundle in due],
        [bundle.grain_id for bundle in due],
        [bundle.shard_id for bundle in due],
        [bundle.deadline for bundle in due],
    ]


def _no_deadlines(bundles: Sequence[Bundle]) -> Columns:
    idle = [bundle for bundle in bundles if bundle.deadline_changed and bundle.deadline is None]
    return [[bundle.kind for bundle in idle], [bundle.grain_id for bundle in idle]]


_SESSION_FIELDS = tuple(field.name for field in fields(SessionRow))

# `$arrays` stands for a part's parameters; `from_moment` is a function of migration 0002.
_PARTS = (
    _Part(
        "held",
        ("smallint", "bigint"),
        # In the order of the shards, as a claim locks them: the two wait for each other, they do not deadlock. A claim that
        # was first makes FOR SHARE look at the new row, where the epoch no longer fits.
        """
        SELECT w.ord FROM unnest($arrays) WITH ORDINALITY AS w(shard_id, epoch, ord)
        JOIN actor_shards s ON s.shard_id = w.shard_id AND s.epoch = w.epoch
        ORDER BY w.shard_id FOR SHARE OF s
        """,
        _owned,
        check=True,
    ),
    _Part(
        "live_heads",
        ("uuid", "bigint"),
        """
        SELECT w.ord FROM unnest($arrays) WITH ORDINALITY AS w(id, first, ord)
        WHERE w.first = 1 + coalesce((SELECT max(e."offset") FROM live_events e WHERE e.session_id = w.id), 0)
        """,
        _heads("live"),
        check=True,
    ),
    _Part(
        "inbox_heads",
        ("uuid", "bigint"),
        """
        SELECT w.ord FROM unnest($arrays) WITH ORDINALITY AS w(id, first, ord)
        WHERE w.first = 1 + coalesce((SELECT max(e."offset") FROM inbox_events e WHERE e.user_id = w.id), 0)
        """,
        _heads("inbox"),
        check=True,
    ),
    _Part(
        "live_log",
        ("uuid", "bigint", "bigint", "bigint", "bigint", "bigint", "text", "text", "bytea"),
        """
        INSERT INTO live_events
            (session_id, "offset", live_offset, staff_offset, queue_offset, at, type, command_id, payload)
        SELECT id, n, live, staff, queue, from_moment(at), type, command_id, convert_from(payload, 'UTF8')::json
        FROM unnest($arrays) AS w(id, n, live, staff, queue, at, type, command_id, payload)
        WHERE (SELECT ok FROM verdict)
        """,
        _live_events,
    ),
    _Part(
        "inbox_log",
        ("uuid", "bigint", "bigint", "text", "text", "bytea"),
        """
        INSERT INTO inbox_events (user_id, "offset", at, type, command_id, payload)
        SELECT id, n, from_moment(at), type, command_id, convert_from(payload, 'UTF8')::json
        FROM unnest($arrays) AS w(id, n, at, type, command_id, payload)
        WHERE (SELECT ok FROM verdict)
        """,
        _inbox_events,
    ),
    _Part(
        "session_rows",
        (
            *("uuid", "uuid", "uuid", "text", "bigint", "integer", "bigint", "integer", "integer", "integer"),
            *("text", "integer", "boolean", "boolean", "uuid", "text", "bigint", "bigint"),
        ),
        """
        INSERT INTO live_sessions
            (id, course_id, lesson_id, title, starts_at, duration_minutes, ends_at, max_students, current_students,
             waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name, started_at,
             ended_at)
        SELECT id, course_id, lesson_id, title, from_moment(starts_at), duration_minutes, from_moment(ends_at), max_students,
               current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id,
               instructor_name, from_moment(started_at), from_moment(ended_at)
        FROM unnest($arrays)
            AS w(id, course_id, lesson_id, title, starts_at, duration_minutes, ends_at, max_students, current_students,
                 waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name,
                 started_at, ended_at)
        WHERE (SELECT ok FROM verdict)
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
    _Part(
        "interval_rows",
        ("uuid", "uuid", "integer", "bigint", "bigint", "text"),
        """
        INSERT INTO attendance_intervals (session_id, user_id, ordinal, joined_at, left_at, reason)
        SELECT session_id, user_id, ordinal, from_moment(joined_at), from_moment(left_at), reason
        FROM unnest($arrays) AS w(session_id, user_id, ordinal, joined_at, left_at, reason)
        WHERE (SELECT ok FROM verdict)
        ON CONFLICT (session_id, user_id, ordinal) DO UPDATE
        SET joined_at = excluded.joined_at, left_at = excluded.left_at, reason = excluded.reason
        """,
        _intervals,
    ),
    _Part(
        "due",
        ("text", "uuid", "smallint", "bigint"),
        """
        INSERT INTO deadlines (kind, grain_id, shard_id, due_at)
        SELECT kind, grain_id, shard_id, from_moment(due_at)
        FROM unnest($arrays) AS w(kind, grain_id, shard_id, due_at)
        WHERE (SELECT ok FROM verdict)
        ON CONFLICT (kind, grain_id) DO UPDATE SET shard_id = excluded.shard_id, due_at = excluded.due_at
        """,
        _deadlines,
    ),
    _Part(
        "not_due",
        ("text", "uuid"),
        """
        DELETE FROM deadlines d USING unnest($arrays) AS w(kind, grain_id)
        WHERE d.kind = w.kind AND d.grain_id = w.grain_id AND (SELECT ok FROM verdict)
        """,
        _no_deadlines,
    ),
)


@cache
def _statement(used: tuple[int, ...]) -> str:
    checks, writes, verdict, answer = [], [], [], ["ok"]
    parameters = count(1)
    for part in (_PARTS[index] for index in used):
        arrays = [f"${next(parameters)}::{kind}[]" for kind in part.types]
        sql = part.sql.replace("$arrays", ", ".join(arrays))
        if part.check:
            checks.append(f"{part.name} AS MATERIALIZED ({sql})")
            verdict.append(f"(SELECT count(*) FROM {part.name}) = cardinality({arrays[0]})")  # noqa: S608 - our own names
            answer.append(f"CASE WHEN NOT ok THEN ARRAY(SELECT ord FROM {part.name}) END AS {part.name}")  # noqa: S608
        else:
            writes.append(f"{part.name} AS ({sql})")
    checks.append(f"verdict AS MATERIALIZED (SELECT {' AND '.join(verdict)} AS ok)")
    return f"WITH {', '.join(checks + writes)} SELECT {', '.join(answer)} FROM verdict"  # noqa: S608 - our own parts


def commit_statement(bundles: Sequence[Bundle]) -> tuple[str, Columns]:
    """The statement for these bundles and its arguments. Parts without rows are left out; there are few combinations.

    It yields one row: `ok`, and when that is false the ordinals that passed each check: `held` (of `owners`) and, where
    there are such events, `live_heads` and `inbox_heads` (of `logs`)."""
    used = []
    arguments: Columns = []
    for index, part in enumerate(_PARTS):
        columns = part.columns(bundles)
        if columns[0]:
            used.append(index)
            arguments += columns
    return _statement(tuple(used)), arguments
