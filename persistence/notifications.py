"""Notices and who has them: a text once, and one durable row a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.callers import Role
from classroom.ids import CourseId, UserId
from classroom.notifications import Notice
from classroom.times import Moment, from_datetime, to_datetime
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.ids import FIRST_ID, LAST_ID, new_id
from persistence.jobs import enqueue
from persistence.pages import Page, read_cursor, write_cursor

__all__ = ["Announced", "Audience", "Notice", "NotificationRow", "Notifications", "announce", "notify"]

DELIVER = "notification.deliver"
"""The kind of the job that brings a notice to whoever has it; its payload is `{noticeId, after}`."""
SPREAD = "notification.spread"
"""The kind of the job that gives a notice to an audience that has no bound; its payload is `{noticeId, role, after}`."""
SPREAD_AT_ONCE = 10_000
BULK_SECONDS = 60.0

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class NotificationRow:
    """A notice as one person has it. `id` is the notice's; `timezone` the person's."""

    id: str
    kind: str
    title: str
    body: str
    data: Mapping[str, Any]
    course_id: CourseId | None
    created_at: Moment
    read_at: Moment | None
    timezone: str

    @property
    def notice(self) -> Notice:
        """What was said."""
        return Notice(self.kind, self.title, self.body, self.data)


@dataclass(frozen=True)
class Audience:
    """Who an announcement is for: everybody, narrowed to the students of a course, to these people, to a role."""

    course_id: CourseId | None = None
    user_ids: tuple[UserId, ...] | None = None
    role: Role | None = None


@dataclass(frozen=True)
class Announced:
    """How many people have it; None while it is being spread. `is_new` is false for the same id again."""

    people: int | None
    is_new: bool


async def notify(connection: AsyncConnection, user_ids: Sequence[UserId], notice: Notice, now: Moment, key: str) -> int:
    """Tell these people, in the transaction of the cause: one row each, and one job that delivers them. Who has been told
    under this key already, is nobody, or has a deleted account gets nothing; returns how many were told."""
    notice_id = new_id()
    told = await connection.execute(
        text(_NOTIFY),
        {"notice_id": notice_id, "users": list(user_ids), "key": key, "now": to_datetime(now), **text_of(notice)},
    )
    if told.rowcount:
        await enqueue(connection, DELIVER, {"noticeId": notice_id}, key=notice_id)
    return told.rowcount


async def announce(
    connection: AsyncConnection, notice_id: str, audience: Audience, notice: Notice, now: Moment
) -> Announced:
    """Say something to an audience. The students of a course, and people who are named, have it at once, by one statement;
    everybody, or everybody of a role, gets it from a job in bounded steps. The same id again adds nothing."""
    whole_course = audience.course_id if audience.user_ids is None and audience.role is None else None
    values = {"notice_id": notice_id, "course_id": whole_course, "now": to_datetime(now), **text_of(notice)}
    made = await connection.execute(text(_ANNOUNCE), values)
    is_new = made.rowcount > 0
    if audience.course_id is None and audience.user_ids is None:
        if is_new:
            await enqueue(connection, SPREAD, {"noticeId": notice_id, "role": audience.role}, key=notice_id)
        return Announced(None, is_new)
    if not is_new:
        people = int((await connection.execute(text(_COUNT), {"notice_id": notice_id})).scalar_one())
        return Announced(people, is_new)
    statement, narrowed = _to(notice_id, audience)
    given = await at_leisure(connection, statement, *narrowed)
    await enqueue(connection, DELIVER, {"noticeId": notice_id}, key=notice_id)
    return Announced(given, is_new)


async def at_leisure(connection: AsyncConnection, statement: str, *values: object) -> int:
    """Execute a statement in asyncpg's words that may take `BULK_SECONDS`, in the transaction that has begun; returns how
    many rows it made. A hundred thousand of them take longer on a busy machine than other statements are given."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise LookupError("the connection was closed meanwhile")
    done: str = await driver.execute(statement, *values, timeout=BULK_SECONDS)
    return int(done.rpartition(" ")[2])


