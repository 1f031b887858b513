"""Routes by which students get into courses and out of them."""

from fastapi import Response

from classroom.callers import Role
from classroom.ids import CourseId, SessionId
from classroom.live.commands import Leave
from classroom.refusals import Forbidden, NotFound
from classroom.times import MINUTE
from persistence.enrollments import CannotEnroll
from serve_app.course_wire import EnrollmentView, enrollment_of
from serve_app.live_access import do, sessions_of_course
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import CourseFull, PaymentRequired
from serve_app.visits import CurrentVisit, Me, Student, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, IdInPath, new_router, problems

router = new_router("/api", "enrolment", OnceRoute)


@router.post(
    "/courses/{courseId}/enroll",
    status_code=201,
    responses={200: {"model": EnrollmentView, "description": "Was enrolled already."}, **problems(401, 402, 403, 404, 409)},
)
async def enroll(
    course_id: CourseIdInPath, me: Student, response: Response, parts: Use, visit: CurrentVisit
) -> EnrollmentView:
    """Become a student of a published course, while it has room (409 `course_full`)."""
    course, enrolled = await parts.courses.find_for(uuid_or_404(course_id, "course"), me.user_id) or (None, False)
    if course is None or not (enrolled or course.status == "published"):
        raise RefusedRequest(NotFound("course", course_id))
    if course.price_minor > 0 and not enrolled:
        raise RefusedRequest(PaymentRequired(course.id, course.price_minor, course.currency))
    try:
        row, new = await parts.enrollments.enroll(visit.entity_id or parts.new_id(), course.id, me.user_id, parts.clock())
    except CannotEnroll as refused:
        reason = CourseFull(course.id) if refused.full else NotFound("course", course_id)
        raise RefusedRequest(reason) from refused
    response.status_code = 201 if new else 200
    return enrollment_of(row)


@router.delete("/courses/{courseId}/enroll", status_code=204, responses=problems(401, 403, 404))
async def unenroll(course_id: CourseIdInPath, me: Student, parts: Use) -> None:
    """Leave a course, and with it every seat and place in its classes. Also 204 when not enrolled."""
    course = await parts.courses.find(CourseId(uuid_or_404(course_id, "course")))
    if course is None:
        raise RefusedRequest(NotFound("course", course_id))
    await parts.enrollments.leave(course.id, me.user_id, parts.clock())
    for session in await sessions_of_course(course.id, parts):
        doors_open = session.starts_at - session.doors_open_minutes * MINUTE <= parts.clock()
        if session.status == "live" or doors_open:
            await do(SessionId(session.id), me, Leave(), parts)


@router.get("/enrollments/{id}", responses=problems(401, 403, 404))
async def get_enrollment(enrollment_id: IdInPath, me: Me, parts: Use) -> EnrollmentView:
    """An enrolment: the own one, one in an own course, or any for admins."""
    row = await parts.enrollments.find(uuid_or_404(enrollment_id, "enrollment"))
    if row is None:
        raise RefusedRequest(NotFound("enrollment", enrollment_id))
    if me.role is not Role.ADMIN and me.user_id not in (row.user_id, row.instructor_id):
        raise RefusedRequest(Forbidden("see somebody else's enrolment"))
    return enrollment_of(row)
