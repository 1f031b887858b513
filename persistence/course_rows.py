"""Courses as rows: what pages show of one, and the statement that asks for it."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.models import Category, Course


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
    max_students: int | None
    gives_certificate: bool
    certificate_attendance_percent: int
    status: str
    rejection_reason: str | None
    changed_since_review: bool
    featured_at: Moment | None
    students: int
    lesson_count: int
    duration_seconds: int
    rating_sum: int
    rating_count: int
    created_at: Moment
    updated_at: Moment
    published_at: Moment | None
    deleted_at: Moment | None


@cache
def select_courses() -> Select[Any]:
    """The columns of `CourseRow`, in its order; deleted courses too."""
    named: dict[str, Any] = {
        "category_name": Category.name.label("category_name"),
        "students": Course.student_count.label("students"),
    }
    table = Course.__table__.columns
    columns: list[Any] = [named[each.name] if each.name in named else table[each.name] for each in fields(CourseRow)]
    return select(*columns).select_from(Course).outerjoin(Category, Category.id == Course.category_id)


def course_of_row(row: Row[Any]) -> CourseRow:
    """What a row of `select_courses` says; columns after its own are left out."""
    return CourseRow(*tuple(row)[: len(CourseRow.__dataclass_fields__)])