async def spread(connection: AsyncConnection, notice_id: str, role: str | None, after: str | None) -> str | None:
    """Give a notice to the next `SPREAD_AT_ONCE` people; returns behind whom to go on, None when everybody has it."""
    values = {"notice_id": notice_id, "role": role, "after": after or FIRST_ID, "at_once": SPREAD_AT_ONCE}
    row = (await connection.execute(text(_TO_EVERYBODY), values)).one()
    return str(row.last) if row.people == SPREAD_AT_ONCE else None


class Notifications:
    """What a person was told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(
        self, notice_id: str, audience: Audience, notice: Notice, now: Moment, act: Act | None = None
    ) -> Announced:
        """See `announce`; in the same transaction the act is put on record, when it is new."""
        async with self._database.writing() as connection:
            announced = await announce(connection, notice_id, audience, notice, now)
            if act is not None and announced.is_new:
                await write_act(connection, act, now)
        return announced

    async def list_of(self, user_id: UserId, unread: bool, limit: int, cursor: str | None) -> Page[NotificationRow]:
        """The person's notices, the latest first; with `unread` only those not read yet. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"user_id": user_id, "after": after[0] if after else LAST_ID, "at_most": limit + 1}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_UNREAD if unread else _LIST), values)).all()
        items = [_notification(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def count_unread(self, user_id: UserId, at_most: int = 100) -> int:
        """How many are not read, counted up to `at_most`."""
        async with self._database.reading() as connection:
            return int((await connection.execute(text(_COUNT_UNREAD), {"user_id": user_id, "most": at_most})).scalar_one())

    async def read(self, user_id: UserId, notice_id: str, now: Moment) -> NotificationRow | None:
        """Note that the person has read it; the moment of the first time stays. None when they have no such notice."""
        values = {"user_id": user_id, "notice_id": notice_id, "now": to_datetime(now)}
        async with self._database.writing() as connection:
            await connection.execute(text(_READ), values)
            row = (await connection.execute(text(_FIND), values)).one_or_none()
        return _notification(row) if row is not None else None

    async def read_all(self, user_id: UserId, now: Moment) -> int:
        """Note that the person has read everything that is there now; returns how much was new to them."""
        async with self._database.writing() as connection:
            done = await connection.execute(text(_READ_ALL), {"user_id": user_id, "now": to_datetime(now)})
        return done.rowcount

    async def forget_old(self, before: Moment, at_most: int = 1_000) -> int:
        """Drop up to so many notifications of notices from before this moment, as many lines about them in the delivery log,
        and those notices that nothing is left of; how many rows went."""
        values = {"before": to_datetime(before), "at_most": at_most}
        async with self._database.writing() as connection:
            return sum([(await connection.execute(text(each), values)).rowcount for each in _FORGET])


def _to(notice_id: str, audience: Audience) -> tuple[str, list[object]]:
    """The statement that gives a notice to a bounded audience, and its values. It says only what is asked for, so that each
    has the plan that suits it."""
    statement, values = _TO_PEOPLE, list[object]([notice_id])
    if audience.course_id is not None:
        values.append(audience.course_id)
        statement = _TO_COURSE
    if audience.user_ids is not None:
        values.append(list(audience.user_ids))
        statement += f" AND u.id = ANY(${len(values)}::uuid[])"
    if audience.role is not None:
        values.append(audience.role.value)
        statement += f" AND u.role = ${len(values)}"
    return statement + " ORDER BY u.id ON CONFLICT DO NOTHING", values


def text_of(notice: Notice) -> dict[str, Any]:
    """The notice as the columns of `notices` have it."""
    data = _encode(dict(notice.data)).decode()
    return {"kind": notice.kind, "title": notice.title, "body": notice.body, "data": data}


def _notification(row: Any) -> NotificationRow:
    return NotificationRow(
        id=str(row.id),
        kind=row.kind,
        title=row.title,
        body=row.body,
        data=row.data,
        course_id=CourseId(str(row.course_id)) if row.course_id is not None else None,
        created_at=from_datetime(row.created_at),
        read_at=from_datetime(row.read_at) if row.read_at is not None else None,
        timezone=row.timezone,
    )


# The notice is made only for those who are new to the key: a cause that comes again leaves no trace.
_NOTIFY = """
    WITH fresh AS (
        SELECT u.id FROM users u
        WHERE u.id = ANY(CAST(:users AS uuid[])) AND u.deleted_at IS NULL
          AND NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = u.id AND n.key = :key)
    ), said AS (
        INSERT INTO notices (id, kind, title, body, data, created_at)
        SELECT CAST(:notice_id AS uuid), :kind, :title, :body, CAST(:data AS jsonb), :now WHERE EXISTS (SELECT FROM fresh)
    )
    INSERT INTO notifications (user_id, notice_id, key)
    SELECT id, CAST(:notice_id AS uuid), :key FROM fresh
    ON CONFLICT DO NOTHING
"""

_ANNOUNCE = """
    INSERT INTO notices (id, kind, title, body, data, course_id, created_at)
    VALUES (CAST(:notice_id AS uuid), :kind, :title, :body, CAST(:data AS jsonb), CAST(:course_id AS uuid), :now)
    ON CONFLICT (id) DO NOTHING
"""

# In the order of the ids: each next row then goes beside the last one in two of the indexes.
_TO_COURSE = """
    INSERT INTO notifications (user_id, notice_id, key)
    SELECT u.id, $1::uuid, 'announcement:' || $1::uuid
    FROM enrollments e JOIN users u ON u.id = e.user_id
    WHERE e.course_id = $2::uuid AND e.left_at IS NULL AND u.deleted_at IS NULL
"""

_TO_PEOPLE = """
    INSERT INTO notifications (user_id, notice_id, key)
    SELECT u.id, $1::uuid, 'announcement:' || $1::uuid
    FROM users u WHERE u.deleted_at IS NULL
"""

_TO_EVERYBODY = """
    WITH people AS (
        SELECT id FROM users
        WHERE deleted_at IS NULL AND (CAST(:role AS text) IS NULL OR role = CAST(:role AS text))
          AND id > CAST(:after AS uuid)
        ORDER BY id LIMIT :at_once
    ), given AS (
        INSERT INTO notifications (user_id, notice_id, key)
        SELECT id, CAST(:notice_id AS uuid), 'announcement:' || CAST(:notice_id AS uuid) FROM people
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS people, (SELECT id FROM people ORDER BY id DESC LIMIT 1) AS last FROM people
"""

_COUNT = "SELECT count(*) FROM notifications WHERE notice_id = CAST(:notice_id AS uuid)"

_COLUMNS = """
    SELECT o.id, o.kind, o.title, o.body, o.data, o.course_id, o.created_at, n.read_at, u.timezone
    FROM notifications n JOIN notices o ON o.id = n.notice_id JOIN users u ON u.id = n.user_id
"""
_PAGE = """
    WHERE n.user_id = CAST(:user_id AS uuid) AND n.notice_id < CAST(:after AS uuid) {narrowed}
    ORDER BY n.notice_id DESC LIMIT :at_most
"""
_LIST = _COLUMNS + _PAGE.format(narrowed="")
_UNREAD = _COLUMNS + _PAGE.format(narrowed="AND n.read_at IS NULL")
_FIND = f"{_COLUMNS} WHERE n.user_id = CAST(:user_id AS uuid) AND n.notice_id = CAST(:notice_id AS uuid)"

_COUNT_UNREAD = """
    SELECT count(*) FROM (
        SELECT FROM notifications WHERE user_id = CAST(:user_id AS uuid) AND read_at IS NULL LIMIT :most
    ) AS unread
"""
_READ = """
    UPDATE notifications SET read_at = :now
    WHERE user_id = CAST(:user_id AS uuid) AND notice_id = CAST(:notice_id AS uuid) AND read_at IS NULL
"""
_READ_ALL = "UPDATE notifications SET read_at = :now WHERE user_id = CAST(:user_id AS uuid) AND read_at IS NULL"
_OLD = "(SELECT id FROM notices WHERE created_at < :before ORDER BY created_at LIMIT :at_most)"
_FORGET = (
    f"""
    DELETE FROM notifications WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM notifications WHERE notice_id IN {_OLD} LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """,  # noqa: S608 - made of constants
    f"""
    DELETE FROM deliveries WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM deliveries WHERE notice_id IN {_OLD} LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """,  # noqa: S608 - made of constants
    f"""
    DELETE FROM notices AS o WHERE o.id IN {_OLD}
        AND NOT EXISTS (SELECT FROM notifications AS n WHERE n.notice_id = o.id)
        AND NOT EXISTS (SELECT FROM deliveries AS d WHERE d.notice_id = o.id)
    """,  # noqa: S608 - made of constants
)
