"""The twin of courses."""

from dataclasses import replace
from typing import Any

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.courses import REVISABLE, CategoryRow, CourseFilter, CourseRow, CourseText, page_of, slug_of
from persistence.memory.platform import PlatformTables
from persistence.pages import Page, read_cursor


class MemoryCourses:
    """A `Courses` in dictionaries."""

    def __init__(self, tables: PlatformTables) -> None:
        self._tables = tables

    async def create(self, course_id: CourseId, instructor_id: UserId, text: CourseText, now: Moment) -> CourseRow:
        """See `Courses.create`."""
        self._tables.reach()
        if course_id not in self._tables.courses:
            self._tables.courses[course_id] = CourseRow(
                id=course_id,
                slug=slug_of(text.title, course_id),
                instructor_id=instructor_id,
                instructor_name="",
                category_name=None,
                status="draft",
                rejection_reason=None,
                students=0,
                created_at=now,
                updated_at=now,
                published_at=None,
                **{name: getattr(text, name) for name in REVISABLE},
            )
        return self._get(course_id)

    async def find(self, course_id: CourseId) -> CourseRow | None:
        """See `Courses.find`."""
        self._tables.reach()
        return self._tables.course(course_id)

    async def list_(self, narrowed: CourseFilter, limit: int, cursor: str | None) -> Page[CourseRow]:
        """See `Courses.list_`."""
        self._tables.reach()
        found = [row for course_id in self._tables.courses if _fits(row := self._get(course_id), narrowed, self._slugs())]
        found.sort(key=lambda row: _place(row, narrowed.sort), reverse=narrowed.sort == "newest")
        keys = read_cursor(cursor, "id")
        if keys is not None:
            last = _place(self._get(CourseId(str(keys[0]))), narrowed.sort)
            newest = narrowed.sort == "newest"
            found = [
                row for row in found if (_place(row, narrowed.sort) < last if newest else _place(row, narrowed.sort) > last)
            ]
        return page_of(found[: limit + 1], limit)

    async def revise(self, course_id: CourseId, changes: dict[str, Any], now: Moment) -> CourseRow | None:
        """See `Courses.revise`."""
        self._tables.reach()
        row = self._tables.courses.get(course_id)
        if row is None:
            return None
        kept = {name: changes[name] for name in changes if name in REVISABLE}
        self._tables.courses[course_id] = replace(row, **kept, updated_at=now)
        return self._get(course_id)

    async def move(
        self, course_id: CourseId, out_of: tuple[str, ...], into: str, now: Moment, reason: str | None = None
    ) -> CourseRow | None:
        """See `Courses.move`."""
        self._tables.reach()
        row = self._tables.courses.get(course_id)
        if row is None:
            return None
        if row.status in out_of:
            published = row.published_at if into != "published" or row.published_at is not None else now
            self._tables.courses[course_id] = replace(
                row, status=into, rejection_reason=reason, updated_at=now, published_at=published
            )
        moved = self._get(course_id)
        return moved if moved.status == into else None

    async def delete(self, course_id: CourseId, now: Moment) -> bool:
        """See `Courses.delete`."""
        self._tables.reach()
        return self._tables.courses.pop(course_id, None) is not None

    async def list_ids_of(self, instructor_id: UserId) -> list[CourseId]:
        """See `Courses.list_ids_of`."""
        self._tables.reach()
        return [row.id for row in self._tables.courses.values() if row.instructor_id == instructor_id]

    async def list_categories(self) -> list[CategoryRow]:
        """See `Courses.list_categories`."""
        self._tables.reach()
        published = [row.category_id for row in self._tables.courses.values() if row.status == "published"]
        ordered = sorted(self._tables.categories.values(), key=lambda row: (row.position, row.name))
        return [replace(row, courses=published.count(row.id)) for row in ordered]

    async def add_category(self, category_id: str, slug: str, name: str, description: str, position: int) -> str:
        """See `Courses.add_category`."""
        self._tables.reach()
        known = self._tables.categories.get(slug)
        kept = known.id if known is not None else category_id
        self._tables.categories[slug] = CategoryRow(kept, slug, name, description, position, 0)
        return kept

    def _get(self, course_id: CourseId) -> CourseRow:
        row = self._tables.course(course_id)
        if row is None:
            raise LookupError(course_id)
        return row

    def _slugs(self) -> dict[str, str]:
        return {row.slug: row.id for row in self._tables.categories.values()}


def _place(row: CourseRow, sort: str) -> tuple[str, ...]:
    return (row.title.lower(), row.id) if sort == "title" else (row.id,)


def _fits(row: CourseRow, narrowed: CourseFilter, slugs: dict[str, str]) -> bool:
    words = (narrowed.words or "").lower().split()
    text = f"{row.title}\n{row.summary}".lower()
    return (
        all(word in text for word in words)
        and (narrowed.category is None or (row.category_id is not None and slugs.get(narrowed.category) == row.category_id))
        and (narrowed.difficulty is None or row.difficulty == narrowed.difficulty)
        and (narrowed.free is None or (row.price_minor == 0) is narrowed.free)
        and (narrowed.status is None or row.status == narrowed.status)
        and (narrowed.instructor_id is None or row.instructor_id == narrowed.instructor_id)
    )
