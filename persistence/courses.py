"""Courses: what instructors make, admins review and everybody can browse."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Row, Select, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.models import Category, Course, Enrollment, MomentType, User
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class CategoryRow:
    """A shelf of the catalogue and how many published courses stand on it."""

    id: str
    slug: str
    name: str
    description: str
    position: int
    courses: int


@dataclass(frozen=True)
class CourseRow:
    """A course as pages show it. `students` counts who is enrolled now."""

    id: CourseId
    slug: str
    instructor_id: UserId
    instructor_name: str
    category_id: str | None
    category_name: str | None
    title: str
    summary: str
    description: str
    difficulty: str
    language: str
    price_minor: int
    currency: str
    thumbnail_url: str | None
    status: str
    rejection_reason: str | None
    students: int
    created_at: Moment
    updated_at: Moment
    published_at: Moment | None


@dataclass(frozen=True)
class CourseText:
    """What an instructor writes."""

    title: str
    summary: str = ""
    description: str = ""
    category_id: str | None = None
    difficulty: str = "beginner"
    language: str = "en"
    price_minor: int = 0
    currency: str = "EUR"
    thumbnail_url: str | None = None


REVISABLE = frozenset(CourseText.__dataclass_fields__)
"""What an instructor may change."""


@dataclass(frozen=True)
class CourseFilter:
    """What a list is narrowed to; None narrows nothing. `sort` is `newest`, `oldest` or `title`."""

    words: str | None = None
    category: str | None = None
    difficulty: str | None = None
    free: bool | None = None
    status: str | None = None
    instructor_id: UserId | None = None
    sort: str = "newest"


class Courses(Protocol):
    """The courses. Every call raises StoreAway when Postgres is away. Deleted courses are not found."""

    async def create(self, course_id: CourseId, instructor_id: UserId, text: CourseText, now: Moment) -> CourseRow:
        """Make a draft. The same id again is answered with the course that it made."""
        ...

    async def find(self, course_id: CourseId) -> CourseRow | None:
        """The course in whatever state, or None."""
        ...

    async def list_(self, narrowed: CourseFilter, limit: int, cursor: str | None) -> Page[CourseRow]:
        """A page of courses. Raises BadCursor."""
        ...

    async def revise(self, course_id: CourseId, changes: dict[str, Any], now: Moment) -> CourseRow | None:
        """Set some of the fields of `CourseText`; None when there is no such course."""
        ...

    async def move(
        self, course_id: CourseId, out_of: tuple[str, ...], into: str, now: Moment, reason: str | None = None
    ) -> CourseRow | None:
        """Change the status if it is one of `out_of` or already `into`; None when it is another or there is no course."""
        ...

    async def delete(self, course_id: CourseId, now: Moment) -> bool:
        """Hide the course for good; False when there is none."""
        ...

    async def list_ids_of(self, instructor_id: UserId) -> list[CourseId]:
        """Every course of the instructor."""
        ...

    async def list_categories(self) -> list[CategoryRow]:
        """Every category in its order."""
        ...

    async def add_category(self, category_id: str, slug: str, name: str, description: str, position: int) -> str:
        """Make a category, or bring the one with this slug up to date; its id."""
        ...


class PostgresCourses:
    """`Courses` in the tables `courses` and `categories`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, course_id: CourseId, instructor_id: UserId, text: CourseText, now: Moment) -> CourseRow:
        """See `Courses.create`."""
        values = {name: getattr(text, name) for name in REVISABLE}
        async with self._database.writing() as connection:
            await connection.execute(
                pg_insert(Course)
                .values(
                    id=course_id,
                    slug=slug_of(text.title, course_id),
                    instructor_id=instructor_id,
                    created_at=now,
                    updated_at=now,
                    **values,
                )
                .on_conflict_do_nothing(index_elements=[Course.id])
            )
        made = await self.find(course_id)
        if made is None:
            raise LookupError(f"course {course_id} was deleted while it was made")
        return made

    async def find(self, course_id: CourseId) -> CourseRow | None:
        """See `Courses.find`."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_courses().where(Course.id == course_id))).one_or_none()
        return _course(row) if row is not None else None

    async def list_(self, narrowed: CourseFilter, limit: int, cursor: str | None) -> Page[CourseRow]:
        """See `Courses.list_`."""
        statement = _narrow(_courses(), narrowed)
        keys = read_cursor(cursor, "id")
        # UUIDv7: the order of the ids is the order in which the courses were made.
        order: list[Any] = [func.lower(Course.title), Course.id] if narrowed.sort == "title" else [Course.id]
        if keys is not None:
            last = select(*order).where(Course.id == keys[0]).scalar_subquery()
            behind = tuple_(*order) < last if narrowed.sort == "newest" else tuple_(*order) > last
            statement = statement.where(behind)
        statement = statement.order_by(*(key.desc() if narrowed.sort == "newest" else key for key in order))
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement.limit(limit + 1))).all()
        return page_of([_course(row) for row in rows], limit)

    async def revise(self, course_id: CourseId, changes: dict[str, Any], now: Moment) -> CourseRow | None:
        """See `Courses.revise`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(Course)
                .where(Course.id == course_id, Course.deleted_at.is_(None))
                .values(**{name: changes[name] for name in changes if name in REVISABLE}, updated_at=now)
            )
        return await self.find(course_id)

    async def move(
        self, course_id: CourseId, out_of: tuple[str, ...], into: str, now: Moment, reason: str | None = None
    ) -> CourseRow | None:
        """See `Courses.move`."""
        changes: dict[str, Any] = {"status": into, "rejection_reason": reason, "updated_at": now}
        if into == "published":
            changes["published_at"] = func.coalesce(Course.published_at, literal(now, MomentType()))
        async with self._database.writing() as connection:
            await connection.execute(
                update(Course)
                .where(Course.id == course_id, Course.deleted_at.is_(None), Course.status.in_(out_of))
                .values(**changes)
            )
        course = await self.find(course_id)
        return course if course is not None and course.status == into else None

    async def delete(self, course_id: CourseId, now: Moment) -> bool:
        """See `Courses.delete`."""
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(Course).where(Course.id == course_id, Course.deleted_at.is_(None)).values(deleted_at=now)
            )
        return done.rowcount > 0

    async def list_ids_of(self, instructor_id: UserId) -> list[CourseId]:
        """See `Courses.list_ids_of`."""
        statement = select(Course.id).where(Course.instructor_id == instructor_id, Course.deleted_at.is_(None))
        async with self._database.reading() as connection:
            return [CourseId(found) for found in (await connection.execute(statement)).scalars()]

    async def list_categories(self) -> list[CategoryRow]:
        """See `Courses.list_categories`."""
        published = and_(Course.category_id == Category.id, Course.status == "published", Course.deleted_at.is_(None))
        statement = (
            select(*Category.__table__.columns, func.count(Course.id).label("courses"))
            .outerjoin(Course, published)
            .group_by(Category.id)
            .order_by(Category.position, Category.name)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return [CategoryRow(row.id, row.slug, row.name, row.description, row.position, row.courses) for row in rows]

    async def add_category(self, category_id: str, slug: str, name: str, description: str, position: int) -> str:
        """See `Courses.add_category`."""
        statement = pg_insert(Category).values(
            id=category_id, slug=slug, name=name, description=description, position=position
        )
        async with self._database.writing() as connection:
            made = await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[Category.slug], set_={"name": name, "description": description, "position": position}
                ).returning(Category.id)
            )
            return str(made.scalar_one())


