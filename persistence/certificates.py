"""Certificates: who has earned one, each issued once a student and course, and what they say."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.certificates import Demand, Record, number_of
from classroom.ids import CourseId, UserId
from classroom.notifications import Notice
from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.certificate_templates import Wording
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import ID, Course, MomentType
from persistence.notifications import notify
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.certificates import Certificate


@dataclass(frozen=True)
class CertificateRow:
    """A certificate, and whose course it is of now."""

    id: str
    number: str
    course_id: CourseId
    user_id: UserId
    user_name: str
    course_title: str
    instructor_name: str
    instructor_id: UserId
    wording: Wording
    issued_at: Moment
    issued_by: UserId | None
    revoked_at: Moment | None
    revoked_reason: str | None


@dataclass(frozen=True)
class Claim:
    """What a course asks for and what somebody has done of it, lessons and quizzes by the ids of their lessons, whose titles
    are in `titles`, in the order of the course. `given`: whether the course gives certificates."""

    enrolled: bool
    given: bool
    demand: Demand
    record: Record
    titles: dict[str, str]


class Certificates:
    """The certificates. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, certificate_id: str) -> CertificateRow | None:
        """The certificate, revoked ones too, or None."""
        return await self._one(Certificate.id == certificate_id)

    async def find_of(self, course_id: CourseId, user_id: UserId) -> CertificateRow | None:
        """Somebody's certificate of a course, or None."""
        return await self._one(Certificate.course_id == course_id, Certificate.user_id == user_id)

    async def find_by_number(self, number: str) -> CertificateRow | None:
        """The certificate with this number, or None."""
        return await self._one(Certificate.number == number)

    async def list_of(self, user_id: UserId, limit: int, cursor: str | None) -> Page[CertificateRow]:
        """Somebody's certificates, the latest first. Raises BadCursor."""
        statement = _certificates().where(Certificate.user_id == user_id)
        last = read_cursor(cursor, "moment", "id")
        if last is not None:
            behind = tuple_(literal(last[0], MomentType()), literal(last[1], ID))
            statement = statement.where(tuple_(Certificate.issued_at, Certificate.id) < behind)
        statement = statement.order_by(Certificate.issued_at.desc(), Certificate.id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            rows = [_row(row) for row in (await connection.execute(statement)).all()]
        page = rows[:limit]
        return Page(page, write_cursor(page[-1].issued_at, page[-1].id) if len(rows) > limit else None)

    async def read_claim(self, course_id: CourseId, user_id: UserId) -> Claim | None:
        """What is asked for and done; None when there is no such course."""
        pair = {"course": course_id, "user": user_id}
        async with self._database.reading() as connection:
            course = (await connection.execute(_COURSE, pair)).one_or_none()
            if course is None:
                return None
            parts = (await connection.execute(_PARTS, pair)).all()
            classes = (await connection.execute(_CLASSES, pair)).one() if course.percent > 0 else None
        quizzes = {part.id for part in parts if part.is_quiz}
        return Claim(
            enrolled=course.enrolled,
            given=course.gives_certificate,
            demand=Demand(frozenset(part.id for part in parts) - quizzes, frozenset(quizzes), course.percent),
            record=Record(
                frozenset(part.id for part in parts if part.done) - quizzes,
                frozenset(part.id for part in parts if part.is_quiz and part.passed),
                int(classes.present) if classes is not None else 0,
                int(classes.held) if classes is not None else 0,
            ),
            titles={part.id: part.title for part in parts},
        )

    async def issue(
        self, certificate_id: str, course_id: CourseId, user_id: UserId, now: Moment, admin_id: UserId | None = None
    ) -> tuple[CertificateRow | None, bool]:
        """The one certificate of this student in this course, issued now unless it was before; True when it was now. The
        student is told, and the document made, after it. None when there is no such person or course.

        By an admin it goes on record, and one that was revoked is valid again.
        """
        values = {
            "id": certificate_id, "number": number_of(secrets.randbits(60)), "course": course_id, "user": user_id,
            "now": now, "by": admin_id, "usual": json.dumps(Wording().__dict__),
        }  # fmt: skip
        async with self._database.writing() as connection:
            fresh = (await connection.execute(_ISSUE, values)).scalar_one_or_none() is not None
            again = False
            if not fresh and admin_id is not None:
                again = await self._restore(connection, course_id, user_id, admin_id, now)
            row = await _find(connection, Certificate.course_id == course_id, Certificate.user_id == user_id)
            if row is not None and (fresh or again):
                await enqueue(connection, "certificate.render", {"certificateId": row.id}, key=row.id)
            if row is not None and fresh:
                notice = Notice("certificate", f"Your certificate: {row.course_title}", _BODY, _data(row))
                await notify(connection, [user_id], notice, now, key=f"certificate:{row.id}")
                if admin_id is not None:
                    act = Act(
                        admin_id, "certificate.issue", "certificate", row.id, {"userId": user_id, "courseId": course_id}
                    )
                    await write_act(connection, act, now)
        return row, fresh

    async def revoke(self, certificate_id: str, reason: str, admin_id: UserId, now: Moment) -> CertificateRow | None:
        """Take the certificate's validity; one that is revoked stays as it is. None when there is none."""
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(Certificate)
                .where(Certificate.id == certificate_id, Certificate.revoked_at.is_(None))
                .values(revoked_at=now, revoked_reason=reason)
            )
            if done.rowcount:
                act = Act(admin_id, "certificate.revoke", "certificate", certificate_id, {"reason": reason})
                await write_act(connection, act, now)
            return await _find(connection, Certificate.id == certificate_id)

    async def _restore(
        self, connection: AsyncConnection, course_id: CourseId, user_id: UserId, admin_id: UserId, now: Moment
    ) -> bool:
        restored = await connection.execute(
            update(Certificate)
            .where(Certificate.course_id == course_id, Certificate.user_id == user_id, Certificate.revoked_at.is_not(None))
            .values(revoked_at=None, revoked_reason=None)
            .returning(Certificate.id)
        )
        found = restored.scalar_one_or_none()
        if found is None:
            return False
        await write_act(connection, Act(admin_id, "certificate.restore", "certificate", found), now)
        return True

    async def _one(self, *conditions: Any) -> CertificateRow | None:
        async with self._database.reading() as connection:
            return await _find(connection, *conditions)


