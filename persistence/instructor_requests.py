"""Students who ask to become instructors, and what admins answer."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import UserId
from classroom.times import Moment
from persistence.account_administration import lock_actor
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.models import User
from persistence.notifications import Notice, notify
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.account_records import InstructorRequest


@dataclass(frozen=True)
class InstructorRequestRow:
    """A request and who made it. `status` is `pending`, `approved` or `rejected`; the last three say how it was decided."""

    id: str
    user_id: UserId
    user_name: str
    user_email: str
    reason: str
    qualifications: str
    status: str
    created_at: Moment
    decided_at: Moment | None
    decided_by: UserId | None
    decision_reason: str | None


class NotMade(Enum):
    """Why there is no new request."""

    NO_STUDENT = auto()
    PENDING = auto()


class NotDecided(Enum):
    """Why a decision did not happen."""

    NO_SUCH_REQUEST = auto()
    NOT_AN_ADMIN = auto()
    OTHERWISE = auto()
    """It was decided the other way."""


class InstructorRequests:
    """The requests. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(
        self, request_id: str, user_id: UserId, reason: str, qualifications: str, now: Moment
    ) -> InstructorRequestRow | NotMade:
        """Ask, for a student none of whose requests is pending. The same id again is answered with what it made."""
        request = InstructorRequest
        async with self._database.writing() as connection:
            role = (
                await connection.execute(
                    select(User.role).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update(read=True)
                )
            ).scalar_one_or_none()
            known = (await connection.execute(_requests().where(request.id == request_id))).one_or_none()
            if known is not None and known.user_id == user_id:
                return _row(known)
            if role != "student":
                return NotMade.NO_STUDENT
            made = await connection.execute(
                pg_insert(request)
                .values(id=request_id, user_id=user_id, reason=reason, qualifications=qualifications, created_at=now)
                .on_conflict_do_nothing()
                .returning(request.id)
            )
            if made.one_or_none() is None:
                return NotMade.PENDING
            return _row((await connection.execute(_requests().where(request.id == request_id))).one())

    async def find_latest(self, user_id: UserId) -> InstructorRequestRow | None:
        """The person's last request, or None."""
        statement = _requests().where(InstructorRequest.user_id == user_id).order_by(InstructorRequest.id.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _row(row) if row is not None else None

    async def list_(self, status: str | None, limit: int, cursor: str | None) -> Page[InstructorRequestRow]:
        """A page of requests, those that wait longest first. Raises BadCursor."""
        statement = _requests().order_by(InstructorRequest.id).limit(limit + 1)
        if status is not None:
            statement = statement.where(InstructorRequest.status == status)
        last = read_cursor(cursor, "id")
        if last is not None:
            statement = statement.where(InstructorRequest.id > last[0])
        async with self._database.reading() as connection:
            rows = [_row(row) for row in (await connection.execute(statement)).all()]
        return Page(rows[:limit], write_cursor(rows[limit - 1].id) if len(rows) > limit else None)

    async def approve(self, request_id: str, actor_id: UserId, now: Moment) -> InstructorRequestRow | NotDecided:
        """Make the student an instructor, from their next access token on. Twice is once."""
        return await self._decide(request_id, actor_id, "approved", None, now)

    async def reject(self, request_id: str, actor_id: UserId, reason: str, now: Moment) -> InstructorRequestRow | NotDecided:
        """Say no, and why. Twice is once, for the first reason."""
        return await self._decide(request_id, actor_id, "rejected", reason, now)

    async def _decide(
        self, request_id: str, actor_id: UserId, status: str, reason: str | None, now: Moment
    ) -> InstructorRequestRow | NotDecided:
        request = InstructorRequest
        async with self._database.writing() as connection:
            if not await lock_actor(connection, actor_id):
                return NotDecided.NOT_AN_ADMIN
            # The person first, as `make` does: else each could wait for the other.
            asked = _requests().where(request.id == request_id).with_for_update(key_share=True, of=User)
            if (await connection.execute(asked)).one_or_none() is None:
                return NotDecided.NO_SUCH_REQUEST
            decided = (
                await connection.execute(
                    update(request)
                    .where(request.id == request_id, request.status == "pending")
                    .values(status=status, decided_at=now, decided_by=actor_id, decision_reason=reason)
                    .returning(request.user_id)
                )
            ).scalar_one_or_none()
            if decided is not None:
                if status == "approved":
                    await _raise(connection, actor_id, decided, now)
                name = "instructor_request.approve" if status == "approved" else "instructor_request.reject"
                details = {"userId": decided} if reason is None else {"userId": decided, "reason": reason}
                await write_act(connection, Act(actor_id, name, "instructor_request", request_id, details), now)
                await notify(
                    connection, [UserId(decided)], _notice(request_id, status, reason), now, key=f"{request_id}:decided"
                )
            row = (await connection.execute(_requests().where(request.id == request_id))).one()
        return _row(row) if row.status == status else NotDecided.OTHERWISE


async def _raise(connection: AsyncConnection, actor_id: UserId, user_id: str, now: Moment) -> None:
    student = (User.id == user_id, User.role == "student")
    raised = await connection.execute(update(User).where(*student).values(role="instructor", updated_at=now))
    if raised.rowcount > 0:
        # Who was an instructor before may stand on the deny-list as such, and followers of the list read this.
        details = {"from": "student", "to": "instructor", "lowered": False}
        await write_act(connection, Act(actor_id, "user.role", "user", user_id, details), now)


def _notice(request_id: str, status: str, reason: str | None) -> Notice:
    data = {"requestId": request_id, "status": status}
    if status == "approved":
        body = "Your request was approved. Sign in again, or wait a moment, and you can make courses."
        return Notice("instructor_request", "You are an instructor now", body, data)
    return Notice("instructor_request", "Your request to become an instructor was turned down", reason or "", data)


def _requests() -> Select[Any]:
    return (
        select(*InstructorRequest.__table__.columns, User.name.label("user_name"), User.email.label("user_email"))
        .join(User, User.id == InstructorRequest.user_id)
        .where(User.deleted_at.is_(None))
    )


def _row(row: Row[Any]) -> InstructorRequestRow:
    return InstructorRequestRow(**{name: getattr(row, name) for name in InstructorRequestRow.__dataclass_fields__})
