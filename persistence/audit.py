"""The audit log: every administrative act, written in the transaction of what was done."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.ids import new_id
from persistence.models import ID, MomentType, User
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.account_records import AuditEntry


@dataclass(frozen=True)
class Act:
    """What somebody with power did. `name` is a stable word with a dot, such as `user.ban`; `target_id` names what it was
    done to, and is None where there is but one (the settings). `details` is what the record should remember, as JSON."""

    actor_id: UserId
    name: str
    target_type: str
    target_id: str | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditRow:
    """An act as it stands in the record."""

    id: str
    actor_id: UserId
    actor_name: str
    name: str
    target_type: str
    target_id: str | None
    details: dict[str, Any]
    at: Moment


@dataclass(frozen=True)
class AuditFilter:
    """What the record is narrowed to; None narrows nothing. From `since` on, and before `until`."""

    actor_id: str | None = None
    target_type: str | None = None
    target_id: str | None = None
    since: Moment | None = None
    until: Moment | None = None


async def write_act(connection: AsyncConnection, act: Act, now: Moment) -> None:
    """Put the act on record, in the transaction that this connection is in: it stands if and only if what was done does."""
    await connection.execute(
        insert(AuditEntry).values(
            id=new_id(),
            actor_id=act.actor_id,
            action=act.name,
            target_type=act.target_type,
            target_id=act.target_id,
            details=act.details,
            at=now,
        )
    )


class AuditLog:
    """The record as admins read it. Raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_(self, narrowed: AuditFilter, limit: int, cursor: str | None) -> Page[AuditRow]:
        """A page of acts, the latest first. Raises BadCursor."""
        entry = AuditEntry
        statement = (
            select(*entry.__table__.columns, User.name.label("actor_name"))
            .join(User, User.id == entry.actor_id)
            .order_by(entry.at.desc(), entry.id.desc())
            .limit(limit + 1)
        )
        for column, value in (
            (entry.actor_id, narrowed.actor_id),
            (entry.target_type, narrowed.target_type),
            (entry.target_id, narrowed.target_id),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if narrowed.since is not None:
            statement = statement.where(entry.at >= narrowed.since)
        if narrowed.until is not None:
            statement = statement.where(entry.at < narrowed.until)
        last = read_cursor(cursor, "moment", "id")
        if last is not None:
            behind = tuple_(literal(last[0], MomentType()), literal(last[1], ID))
            statement = statement.where(tuple_(entry.at, entry.id) < behind)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        found = [
            AuditRow(
                row.id,
                UserId(row.actor_id),
                row.actor_name,
                row.action,
                row.target_type,
                row.target_id,
                row.details,
                row.at,
            )
            for row in rows[:limit]
        ]
        return Page(found, write_cursor(found[-1].at, found[-1].id) if len(rows) > limit else None)
