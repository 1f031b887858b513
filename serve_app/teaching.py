"""Routes of instructors' own courses."""

from typing import Any

from classroom.callers import Caller, Role
from classroom.catalogue.lifecycle import PUBLISH, SUBMIT, SUBMIT_WITHOUT_REVIEW, UNPUBLISH, Step, refusal_of
from classroom.ids import CourseId, SessionId, is_uuid
from classroom.live.commands import Cancel
from classroom.refusals import AlreadyLive, Forbidden, Malformed, NotFound, Unavailable
from persistence.audit import Act
from persistence.categories import UnknownCategory
from persistence.courses import CourseFilter, CourseRow, CourseText
from serve_app.administration.settings import needs_course_review
from serve_app.composition import Parts
from serve_app.course_wire import Course, CourseBody, CourseChanges, CourseStatus, StudentView, course_of, student_of
from serve_app.live_access import do, sessions_of_course
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.visits import Config, CurrentVisit, Teacher, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, Limit, PageOf, new_router, problems

router = new_router("/api", "own courses", OnceRoute)

_UNKNOWN_CATEGORY = Malformed((("categoryId", "is not the id of a category"),))


@router.post("/instructor/courses", status_code=201, responses=problems(400, 401, 403, 413, 415))
async def create_course(body: CourseBody, me: Teacher, parts: Use, visit: CurrentVisit) -> Course:
    """Make a course; it is a draft until it is submitted and approved."""
    text = CourseText(**_with_category(body.model_dump(by_alias=False)))
    course_id = CourseId(visit.entity_id or parts.new_id())
    try:
        return course_of(await parts.courses.create(course_id, me.user_id, text, parts.clock()))
    except UnknownCategory as error:
        raise RefusedRequest(_UNKNOWN_CATEGORY) from error


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
    """Change a course. Fewer `maxStudents` than are enrolled sends nobody away, and lets nobody in."""
    row = await owned_course(course_id, me, parts)
    changes = body.model_dump(by_alias=False, exclude_unset=True)
    nullable = ("category_id", "thumbnail_url", "max_students")
    changes = _with_category({name: value for name, value in changes.items() if value is not None or name in nullable})
    act = act_of(me, row, "course.revise", {"fields": sorted(changes)})
    try:
        revised = await parts.courses.revise(row.id, changes, parts.clock(), act)
    except UnknownCategory as error:
        raise RefusedRequest(_UNKNOWN_CATEGORY) from error
    if revised is None:
        raise RefusedRequest(NotFound("course", row.id))
    return course_of(revised)


@router.delete("/instructor/courses/{courseId}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_course(course_id: CourseIdInPath, me: Teacher, parts: Use) -> None:
    """Hide a course, until an admin restores it, and cancel its scheduled classes. One with a class that is live stays."""
    row = await owned_course(course_id, me, parts)
    open_classes = await sessions_of_course(row.id, parts)
    if any(session.status == "live" for session in open_classes):
        raise RefusedRequest(AlreadyLive())
    for session in open_classes:
        await do(SessionId(session.id), me, Cancel(), parts)
    await parts.courses.delete(row.id, parts.clock(), act_of(me, row, "course.delete"))


@router.post("/instructor/courses/{courseId}/submit", responses=problems(401, 403, 404, 409))
async def submit_course(course_id: CourseIdInPath, me: Teacher, parts: Use, config: Config) -> Course:
    """Ask for the course to be published: an admin looks at it first."""
    row = await owned_course(course_id, me, parts)
    step = SUBMIT if await needs_course_review(parts, config) else SUBMIT_WITHOUT_REVIEW
    return await take_step(row.id, step, parts, act=act_of(me, row, "course.submit"))


@router.post("/instructor/courses/{courseId}/unpublish", responses=problems(401, 403, 404, 409))
async def unpublish_course(course_id: CourseIdInPath, me: Teacher, parts: Use) -> Course:
    """Take the course out of the catalogue: nobody new comes in, who is enrolled keeps it. When an admin does this to
    somebody else's course, it has to be reviewed before it comes back."""
    row = await owned_course(course_id, me, parts)
    again = me.user_id != row.instructor_id
    return await take_step(row.id, UNPUBLISH, parts, act=act_of(me, row, "course.unpublish"), review_again=again)


@router.post("/instructor/courses/{courseId}/publish", responses=problems(401, 403, 404, 409))
async def publish_course(course_id: CourseIdInPath, me: Teacher, parts: Use, config: Config) -> Course:
    """Bring an unpublished course back. When its title, summary, description, category or picture have changed since it was
    reviewed: 409 `review_needed`, and it has to be submitted."""
    row = await owned_course(course_id, me, parts)
    step = PUBLISH if await needs_course_review(parts, config) else Step(PUBLISH.out_of, PUBLISH.into)
    return await take_step(row.id, step, parts, act=act_of(me, row, "course.publish"))


@router.get("/instructor/courses/{courseId}/students", responses=problems(401, 403, 404))
async def list_course_students(
    course_id: CourseIdInPath, me: Teacher, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[StudentView]:
    """Who is enrolled, the latest first."""
    row = await owned_course(course_id, me, parts)
    page = await parts.enrollments.list_of_course(row.id, limit, cursor)
    return PageOf[StudentView](items=[student_of(student) for student in page.items], next_cursor=page.next_cursor)


async def owned_course(course_id: str, me: Caller, parts: Parts) -> CourseRow:
    """The course, if the caller may manage it: its instructor and admins. Refuses with 404 or 403."""
    row = await parts.courses.find(CourseId(uuid_or_404(course_id, "course")))
    if row is None:
        raise RefusedRequest(NotFound("course", course_id))
    if me.role is not Role.ADMIN and row.instructor_id != me.user_id:
        raise RefusedRequest(Forbidden("manage somebody else's course"))
    return row


def act_of(me: Caller, row: CourseRow, name: str, details: dict[str, Any] | None = None) -> Act | None:
    """The act to put on record when the caller does this to somebody else's course, as admins may; None to an own one."""
    return None if me.user_id == row.instructor_id else Act(me.user_id, name, "course", row.id, details or {})


async def take_step(
    course_id: CourseId,
    step: Step,
    parts: Parts,
    *,
    reason: str | None = None,
    act: Act | None = None,
    review_again: bool = False,
) -> Course:
    """Change the course's status; the same again changes nothing. Refuses with 404, or 409 and why."""
    moved = await parts.courses.move(
        course_id,
        step.out_of,
        step.into,
        parts.clock(),
        reason,
        reviewed=step.reviewed,
        review_again=review_again,
        act=act,
    )
    if moved is not None:
        return course_of(moved)
    row = await parts.courses.find(course_id)
    if row is None:
        raise RefusedRequest(NotFound("course", course_id))
    # None: it has come into a state that would do since it was asked, so it may be asked again.
    raise RefusedRequest(refusal_of(step, row.status, row.changed_since_review) or Unavailable("The course"))


def _with_category(text: dict[str, Any]) -> dict[str, Any]:
    """The text with its category's id in the form that ids have. Refuses what is none."""
    wanted = text.get("category_id")
    if wanted is None:
        return text
    if not is_uuid(wanted.lower()):
        raise RefusedRequest(_UNKNOWN_CATEGORY)
    return {**text, "category_id": wanted.lower()}
