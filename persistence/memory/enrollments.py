"""The twin of enrolment."""

from dataclasses import replace

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.enrollments import EnrollmentRow, page_of
from persistence.memory.platform import PlatformTables
from persistence.pages import Page, read_cursor


class MemoryEnrollments:
    """An `Enrollments` in dictionaries."""

    def __init__(self, tables: PlatformTables) -> None:
        self._tables = tables

    async def enroll(
        self, enrollment_id: str, course_id: CourseId, user_id: UserId, now: Moment
    ) -> tuple[EnrollmentRow, bool]:
        """See `Enrollments.enroll`."""
        self._tables.reach()
        held = self._tables.enrollments.get((course_id, user_id))
        if held is not None and held.left_at is None:
            return held, False
        course, (account, _) = self._tables.courses[course_id], self._tables.accounts[user_id]
        row = EnrollmentRow(
            id=enrollment_id if held is None else held.id,
            course_id=course_id,
            course_title=course.title,
            course_slug=course.slug,
            instructor_id=course.instructor_id,
            instructor_name=self._tables.accounts[course.instructor_id][0].name,
            user_id=user_id,
            user_name=account.name,
            user_email=account.email,
            enrolled_at=now,
            left_at=None,
        )
        self._put(row)
        return row, True

    async def leave(self, course_id: CourseId, user_id: UserId, now: Moment) -> bool:
        """See `Enrollments.leave`."""
        self._tables.reach()
        held = self._tables.enrollments.get((course_id, user_id))
        if held is None or held.left_at is not None:
            return False
        self._put(replace(held, left_at=now))
        return True

    async def find(self, enrollment_id: str) -> EnrollmentRow | None:
        """See `Enrollments.find`."""
        self._tables.reach()
        return next((row for row in self._tables.enrollments.values() if row.id == enrollment_id), None)

    async def is_enrolled(self, course_id: CourseId, user_id: UserId) -> bool:
        """See `Enrollments.is_enrolled`."""
        self._tables.reach()
        held = self._tables.enrollments.get((course_id, user_id))
        return held is not None and held.left_at is None

    async def list_of_student(self, user_id: UserId, limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        """See `Enrollments.list_of_student`."""
        return self._page([row for row in self._now() if row.user_id == user_id], limit, cursor)

    async def list_of_course(self, course_id: CourseId, limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        """See `Enrollments.list_of_course`."""
        return self._page([row for row in self._now() if row.course_id == course_id], limit, cursor)

    async def list_course_ids(self, user_id: UserId) -> list[CourseId]:
        """See `Enrollments.list_course_ids`."""
        return [row.course_id for row in self._now() if row.user_id == user_id]

    def _now(self) -> list[EnrollmentRow]:
        self._tables.reach()
        rows = self._tables.enrollments.values()
        return [row for row in rows if row.left_at is None and row.course_id in self._tables.courses]

    def _page(self, found: list[EnrollmentRow], limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        after = read_cursor(cursor, "moment", "id")
        found = sorted(found, key=lambda row: (row.enrolled_at, row.id), reverse=True)
        found = [row for row in found if after is None or (row.enrolled_at, row.id) < after]
        return page_of(found[: limit + 1], limit)

    def _put(self, row: EnrollmentRow) -> None:
        self._tables.enrollments[(row.course_id, row.user_id)] = row
        self._tables.note_students(row.course_id, row.user_id, row.left_at)
