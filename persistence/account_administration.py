"""What admins do with accounts, and how an account ends: every act in one transaction with its record."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, any_, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.callers import Role
from classroom.ids import SessionId, UserId
from classroom.times import SECOND, Moment, to_datetime
from persistence.accounts import Account, account_of, accounts
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.enrollments import leave_all
from persistence.jobs import enqueue
from persistence.models import ID, User
from persistence.pages import Page, read_cursor, write_cursor
from persistence.sign_ins import end_all

SEE_OUT = "account.see_out"
"""The kind of the job that takes who was banned or has gone out of every class; its payload is `{userId, name}`."""
SEE_OUT_SECONDS = 15
"""What was under way when somebody was banned has arrived by then, and classes have forgotten that they are enrolled."""
MOST_WORDS = 8
MOST_RARE = 2_000
"""Words that more people have are common."""
_POWER = {Role.STUDENT: 0, Role.INSTRUCTOR: 1, Role.ADMIN: 2}


@dataclass(frozen=True)
class PeopleFilter:
    """What a list of people is narrowed to; None narrows nothing. `words` are beginnings of words of name and address."""

    words: str | None = None
    role: Role | None = None
    status: str | None = None


@dataclass(frozen=True)
class Changed:
    """The account as it is now, what it was before, when this was said, and the sign-ins that ended with the change."""

    account: Account
    was: Account
    at: Moment
    families: tuple[str, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Whether this was more than saying the same again."""
        return self.account != self.was

    @property
    def is_lowered(self) -> bool:
        """Whether the person may do less now by their role."""
        return _POWER[self.account.role] < _POWER[self.was.role]


class Unchanged(Enum):
    """Why nothing was done."""

    NO_SUCH_ACCOUNT = auto()
    NOT_AN_ADMIN = auto()
    """Who asks is no active admin any more, whatever their token says."""
    ONESELF = auto()
    LAST_ADMIN = auto()


class AccountAdministration:
    """The accounts as admins see them. Every call raises StoreAway when Postgres is away. Deleted accounts are not found.

    Who acts is an active admin at that very moment, and never acts on themselves, so there is always an admin left: acts on
    accounts wait for each other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_(self, narrowed: PeopleFilter, limit: int, cursor: str | None) -> Page[Account]:
        """A page of people, the newest first. Raises BadCursor."""
        statement = accounts().order_by(User.id.desc()).limit(limit + 1)
        if narrowed.role is not None:
            statement = statement.where(User.role == narrowed.role.value)
        if narrowed.status is not None:
            statement = statement.where(User.status == narrowed.status)
        last = read_cursor(cursor, "id")
        if last is not None:
            statement = statement.where(User.id < last[0])
        async with self._database.reading() as connection:
            if narrowed.words is not None:
                statement = statement.where(await _found_by(connection, narrowed.words))
            rows = (await connection.execute(statement)).all()
        found = [account_of(row) for row in rows[:limit]]
        return Page(found, write_cursor(found[-1].id) if len(rows) > limit else None)

    async def ban(self, actor_id: UserId, user_id: UserId, reason: str, now: Moment) -> Changed | Unchanged:
        """Keep this person out: no sign-in stands any more. Who is banned already stays so, for the reason of then."""
        async with self._database.writing() as connection:
            was = await _target(connection, actor_id, user_id)
            if isinstance(was, Unchanged):
                return was
            if was.status == "banned":
                return Changed(was, was, now)
            values = {"status": "banned", "status_changed_at": now, "ban_reason": reason}
            account = await _set(connection, user_id, values, now)
            families = await end_all(connection, user_id, now, "ban")
            await write_act(connection, Act(actor_id, "user.ban", "user", user_id, {"reason": reason}), now)
            await _see_out(connection, account, now)
        return Changed(account, was, now, tuple(families))

    async def activate(self, actor_id: UserId, user_id: UserId, now: Moment) -> Changed | Unchanged:
        """Let this person in again; they have to sign in anew."""
        async with self._database.writing() as connection:
            was = await _target(connection, actor_id, user_id)
            if isinstance(was, Unchanged):
                return was
            if was.status == "active":
                return Changed(was, was, now)
            values = {"status": "active", "status_changed_at": now, "ban_reason": None}
            account = await _set(connection, user_id, values, now)
            await write_act(connection, Act(actor_id, "user.activate", "user", user_id), now)
        return Changed(account, was, now)

    async def set_role(self, actor_id: UserId, user_id: UserId, role: Role, now: Moment) -> Changed | Unchanged:
        """Give this person a role. It is in the next access token; one that says a higher role is to be denied at once."""
        async with self._database.writing() as connection:
            was = await _target(connection, actor_id, user_id)
            if isinstance(was, Unchanged):
                return was
            if was.role is role:
                return Changed(was, was, now)
            changed = Changed(await _set(connection, user_id, {"role": role.value}, now), was, now)
            details = {"from": was.role.value, "to": role.value, "lowered": changed.is_lowered}
            await write_act(connection, Act(actor_id, "user.role", "user", user_id, details), now)
        return changed

    async def delete(self, user_id: UserId, now: Moment) -> Changed | Unchanged:
        """Close the own account: it is found no more, its address is free, and it is a student of no course any more.
        Its name stays in the records of classes."""
        async with self._database.writing() as connection:
            admins = await _lock_admins(connection)
            was = await _lock(connection, user_id)
            if was is None:
                return Unchanged.NO_SUCH_ACCOUNT
            if admins == {user_id}:
                return Unchanged.LAST_ADMIN
            account = await _set(connection, user_id, {"deleted_at": now, "status_changed_at": now}, now)
            families = await end_all(connection, user_id, now, "delete")
            await leave_all(connection, user_id, now)
            await write_act(connection, Act(user_id, "user.delete", "user", user_id), now)
            await _see_out(connection, account, now)
        return Changed(account, was, now, tuple(families))


async def lock_actor(connection: AsyncConnection, actor_id: UserId) -> bool:
    """Whether this is an active admin, who stays one until the transaction ends."""
    found = await connection.execute(
        select(User.id)
        .where(User.id == actor_id, User.role == "admin", User.status == "active", User.deleted_at.is_(None))
        .with_for_update(read=True)
    )
    return found.one_or_none() is not None


async def classes_to_leave(database: Database, user_id: UserId, now: Moment) -> list[SessionId]:
    """The classes whose doors are open in the courses of somebody who is banned or has gone; none for anybody else."""
    async with database.reading() as connection:
        found = await connection.execute(text(_CLASSES_TO_LEAVE), {"user_id": user_id, "now": to_datetime(now)})
        return [SessionId(session_id) for session_id in found.scalars()]


_CLASSES_TO_LEAVE = """
    SELECT s.id::text
    FROM users u
    JOIN enrollments e ON e.user_id = u.id AND (e.left_at IS NULL OR e.left_at >= u.deleted_at)
    JOIN live_sessions s ON s.course_id = e.course_id
    WHERE u.id = :user_id AND (u.status = 'banned' OR u.deleted_at IS NOT NULL)
      AND (s.status = 'live' OR s.status = 'scheduled'
           AND s.starts_at <= CAST(:now AS timestamptz) + make_interval(mins => s.doors_open_minutes))
