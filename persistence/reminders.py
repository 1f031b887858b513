"""Reminders of classes: which are due, and who is still to be told."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from classroom.ids import CourseId, SessionId
from classroom.notifications import Lead, Notice, reminder_key, windows
from classroom.times import MINUTE, SECOND, Moment, from_datetime, rfc3339, to_datetime
from persistence.database import Database
from persistence.ids import new_id
from persistence.jobs import enqueue
from persistence.notifications import DELIVER, at_leisure, text_of

MARGIN = 10 * MINUTE
"""Who enrolled so long before the last sweep is looked at again: their transaction may have been open then."""
KEEP = 2 * 24 * 60 * MINUTE

_TITLES = {Lead.DAY: "Your class is coming up: {title}", Lead.QUARTER: "Your class begins soon: {title}"}


@dataclass(frozen=True)
class DueClass:
    """A class that has not begun, and the reminder of it that is due."""

    session_id: SessionId
    course_id: CourseId
    title: str
    starts_at: Moment
    lead: Lead

    @property
    def notice(self) -> Notice:
        """What its students are told."""
        data = {
            "sessionId": self.session_id,
            "courseId": self.course_id,
            "startTime": rfc3339(self.starts_at),
            "lead": self.lead.value,
        }
        title = _TITLES[self.lead].format(title=self.title)
        return Notice("class_reminder", title, "The class begins on {startTime}.", data)

    @property
    def key(self) -> str:
        """The cause, under which each student is told once."""
        return reminder_key(self.session_id, self.starts_at, self.lead)


class Reminders:
    """The classes of the next day and whom to remind of them. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_due(self, now: Moment) -> list[DueClass]:
        """Every scheduled class of which a reminder is due that somebody may not have got: nobody was looked for yet, or
        somebody has enrolled since."""
        due = []
        async with self._database.reading() as connection:
            for lead, after, until in windows(now):
                window = {"lead": lead.value, "after": to_datetime(after), "until": to_datetime(until)}
                rows = await connection.execute(text(_CLASSES), {**window, "margin": MARGIN / SECOND})
                due += [_due(row, lead) for row in rows]
        return due

    async def remind(self, due: DueClass, now: Moment) -> int:
        """Give the reminder to every student who has not got it, by one statement; who enrolled since the last time has not.
        Returns how many were told now. A class that has begun, was moved or cancelled meanwhile tells nobody."""
        notice_id = new_id()
        named = {"session_id": due.session_id, "starts_at": to_datetime(due.starts_at), "lead": due.lead.value}
        async with self._database.writing() as connection:
            swept_at = (await connection.execute(text(_SWEPT), {**named, "now": to_datetime(now)})).scalar_one_or_none()
            since = to_datetime(Moment(0)) if swept_at is None else to_datetime(Moment(from_datetime(swept_at) - MARGIN))
            students = (due.session_id, to_datetime(due.starts_at), since, due.key)
            told = await at_leisure(
                connection, _REMIND, notice_id, to_datetime(now), *students, *text_of(due.notice).values()
            )
            if told:
                await enqueue(connection, DELIVER, {"noticeId": notice_id}, key=notice_id)
        return told

    async def is_good(self, notice: Notice, now: Moment) -> bool:
        """Whether a reminder still tells the truth: its class is scheduled for that time, which is to come."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_CLASS), {"session_id": notice.data["sessionId"]})).one_or_none()
        if row is None or row.status != "scheduled":
            return False
        starts_at = from_datetime(row.starts_at)
        return now < starts_at and rfc3339(starts_at) == notice.data["startTime"]

    async def tidy(self, now: Moment) -> None:
        """Forget the sweeps of classes that are over."""
        async with self._database.writing() as connection:
            await connection.execute(text(_TIDY), {"before": to_datetime(Moment(now - KEEP))})


def _due(row: Any, lead: Lead) -> DueClass:
    return DueClass(SessionId(str(row.id)), CourseId(str(row.course_id)), row.title, from_datetime(row.starts_at), lead)


_CLASSES = """
    SELECT c.id, c.course_id, c.title, c.starts_at
    FROM live_sessions c
    LEFT JOIN reminder_sweeps s ON s.session_id = c.id AND s.starts_at = c.starts_at AND s.lead = :lead
    WHERE c.status = 'scheduled' AND c.starts_at > :after AND c.starts_at <= :until
      AND (s.swept_at IS NULL OR EXISTS (
          SELECT FROM enrollments e
          WHERE e.course_id = c.course_id AND e.left_at IS NULL
            AND e.enrolled_at >= s.swept_at - make_interval(secs => :margin)
      ))
    ORDER BY c.starts_at, c.id
"""
_CLASS = "SELECT status, starts_at FROM live_sessions WHERE id = CAST(:session_id AS uuid)"

# What was there before is told by the joined row as the statement found it; a second sweep at the same moment waits here.
_SWEPT = """
    INSERT INTO reminder_sweeps AS s (session_id, starts_at, lead, swept_at)
    VALUES (CAST(:session_id AS uuid), :starts_at, :lead, :now)
    ON CONFLICT (session_id, starts_at, lead) DO UPDATE SET swept_at = greatest(s.swept_at, EXCLUDED.swept_at)
    RETURNING (
        SELECT swept_at FROM reminder_sweeps
        WHERE session_id = CAST(:session_id AS uuid) AND starts_at = :starts_at AND lead = :lead
    )
"""
_REMIND = """
    WITH due AS (
        SELECT course_id FROM live_sessions
        WHERE id = $3::uuid AND status = 'scheduled' AND starts_at = $4::timestamptz
    ), fresh AS (
        SELECT e.user_id FROM due
        JOIN enrollments e ON e.course_id = due.course_id AND e.left_at IS NULL AND e.enrolled_at >= $5::timestamptz
        JOIN users u ON u.id = e.user_id AND u.deleted_at IS NULL
        WHERE NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = e.user_id AND n.key = $6::text)
    ), said AS (
        INSERT INTO notices (id, created_at, kind, title, body, data)
        SELECT $1::uuid, $2::timestamptz, $7::text, $8::text, $9::text, $10::jsonb WHERE EXISTS (SELECT FROM fresh)
    )
    INSERT INTO notifications (user_id, notice_id, key)
    SELECT user_id, $1::uuid, $6::text FROM fresh ORDER BY user_id
    ON CONFLICT DO NOTHING
"""
_TIDY = "DELETE FROM reminder_sweeps WHERE starts_at < :before"
