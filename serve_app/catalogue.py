"""Routes that everybody may browse: categories and published courses."""

from typing import Annotated, Literal

from fastapi import Query

from classroom.callers import Role
from classroom.ids import CourseId
from classroom.refusals import NotFound
from persistence.courses import CourseFilter
from serve_app.course_wire import CategoryView, Course, CourseDetail, Difficulty, category_of, course_detail_of, course_of
from serve_app.problems import RefusedRequest
from serve_app.visits import CurrentVisit, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, Limit, PageOf, new_router, problems

router = new_router("/api", "catalogue")

Words = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Words that title or summary must contain.")
]


@router.get("/categories", responses=problems())
async def list_categories(parts: Use) -> PageOf[CategoryView]:
    """The shelves of the catalogue, in their order, all of them."""
    return PageOf[CategoryView](items=[category_of(row) for row in await parts.courses.list_categories()], next_cursor=None)


@router.get("/courses", responses=problems())
async def list_courses(
    parts: Use,
    q: Words = None,
    category: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="A category's slug.")] = None,
    difficulty: Difficulty | None = None,
    free: bool | None = None,
    sort: Literal["newest", "oldest", "title"] = "newest",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[Course]:
    """Published courses."""
    narrowed = CourseFilter(words=q, category=category, difficulty=difficulty, free=free, status="published", sort=sort)
    page = await parts.courses.list_(narrowed, limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/courses/{courseId}", responses=problems(404))
async def get_course(course_id: CourseIdInPath, parts: Use, visit: CurrentVisit) -> CourseDetail:
    """A published course; its instructor and admins also see it before."""
    course_id = uuid_or_404(course_id, "course")
    row = await parts.courses.find(CourseId(course_id))
    caller = visit.claims.caller if visit.claims is not None else None
    owned = row is not None and caller is not None and (caller.role is Role.ADMIN or caller.user_id == row.instructor_id)
    if row is None or (row.status != "published" and not owned):
        raise RefusedRequest(NotFound("course", course_id))
    enrolled = caller is not None and await parts.enrollments.is_enrolled(row.id, caller.user_id)
    return course_detail_of(row, enrolled, owned)