"""
_HAS_WORDS = (
    "to_tsvector('simple'::regconfig, translate((users.name || ' '::text) || users.email, '@._+-'::text, '     '::text))"
    " @@ to_tsquery('simple'::regconfig, :words)"
)
"""By the index `ix_users_words`."""


async def _found_by(connection: AsyncConnection, words: str) -> ColumnElement[bool]:
    """Rare words are looked up first, since Postgres would rather walk through everybody in the order of the list; of common
    ones that walk soon meets enough."""
    condition = text(_HAS_WORDS).bindparams(words=_query_of(words))
    found = list((await connection.execute(select(User.id).where(condition).limit(MOST_RARE + 1))).scalars())
    if len(found) > MOST_RARE:
        return cast(ColumnElement[bool], condition)
    return User.id == any_(literal(found, ARRAY(ID)))


def _query_of(words: str) -> str:
    """A query for what begins with each of these words; one that nothing fits when there is none."""
    found = "".join(sign if sign.isalnum() else " " for sign in words).split()[:MOST_WORDS]
    return " & ".join(f"'{word}':*" for word in found)


async def _target(connection: AsyncConnection, actor_id: UserId, user_id: UserId) -> Account | Unchanged:
    if actor_id not in await _lock_admins(connection):
        return Unchanged.NOT_AN_ADMIN
    found = await _lock(connection, user_id)
    if found is None:
        return Unchanged.NO_SUCH_ACCOUNT
    return Unchanged.ONESELF if user_id == actor_id else found


async def _lock_admins(connection: AsyncConnection) -> set[UserId]:
    # NO KEY: rows that only refer to an admin need not wait.
    found = await connection.execute(
        select(User.id)
        .where(User.role == "admin", User.status == "active", User.deleted_at.is_(None))
        .order_by(User.id)
        .with_for_update(key_share=True)
    )
    return {UserId(user_id) for user_id in found.scalars()}


async def _lock(connection: AsyncConnection, user_id: UserId) -> Account | None:
    row = (await connection.execute(accounts().where(User.id == user_id).with_for_update(key_share=True))).one_or_none()
    return account_of(row) if row is not None else None


async def _set(connection: AsyncConnection, user_id: UserId, values: dict[str, Any], now: Moment) -> Account:
    changed = await connection.execute(
        update(User).where(User.id == user_id).values(**values, updated_at=now).returning(*User.__table__.columns)
    )
    return account_of(changed.one())


async def _see_out(connection: AsyncConnection, account: Account, now: Moment) -> None:
    due = Moment(now + SEE_OUT_SECONDS * SECOND)
    await enqueue(connection, SEE_OUT, {"userId": account.id, "name": account.name}, run_at=due, key=account.id)
