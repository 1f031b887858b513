"""Routes of instructors' own courses, and of the admins who review them."""

from typing import Annotated, Any

from pydantic import StringConstraints

from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId
from classroom.live.commands import Cancel
from classroom.refusals import AlreadyLive, Forbidden, Malformed, NotFound
from persistence.courses import CourseFilter, CourseRow, CourseText
from serve_app.composition import Parts
from serve_app.course_wire import Course, CourseBody, CourseChanges, CourseStatus, StudentView, course_of, student_of
from serve_app.live_access import do, sessions_of_course
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import WrongStatus
from serve_app.visits import Admin, Config, CurrentVisit, Teacher, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, Limit, PageOf, Prose, Wire, new_router, problems

router = new_router("/api", "own courses", OnceRoute)
admin_router = new_router("/api/admin", "admin", OnceRoute)


class Rejection(Wire):
    """Why a course is not published."""

    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=2_000)]


@router.post("/instructor/courses", status_code=201, responses=problems(400, 401, 403, 413, 415))
async def create_course(body: CourseBody, me: Teacher, parts: Use, visit: CurrentVisit) -> Course:
    """Make a course; it is a draft until it is submitted and approved."""
    text = body.model_dump(by_alias=False)
    await _check_category(text, parts)
    course_id = CourseId(visit.entity_id or parts.new_id())
    return course_of(await parts.courses.create(course_id, me.user_id, CourseText(**text), parts.clock()))


@router.get("/instructor/courses", responses=problems(401, 403))
async def list_own_courses(
    me: Teacher, parts: Use, status: CourseStatus | None = None, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Course]:
    """The caller's courses, the newest first."""
    page = await parts.courses.list_(CourseFilter(instructor_id=me.user_id, status=status), limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/instructor/courses/{courseId}", responses=problems(401, 403, 404))
async def get_own_course(course_id: CourseIdInPath, me: Teacher, parts: Use) -> Course:
    """One of the caller's courses, in whatever state."""
    return course_of(await owned_course(course_id, me, parts))


@router.patch("/instructor/courses/{courseId}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_course(course_id: CourseIdInPath, body: CourseChanges, me: Teacher, parts: Use) -> Course:
    """Change a course."""
    row = await owned_course(course_id, me, parts)
    changes = body.model_dump(by_alias=False, exclude_unset=True)
    nullable = ("category_id", "thumbnail_url")
    changes = {name: value for name, value in changes.items() if value is not None or name in nullable}
    await _check_category(changes, parts)
    revised = await parts.courses.revise(row.id, changes, parts.clock())
    if revised is None:
        raise RefusedRequest(NotFound("course", row.id))
    return course_of(revised)


@router.delete("/instructor/courses/{courseId}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_course(course_id: CourseIdInPath, me: Teacher, parts: Use) -> None:
    """Hide a course for good and cancel its scheduled classes. A course with a class that is live cannot go."""
    row = await owned_course(course_id, me, parts)
    open_classes = await sessions_of_course(row.id, parts)
    if any(session.status == "live" for session in open_classes):
        raise RefusedRequest(AlreadyLive())
    for session in open_classes:
        await do(SessionId(session.id), me, Cancel(), parts)
    await parts.courses.delete(row.id, parts.clock())


@router.post("/instructor/courses/{courseId}/submit", responses=problems(401, 403, 404, 409))
async def submit_course(course_id: CourseIdInPath, me: Teacher, parts: Use, config: Config) -> Course:
    """Ask for the course to be published: an admin looks at it first."""
    row = await owned_course(course_id, me, parts)
    into = "pending" if config.course_review else "published"
    return await _move(row.id, ("draft", "rejected"), into, parts)


@router.get("/instructor/courses/{courseId}/students", responses=problems(401, 403, 404))
async def list_course_students(
    course_id: CourseIdInPath, me: Teacher, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[StudentView]:
    """Who is enrolled, the latest first."""
    row = await owned_course(course_id, me, parts)
    page = await parts.enrollments.list_of_course(row.id, limit, cursor)
    return PageOf[StudentView](items=[student_of(student) for student in page.items], next_cursor=page.next_cursor)


@admin_router.get("/courses", responses=problems(401, 403))
async def list_courses_for_review(
    _me: Admin, parts: Use, status: CourseStatus | None = None, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Course]:
    """Every course, the newest first; `status=pending` are those that wait for a decision."""
    page = await parts.courses.list_(CourseFilter(status=status), limit, cursor)
    return PageOf[Course](items=[course_of(row) for row in page.items], next_cursor=page.next_cursor)


@admin_router.patch("/courses/{courseId}/approve", responses=problems(401, 403, 404, 409))
async def approve_course(course_id: CourseIdInPath, _me: Admin, parts: Use) -> Course:
    """Publish a course that was submitted."""
    return await _move(CourseId(uuid_or_404(course_id, "course")), ("pending",), "published", parts)


@admin_router.patch("/courses/{courseId}/reject", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def reject_course(course_id: CourseIdInPath, body: Rejection, _me: Admin, parts: Use) -> Course:
    """Send a course back to its instructor, with the reason."""
    return await _move(CourseId(uuid_or_404(course_id, "course")), ("pending",), "rejected", parts, body.reason)


async def owned_course(course_id: str, me: Caller, parts: Parts) -> CourseRow:
    """The course, if the caller may manage it: its instructor and admins. Refuses with 404 or 403."""
    row = await parts.courses.find(CourseId(uuid_or_404(course_id, "course")))
    if row is None:
        raise RefusedRequest(NotFound("course", course_id))
    if me.role is not Role.ADMIN and row.instructor_id != me.user_id:
        raise RefusedRequest(Forbidden("manage somebody else's course"))
    return row


async def _move(course_id: CourseId, out_of: tuple[str, ...], into: str, parts: Parts, reason: str | None = None) -> Course:
    moved = await parts.courses.move(course_id, out_of, into, parts.clock(), reason)
    if moved is not None:
        return course_of(moved)
    row = await parts.courses.find(course_id)
    raise RefusedRequest(WrongStatus(row.status, out_of) if row is not None else NotFound("course", course_id))


async def _check_category(text: dict[str, Any], parts: Parts) -> None:
    wanted = text.get("category_id")
    if wanted is not None and wanted not in {row.id for row in await parts.courses.list_categories()}:
        raise RefusedRequest(Malformed((("categoryId", "is not the id of a category"),)))
