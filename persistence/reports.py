"""Reports: what people think should be looked at, and what was decided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import UserId
from classroom.moderation import Action, TargetType
from classroom.times import Moment, from_datetime, to_datetime
from persistence import lesson_talk, reviews
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.ids import LAST_ID
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class ReportRow:
    """A report. `excerpt` is what its target says now; None when it has gone. `action` is None while it is open."""

    id: str
    reporter_id: UserId
    reporter_name: str
    target_type: TargetType
    target_id: str
    excerpt: str | None
    reason: str
    created_at: Moment
    resolved_at: Moment | None
    resolved_by: UserId | None
    action: Action | None
    note: str


@dataclass(frozen=True)
class NewReport:
    """What somebody thinks of something."""

    id: str
    reporter_id: UserId
    target_type: TargetType
    target_id: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """What an admin does about a report."""

    actor_id: UserId
    action: Action
    note: str


class Reports:
    """The reports; of one person and target one is open. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewReport, now: Moment) -> ReportRow | None:
        """Write the report down. The answer is the person's open report about this target, an earlier one it may be: then
        its id is another. None when there is nothing to report."""
        values = {
            "id": new.id,
            "reporter_id": new.reporter_id,
            "target_type": new.target_type,
            "target_id": new.target_id,
            "reason": new.reason,
            "now": to_datetime(now),
        }
        async with self._database.writing() as connection:
            await connection.execute(text(_ADD[new.target_type]), values)
            found = await connection.execute(text(_FIND_MINE), values)
            row = found.first()
        return _report(row) if row is not None else None

    async def find(self, report_id: str) -> ReportRow | None:
        """The report, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_FIND), {"id": report_id})).one_or_none()
        return _report(row) if row is not None else None

    async def list_(self, is_open: bool | None, limit: int, cursor: str | None) -> Page[ReportRow]:
        """The reports, the latest first; only those that are open, or that are not, if that is said. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"after": after[0] if after else LAST_ID, "at_most": limit + 1}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_LIST[is_open]), values)).all()
        items = [_report(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def resolve(
        self, report: ReportRow, decision: Decision, now: Moment, outside: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Do what was decided about the target, close every open report about it (a dismissal closes this one only), and put
        it on record: all or nothing. False when the report was closed before, and then nothing is done.

        `outside` does what is not done in this transaction; it is called while other admins wait for this decision, and may
        be called again when a decision was not written down.
        """
        values = {
            "id": report.id,
            "target_type": report.target_type,
            "target_id": report.target_id,
            "actor_id": decision.actor_id,
            "action": decision.action,
            "note": decision.note,
            "now": to_datetime(now),
        }
        async with self._database.writing() as connection:
            if report.id not in {str(row.id) for row in await connection.execute(text(_LOCK), values)}:
                return False
            if outside is not None:
                await outside()
            elif decision.action != "dismiss":
                await _DO[report.target_type, decision.action](connection, report.target_id, now)
            closed = await connection.execute(text(_DISMISS if decision.action == "dismiss" else _RESOLVE), values)
            details = {
                "reportId": report.id,
                "action": decision.action,
                "note": decision.note,
                "reports": closed.rowcount,
                "excerpt": report.excerpt,
            }
            act = Act(decision.actor_id, "report.resolve", report.target_type, report.target_id, details)
            await write_act(connection, act, now)
        return True


_Effect = Callable[[AsyncConnection, str, Moment], Awaitable[bool]]


def _hiding(table: str) -> _Effect:
    async def hide(connection: AsyncConnection, ident: str, now: Moment) -> bool:
        return await lesson_talk.hide(connection, table, ident, now)

    return hide


def _deleting(table: str) -> _Effect:
    async def delete(connection: AsyncConnection, ident: str, _now: Moment) -> bool:
        return await lesson_talk.take_away(connection, table, ident)

    return delete


async def _delete_review(connection: AsyncConnection, ident: str, _now: Moment) -> bool:
    return await reviews.take_away(connection, ident)


_DO: dict[tuple[str, str], _Effect] = {
    ("review", "hide"): reviews.hide,
    ("review", "delete"): _delete_review,
    ("question", "hide"): _hiding("questions"),
    ("question", "delete"): _deleting("questions"),
    ("answer", "hide"): _hiding("answers"),
    ("answer", "delete"): _deleting("answers"),
}


def _report(row: Any) -> ReportRow:
    return ReportRow(
        id=str(row.id),
        reporter_id=UserId(str(row.reporter_id)),
        reporter_name=row.reporter_name,
        target_type=row.target_type,
        target_id=str(row.target_id),
        excerpt=row.excerpt,
        reason=row.reason,
        created_at=from_datetime(row.created_at),
        resolved_at=from_datetime(row.resolved_at) if row.resolved_at is not None else None,
        resolved_by=UserId(str(row.resolved_by)) if row.resolved_by is not None else None,
        action=row.action,
        note=row.note,
    )


_TARGETS: dict[TargetType, str] = {
    "course": "courses WHERE deleted_at IS NULL",
    "lesson": "lessons WHERE deleted_at IS NULL",
    "review": "reviews WHERE hidden_at IS NULL",
    "question": "questions WHERE hidden_at IS NULL",
    "answer": "answers WHERE hidden_at IS NULL",
    "user": "users WHERE deleted_at IS NULL",
}
_ADD = {
    kind: f"""
        INSERT INTO reports (id, reporter_id, target_type, target_id, reason, created_at)
        SELECT CAST(:id AS uuid), CAST(:reporter_id AS uuid), :target_type, id, :reason, :now
        FROM {target} AND id = CAST(:target_id AS uuid)
        ON CONFLICT DO NOTHING
    """  # noqa: S608 - a table of ours
    for kind, target in _TARGETS.items()
}
_EXCERPTS = " ".join(
    f"WHEN '{kind}' THEN (SELECT left({column}, 200) FROM {kind}s WHERE id = r.target_id)"  # noqa: S608 - tables of ours
    for kind, column in (
        ("course", "title"),
        ("lesson", "title"),
        ("review", "text"),
        ("question", "text"),
        ("answer", "text"),
        ("user", "name"),
    )
)
_SELECT = f"""
    SELECT r.*, u.name AS reporter_name, CASE r.target_type {_EXCERPTS} END AS excerpt
    FROM reports r JOIN users u ON u.id = r.reporter_id
"""  # noqa: S608 - made of constants
_FIND = f"{_SELECT} WHERE r.id = CAST(:id AS uuid)"
_FIND_MINE = f"""{_SELECT}
    WHERE r.reporter_id = CAST(:reporter_id AS uuid) AND r.target_type = :target_type
      AND r.target_id = CAST(:target_id AS uuid) AND (r.id = CAST(:id AS uuid) OR r.resolved_at IS NULL)
    ORDER BY r.id = CAST(:id AS uuid) DESC
"""
_PAGE = f"{_SELECT} WHERE r.id < CAST(:after AS uuid) {{narrowed}} ORDER BY r.id DESC LIMIT :at_most"
_LIST = {
    None: _PAGE.format(narrowed=""),
    True: _PAGE.format(narrowed="AND r.resolved_at IS NULL"),
    False: _PAGE.format(narrowed="AND r.resolved_at IS NOT NULL"),
}
# All of them in one order: two decisions about one thing never wait for each other both.
_LOCK = """
    SELECT id FROM reports
    WHERE target_type = :target_type AND target_id = CAST(:target_id AS uuid) AND resolved_at IS NULL
    ORDER BY id FOR UPDATE
"""
_SETTLED = """
    UPDATE reports SET resolved_at = :now, resolved_by = CAST(:actor_id AS uuid), action = :action, note = :note
    WHERE resolved_at IS NULL
"""
_DISMISS = f"{_SETTLED} AND id = CAST(:id AS uuid)"
_RESOLVE = f"{_SETTLED} AND target_type = :target_type AND target_id = CAST(:target_id AS uuid)"