_BODY = "Congratulations! You have completed the course, and your certificate is ready."
_COURSE = text(
    """
    SELECT course.gives_certificate, course.certificate_attendance_percent AS percent,
        EXISTS (
            SELECT FROM enrollments WHERE course_id = course.id AND user_id = CAST(:user AS uuid) AND left_at IS NULL
        ) AS enrolled
    FROM courses AS course WHERE course.id = CAST(:course AS uuid) AND course.deleted_at IS NULL
    """
)
_PARTS = text(
    """
    SELECT CAST(lesson.id AS text) AS id, lesson.title, lesson.type = 'quiz' AS is_quiz,
        progress.completed_at IS NOT NULL AS done, coalesce(progress.passed, false) AS passed
    FROM lessons AS lesson
    JOIN sections AS section ON section.id = lesson.section_id AND section.deleted_at IS NULL
    LEFT JOIN lesson_progress AS progress ON progress.user_id = CAST(:user AS uuid)
        AND progress.course_id = lesson.course_id AND progress.lesson_id = lesson.id
    WHERE lesson.course_id = CAST(:course AS uuid) AND lesson.deleted_at IS NULL AND lesson.is_required
    ORDER BY section.position, lesson.position, lesson.id
    """
)
# Of the classes that ended since the student is in the course: nobody can have been in earlier ones.
_CLASSES = text(
    """
    SELECT coalesce(sum(extract(epoch FROM class.ended_at - class.started_at)), 0) AS held,
        coalesce(sum(attended.seconds), 0) AS present
    FROM live_sessions AS class
    JOIN enrollments AS enrolled ON enrolled.course_id = class.course_id AND enrolled.user_id = CAST(:user AS uuid)
    LEFT JOIN course_attendance AS attended ON attended.user_id = enrolled.user_id
        AND attended.course_id = class.course_id AND attended.session_id = class.id
    WHERE class.course_id = CAST(:course AS uuid) AND class.status = 'ended' AND class.started_at IS NOT NULL
        AND class.ended_at > enrolled.enrolled_at
    """
)
_ISSUE = text(
    """
    INSERT INTO certificates
        (id, number, course_id, user_id, user_name, course_title, instructor_name, wording, issued_at, issued_by)
    SELECT CAST(:id AS uuid), :number, course.id, student.id, student.name, course.title, instructor.name,
        coalesce(own.wording, common.wording, CAST(:usual AS jsonb)), :now, CAST(:by AS uuid)
    FROM courses AS course
    JOIN users AS instructor ON instructor.id = course.instructor_id
    JOIN users AS student ON student.id = CAST(:user AS uuid) AND student.deleted_at IS NULL
    LEFT JOIN certificate_templates AS own ON own.course_id = course.id
    LEFT JOIN certificate_templates AS common ON common.course_id IS NULL
    WHERE course.id = CAST(:course AS uuid) AND course.deleted_at IS NULL
    ON CONFLICT (course_id, user_id) DO NOTHING RETURNING id
    """
).bindparams(bindparam("now", type_=MomentType()))


def _certificates() -> Select[Any]:
    return select(*Certificate.__table__.columns, Course.instructor_id.label("instructor_id")).join(
        Course, Course.id == Certificate.course_id
    )


async def _find(connection: AsyncConnection, *conditions: Any) -> CertificateRow | None:
    row = (await connection.execute(_certificates().where(*conditions))).one_or_none()
    return None if row is None else _row(row)


def _row(row: Row[Any]) -> CertificateRow:
    values = {name: getattr(row, name) for name in CertificateRow.__dataclass_fields__}
    return CertificateRow(**{**values, "wording": Wording(**row.wording)})


def _data(row: CertificateRow) -> dict[str, str]:
    return {
        "certificateId": row.id, "number": row.number, "courseId": row.course_id, "courseTitle": row.course_title,
    }  # fmt: skip
