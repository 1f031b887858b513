"""Routes by which admins review, feature and restore courses, and keep the categories."""

import unicodedata
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StringConstraints

from classroom.catalogue.lifecycle import APPROVE, REJECT, WrongStatus
from classroom.ids import CourseId, UserId, is_uuid
from classroom.refusals import Malformed, NotFound
from persistence.audit import Act
from persistence.categories import CategoryRow, SlugTaken, UnknownCategory
from persistence.courses import CourseFilter
from serve_app.catalogue import Category, Words
from serve_app.course_wire import CategoryView, Course, CourseStatus, category_of, course_of
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import CategoryExists, CategoryInUse
from serve_app.teaching import take_step
from serve_app.visits import Admin, CurrentVisit, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, Limit, Line, PageOf, Prose, Wire, new_router, problems

router = new_router("/api/admin", "admin", OnceRoute)

CategoryInPath = Annotated[str, Path(alias="categoryId")]
Position = Annotated[int, Field(ge=0, le=1_000_000, strict=True, description="Categories stand in this order.")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Description = Annotated[Prose, StringConstraints(max_length=2_000)]


class Rejection(Wire):
    """Why a course is not published."""

    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=2_000)]


class Featuring(Wire):
    """Whether the course is shown in front."""

    featured: Annotated[bool, Field(strict=True)]


class CategoryBody(Wire):
    """A new category. Its slug is made from its name."""

    name: Line
    description: Description = ""
    position: Position = 0


class CategoryChanges(Wire):
    """What changes about a category; what is left out stays, the slug too, unless another one is given."""

    name: Line | None = None
    slug: Slug | None = None
    description: Description | None = None
    position: Position | None = None


@router.get("/courses", responses=problems(401, 403))
async def list_courses_for_review(
    _me: Admin,
    parts: Use,
    q: Words = None,
    status: CourseStatus | None = None,
    category: Category = None,
    instructor: Annotated[str | None, Query(max_length=36, description="The id of its instructor.")] = None,
    featured: bool | None = None,
    deleted: Annotated[bool, Query(description="Those that were deleted, instead of the others.")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[Course]:
    """Every course, the newest first; `status=pending` are those that wait for a decision."""
    if instructor is not None and not is_uuid(instructor.lower()):
        return PageOf[Course](items=[], next_cursor=None)
    owner = UserId(instructor.lower()) if instructor is not None else None
    narrowed = CourseFilter(
        words=q, status=status, category=category, instructor_id=owner, featured=featured, deleted=deleted
    )
    page = await parts.courses.list_(narrowed, limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.patch("/courses/{courseId}/approve", responses=problems(401, 403, 404, 409))
async def approve_course(course_id: CourseIdInPath, me: Admin, parts: Use) -> Course:
    """Publish a course that was submitted."""
    ident = CourseId(uuid_or_404(course_id, "course"))
    return await take_step(ident, APPROVE, parts, act=Act(me.user_id, "course.approve", "course", ident))


@router.patch("/courses/{courseId}/reject", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def reject_course(course_id: CourseIdInPath, body: Rejection, me: Admin, parts: Use) -> Course:
    """Send a course back to its instructor, with the reason."""
    ident = CourseId(uuid_or_404(course_id, "course"))
    act = Act(me.user_id, "course.reject", "course", ident, {"reason": body.reason})
    return await take_step(ident, REJECT, parts, reason=body.reason, act=act)


@router.patch("/courses/{courseId}/feature", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def feature_course(course_id: CourseIdInPath, body: Featuring, me: Admin, parts: Use) -> Course:
    """Show a published course in front, or no longer."""
    ident = CourseId(uuid_or_404(course_id, "course"))
    act = Act(me.user_id, "course.feature" if body.featured else "course.unfeature", "course", ident)
    row = await parts.courses.feature(ident, body.featured, parts.clock(), act)
    if row is not None:
        return course_of(row)
    row = await parts.courses.find(ident)
    raise RefusedRequest(WrongStatus(row.status, ("published",)) if row is not None else NotFound("course", course_id))


@router.post("/courses/{courseId}/restore", responses=problems(401, 403, 404))
async def restore_course(course_id: CourseIdInPath, me: Admin, parts: Use) -> Course:
    """Bring a deleted course back as it was, without the classes that were cancelled with it. Again: the same answer."""
    ident = CourseId(uuid_or_404(course_id, "course"))
    row = await parts.courses.restore(ident, parts.clock(), Act(me.user_id, "course.restore", "course", ident))
    if row is None:
        raise RefusedRequest(NotFound("course", course_id))
    return course_of(row)


@router.post("/categories", status_code=201, responses=problems(400, 401, 403, 409, 413, 415))
async def create_category(body: CategoryBody, me: Admin, parts: Use, visit: CurrentVisit) -> CategoryView:
    """Make a category. Two of the same slug there are not: 409 `category_exists`."""
    ident = visit.entity_id or parts.new_id()
    new = CategoryRow(ident, category_slug(body.name, ident), body.name, body.description, body.position, 0)
    act = Act(me.user_id, "category.create", "category", ident, {"name": body.name})
    try:
        return category_of(await parts.stores.categories.add(new, parts.clock(), act))
    except SlugTaken as error:
        raise RefusedRequest(CategoryExists(new.slug)) from error


@router.patch("/categories/{categoryId}", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def revise_category(category_id: CategoryInPath, body: CategoryChanges, me: Admin, parts: Use) -> CategoryView:
    """Change a category."""
    ident = uuid_or_404(category_id, "category")
    changes = body.model_dump(by_alias=False, exclude_unset=True, exclude_none=True)
    act = Act(me.user_id, "category.revise", "category", ident, changes)
    try:
        row = await parts.stores.categories.revise(ident, changes, parts.clock(), act)
    except SlugTaken as error:
        raise RefusedRequest(CategoryExists(body.slug or "")) from error
    if row is None:
        raise RefusedRequest(NotFound("category", category_id))
    return category_of(row)


@router.delete("/categories/{categoryId}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_category(
    category_id: CategoryInPath,
    me: Admin,
    parts: Use,
    move_to: Annotated[
        str | None, Query(alias="moveTo", max_length=36, description="The id of the category that its courses go to.")
    ] = None,
) -> None:
    """Take a category away. While courses stand in it, they have to go somewhere: 409 `category_in_use` without `moveTo`."""
    ident = uuid_or_404(category_id, "category")
    target = uuid_or_404(move_to, "category") if move_to is not None else None
    if target == ident:
        raise RefusedRequest(Malformed((("moveTo", "is the category itself"),)))
    act = Act(me.user_id, "category.delete", "category", ident, {"moveTo": target})
    try:
        left = await parts.stores.categories.delete(ident, target, parts.clock(), act)
    except UnknownCategory as error:
        raise RefusedRequest(NotFound("category", target or "")) from error
    if left is None:
        raise RefusedRequest(NotFound("category", category_id))
    if left > 0:
        raise RefusedRequest(CategoryInUse(left))


def category_slug(name: str, category_id: str) -> str:
    """The address of a category: `arts-crafts` for "Arts & Crafts"; the end of its id where a name has no Latin letters."""
    plain = unicodedata.normalize("NFKD", name.lower())
    spelled = (letter for letter in plain if not unicodedata.combining(letter))
    letters = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in spelled)
    return "-".join(letters.split())[:100].strip("-") or category_id[-12:]
