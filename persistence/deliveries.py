"""What became of notices on their ways: one durable mark a notice, person and channel, and the log that admins read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, UserId, uuid7
from classroom.notifications import Channel, Notice
from classroom.times import SECOND, Moment, from_datetime, to_datetime
from persistence.database import Database
from persistence.ids import FIRST_ID, LAST_ID, new_id
from persistence.pages import Page, read_cursor, write_cursor

RECIPIENTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Said:
    """A notice as it stands. `course_id` is set for an announcement to a course."""

    id: str
    notice: Notice
    course_id: CourseId | None
    created_at: Moment


@dataclass(frozen=True)
class Recipient:
    """Who has a notice, and what decides where they are told. `barred` accounts are banned or deleted."""

    user_id: UserId
    name: str
    email: str
    timezone: str
    preferences: Mapping[str, Any]
    barred: bool


@dataclass(frozen=True)
class Mark:
    """How a notice fares on one way. `user_id` None: to everybody who follows the course's topic."""

    user_id: UserId | None
    channel: Channel
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class DeliveryEntry:
    """A line of the delivery log."""

    id: str
    notice_id: str
    kind: str
    title: str
    user_id: UserId | None
    channel: str
    status: str
    reason: str | None
    at: Moment


async def mark(connection: AsyncConnection, notice_id: str, marks: Sequence[Mark], now: Moment) -> list[Mark]:
    """Write down what is to become of a notice; returns the marks that were not there yet. In the transaction that enqueues
    the sending, so that each of them is sent by one cause only."""
    values = {
        "notice_id": notice_id,
        "ids": [new_id() for _ in marks],
        "users": [each.user_id for each in marks],
        "channels": [each.channel.value for each in marks],
        "statuses": [each.status for each in marks],
        "reasons": [each.reason for each in marks],
        "now": to_datetime(now),
    }
    made = {(row.user_id and str(row.user_id), row.channel) for row in await connection.execute(text(_MARK), values)}
    return [each for each in marks if (each.user_id, each.channel.value) in made]


class Deliveries:
    """The marks and who they are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_notice(self, notice_id: str) -> Said | None:
        """What was said, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_NOTICE), {"notice_id": notice_id})).one_or_none()
        if row is None:
            return None
        course_id = CourseId(str(row.course_id)) if row.course_id is not None else None
        return Said(notice_id, Notice(row.kind, row.title, row.body, row.data), course_id, from_datetime(row.created_at))

    async def list_recipients(self, notice_id: str, after: str | None) -> list[Recipient]:
        """The next `RECIPIENTS_AT_ONCE` people who have the notice, behind the person `after`, in the order of their ids."""
        values = {"notice_id": notice_id, "after": after or FIRST_ID, "at_once": RECIPIENTS_AT_ONCE}
        async with self._database.reading() as connection:
            return [_recipient(row) for row in await connection.execute(text(_RECIPIENTS), values)]

    async def find_due(self, notice_id: str, user_id: UserId, channel: Channel) -> Recipient | None:
        """The person, when the notice is still to be brought to them over this channel; None when that was done or skipped,
        or is nobody's task."""
        values = {"notice_id": notice_id, "user_id": user_id, "channel": channel.value}
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_DUE), values)).one_or_none()
        return _recipient(row) if row is not None else None

    async def settle(self, notice_id: str, became: Mark, now: Moment) -> None:
        """Note what has become of it; what was sent or skipped stays so."""
        values = {
            "notice_id": notice_id,
            "user_id": became.user_id,
            "channel": became.channel.value,
            "status": became.status,
            "reason": became.reason,
            "now": to_datetime(now),
        }
        async with self._database.writing() as connection:
            await connection.execute(text(_SETTLE), values)

    async def list_log(self, status: str | None, limit: int, cursor: str | None) -> Page[DeliveryEntry]:
        """The delivery log, the latest first; `status` narrows it. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"after": after[0] if after else LAST_ID, "at_most": limit + 1}
        statement = _LOG.format(narrowed="")
        if status is not None:
            statement, values = _LOG.format(narrowed="AND d.status = :status"), {**values, "status": status}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(statement), values)).all()
        items = [_entry(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def forget_old(self, before: Moment, at_most: int = 1_000) -> int:
        """Drop up to so many lines of the log that were begun before this moment; how many went."""
        # By their ids, which say when they were made: no index of its own is needed.
        values = {"before": uuid7(before * 1_000 // SECOND, 0), "at_most": at_most}
        async with self._database.writing() as connection:
            return (await connection.execute(text(_FORGET), values)).rowcount


def _recipient(row: Any) -> Recipient:
    return Recipient(UserId(str(row.id)), row.name, row.email, row.timezone, row.preferences, row.barred)


def _entry(row: Any) -> DeliveryEntry:
    user_id = UserId(str(row.user_id)) if row.user_id is not None else None
    at = from_datetime(row.at)
    return DeliveryEntry(
        str(row.id), str(row.notice_id), row.kind, row.title, user_id, row.channel, row.status, row.reason, at
    )


# Who was deleted between the cause and its delivery is no foreign key any more: they are left out.
_MARK = """
    INSERT INTO deliveries (id, notice_id, user_id, channel, status, reason, at)
    SELECT m.id, CAST(:notice_id AS uuid), m.user_id, m.channel, m.status, m.reason, :now
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:users AS uuid[]), CAST(:channels AS text[]),
        CAST(:statuses AS text[]), CAST(:reasons AS text[])
    ) AS m (id, user_id, channel, status, reason)
    ON CONFLICT DO NOTHING
    RETURNING user_id, channel
"""
_NOTICE = "SELECT kind, title, body, data, course_id, created_at FROM notices WHERE id = CAST(:notice_id AS uuid)"
_PERSON = """
    u.id, u.name, u.email, u.timezone, u.preferences, (u.status <> 'active' OR u.deleted_at IS NOT NULL) AS barred
"""
_RECIPIENTS = f"""
    SELECT {_PERSON} FROM notifications n JOIN users u ON u.id = n.user_id
    WHERE n.notice_id = CAST(:notice_id AS uuid) AND n.user_id > CAST(:after AS uuid)
    ORDER BY n.user_id LIMIT :at_once
"""  # noqa: S608 - made of constants
_DUE = f"""
    SELECT {_PERSON} FROM deliveries d JOIN users u ON u.id = d.user_id
    WHERE d.notice_id = CAST(:notice_id AS uuid) AND d.user_id = CAST(:user_id AS uuid) AND d.channel = :channel
      AND d.status IN ('queued', 'failed')
"""  # noqa: S608 - made of constants
_SETTLE = """
    UPDATE deliveries SET status = :status, reason = :reason, at = :now
    WHERE notice_id = CAST(:notice_id AS uuid) AND user_id IS NOT DISTINCT FROM CAST(:user_id AS uuid)
      AND channel = :channel AND status IN ('queued', 'failed')
"""
_LOG = """
    SELECT d.id, d.notice_id, o.kind, o.title, d.user_id, d.channel, d.status, d.reason, d.at
    FROM deliveries d JOIN notices o ON o.id = d.notice_id
    WHERE d.id < CAST(:after AS uuid) {narrowed}
    ORDER BY d.id DESC LIMIT :at_most
"""
_FORGET = """
    DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries WHERE id < CAST(:before AS uuid) ORDER BY id LIMIT :at_most FOR UPDATE SKIP LOCKED
    )
"""
