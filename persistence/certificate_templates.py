"""What certificates say around the names: the usual words, those of all courses, or those of one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select, text
from sqlalchemy.dialects.postgresql import insert as pg_insert

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.ids import FIRST_ID, new_id
from persistence.models import Course
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.certificates import CertificateTemplate


@dataclass(frozen=True)
class Wording:
    """What a certificate says around the names. `accent` is a colour, `#rrggbb`; an empty `signatory` is the instructor."""

    heading: str = "Certificate of completion"
    statement: str = "has completed the course"
    signatory: str = ""
    accent: str = "#1f4e5f"


@dataclass(frozen=True)
class TemplateRow:
    """What certificates to come say: those of this course, or with None all others."""

    course_id: CourseId | None
    wording: Wording
    updated_at: Moment


class CertificateTemplates:
    """The templates. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_(self, limit: int, cursor: str | None) -> Page[TemplateRow]:
        """The templates that differ from the usual wording, by course; that of all courses first. Raises BadCursor."""
        key = CertificateTemplate.course_id
        statement = select(*CertificateTemplate.__table__.columns)
        last = read_cursor(cursor, "id")
        if last is not None:
            statement = statement.where(key > last[0])
        async with self._database.reading() as connection:
            found = (await connection.execute(statement.order_by(key.asc().nulls_first()).limit(limit + 1))).all()
        rows = [_template(row) for row in found[:limit]]
        # The last of a page that is followed by another has a course: the one without stands first, and alone.
        return Page(rows, write_cursor(str(rows[-1].course_id or FIRST_ID)) if len(found) > limit else None)

    async def find(self, course_id: CourseId | None) -> TemplateRow | None:
        """What certificates of this course say, if it says something of its own; with None, of all courses."""
        async with self._database.reading() as connection:
            statement = select(*CertificateTemplate.__table__.columns).where(_template_of(course_id))
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _template(row)

    async def set(self, course_id: CourseId | None, wording: Wording, admin_id: UserId, now: Moment) -> TemplateRow | None:
        """Have certificates to come say this. None when there is no such course."""
        changes = {"wording": wording.__dict__, "updated_at": now, "updated_by": admin_id}
        statement = pg_insert(CertificateTemplate).values(id=new_id(), course_id=course_id, **changes)
        if course_id is None:
            statement = statement.on_conflict_do_update(
                index_elements=[text("(course_id IS NULL)")], index_where=text("course_id IS NULL"), set_=changes
            )
        else:
            statement = statement.on_conflict_do_update(index_elements=[CertificateTemplate.course_id], set_=changes)
        async with self._database.writing() as connection:
            if course_id is not None:
                there = (
                    select(Course.id).where(Course.id == course_id, Course.deleted_at.is_(None)).with_for_update(read=True)
                )
                if (await connection.execute(there)).one_or_none() is None:
                    return None
            await connection.execute(statement)
            act = Act(admin_id, "certificate.template", "course", course_id, {"wording": wording.__dict__})
            await write_act(connection, act, now)
        return TemplateRow(course_id, wording, now)

    async def drop(self, course_id: CourseId | None, admin_id: UserId, now: Moment) -> None:
        """Have certificates to come say the usual again."""
        async with self._database.writing() as connection:
            done = await connection.execute(delete(CertificateTemplate).where(_template_of(course_id)))
            if done.rowcount:
                await write_act(
                    connection, Act(admin_id, "certificate.template", "course", course_id, {"wording": None}), now
                )


def _template(row: Row[Any]) -> TemplateRow:
    return TemplateRow(None if row.course_id is None else CourseId(row.course_id), Wording(**row.wording), row.updated_at)


def _template_of(course_id: CourseId | None) -> Any:
    column = CertificateTemplate.course_id
    return column.is_(None) if course_id is None else column == course_id
