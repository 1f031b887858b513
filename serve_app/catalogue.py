"""Routes that everybody may browse: categories and published courses."""

import re
from typing import Annotated, Literal

from fastapi import Query

from classroom.ids import UserId, is_uuid
from classroom.refusals import NotFound
from persistence.courses import CourseFilter
from serve_app.course_wire import CategoryView, Course, CourseDetail, Difficulty, category_of, course_detail_of, course_of
from serve_app.lesson_access import manages
from serve_app.problems import RefusedRequest
from serve_app.visits import CurrentVisit, Use
from serve_app.wire import CourseIdInPath, Cursor, Limit, PageOf, new_router, problems

router = new_router("/api", "catalogue")

Words = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[^\x00]*$", description="Words that a course must have; of the last, the beginning."),
]
Category = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="A category's slug.")]
MinRating = Annotated[float | None, Query(alias="minRating", ge=0, le=5, allow_inf_nan=False)]
LanguageCode = Annotated[str | None, Query(pattern=r"^[a-z]{2,3}$", description="Such as `en`, of whichever country.")]
Sort = Literal["newest", "oldest", "title", "popular", "rating", "relevance"]

_NAME = re.compile(r"[a-z0-9-]{1,120}")
"""What an id or a slug looks like."""


@router.get("/categories", responses=problems())
async def list_categories(parts: Use) -> PageOf[CategoryView]:
    """The shelves of the catalogue, in their order, all of them."""
    return PageOf[CategoryView](items=[category_of(row) for row in await parts.stores.categories.list_()], next_cursor=None)


@router.get("/courses", responses=problems())
async def list_courses(
    parts: Use,
    q: Words = None,
    category: Category = None,
    difficulty: Difficulty | None = None,
    min_rating: MinRating = None,
    free: bool | None = None,
    instructor: Annotated[str | None, Query(max_length=36, description="The id of its instructor.")] = None,
    language: LanguageCode = None,
    sort: Sort | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[Course]:
    """Published courses: the newest first, or, when words are looked for, those that they fit best. Where nothing has the
    words, courses with words like them."""
    if instructor is not None and not is_uuid(instructor.lower()):
        return PageOf[Course](items=[], next_cursor=None)
    has_words = q is not None and bool(q.strip())
    narrowed = CourseFilter(
        words=q if has_words else None,
        category=category,
        difficulty=difficulty,
        least_rating=round(min_rating * 100) if min_rating is not None else None,
        free=free,
        status="published",
        instructor_id=UserId(instructor.lower()) if instructor is not None else None,
        language=language,
        sort=("relevance" if has_words else "newest") if sort in (None, "relevance") else sort,
    )
    page = await parts.courses.list_(narrowed, limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/courses/featured", responses=problems())
async def list_featured_courses(parts: Use, limit: Limit = 20, cursor: Cursor = None) -> PageOf[Course]:
    """Published courses that are shown in front, the latest chosen first."""
    page = await parts.courses.list_(CourseFilter(status="published", featured=True, sort="featured"), limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/courses/{courseId}", responses=problems(404))
async def get_course(course_id: CourseIdInPath, parts: Use, visit: CurrentVisit) -> CourseDetail:
    """A published course, by its id or slug; its instructor, admins and who is enrolled see it in any other state too."""
    caller = visit.caller
    named = course_id.lower()
    found = None
    if _NAME.fullmatch(named):
        found = await parts.courses.find_for(named, caller.user_id if caller is not None else None)
    if found is None:
        raise RefusedRequest(NotFound("course", course_id[:64]))
    row, enrolled = found
    owned = manages(caller, row.instructor_id)
    if row.status != "published" and not (owned or enrolled):
        raise RefusedRequest(NotFound("course", course_id[:64]))
    return course_detail_of(row, enrolled, owned)