def slug_of(title: str, course_id: str) -> str:
    """A word for addresses, unique by the end of the id: `intro-to-tides-4f2a91c03b7e`."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    words = [word for word in letters.split("-") if word]
    return "-".join([*words, course_id[-12:]])[-120:].lstrip("-")


def page_of(found: list[CourseRow], limit: int) -> Page[CourseRow]:
    """The page that `found` (up to `limit + 1` courses) makes."""
    return Page(found[:limit], write_cursor(found[limit - 1].id) if len(found) > limit else None)


@cache
def _courses() -> Select[Any]:
    """The columns of `CourseRow`, in its order."""
    students = (
        select(func.count(Enrollment.id))
        .where(Enrollment.course_id == Course.id, Enrollment.left_at.is_(None))
        .scalar_subquery()
    )
    named = {
        "instructor_name": User.name.label("instructor_name"),
        "category_name": Category.name.label("category_name"),
        "students": students.label("students"),
    }
    columns = [named[name] if name in named else Course.__table__.columns[name] for name in CourseRow.__dataclass_fields__]
    return (
        select(*columns)
        .join(User, User.id == Course.instructor_id)
        .outerjoin(Category, Category.id == Course.category_id)
        .where(Course.deleted_at.is_(None))
    )


def _narrow(statement: Select[Any], narrowed: CourseFilter) -> Select[Any]:
    for word in (narrowed.words or "").split():
        statement = statement.where(
            or_(Course.title.icontains(word, autoescape=True), Course.summary.icontains(word, autoescape=True))
        )
    if narrowed.category is not None:
        statement = statement.where(Category.slug == narrowed.category)
    if narrowed.difficulty is not None:
        statement = statement.where(Course.difficulty == narrowed.difficulty)
    if narrowed.free is not None:
        statement = statement.where(Course.price_minor == 0 if narrowed.free else Course.price_minor > 0)
    if narrowed.status is not None:
        statement = statement.where(Course.status == narrowed.status)
    if narrowed.instructor_id is not None:
        statement = statement.where(Course.instructor_id == narrowed.instructor_id)
    return statement


def _course(row: Row[Any]) -> CourseRow:
    values: tuple[Any, ...] = tuple(row)
    return CourseRow(*values)
