"""Routes of progress: lessons done, seconds watched, how far oneself and one's students are."""

from typing import Annotated

import msgspec
from fastapi import Path, Response

from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, CourseId
from classroom.progress.commands import Command, CompleteLesson, Watch
from classroom.progress.views import figures_of, progress_of
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from persistence.progress import StudentProgress
from serve_app.composition import Parts
from serve_app.lesson_access import manages, readable_lesson
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.progress_wire import CourseStanding, LessonReport, PlayerReport, StudentStanding
from serve_app.visits import CurrentVisit, Me, Student, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, Limit, PageOf, new_router, problems

router = new_router("/api", "progress", OnceRoute)

LessonIdInPath = Annotated[str, Path(alias="lessonId")]


@router.post(
    "/progress/lesson/{lessonId}/complete", responses=problems(400, 401, 403, 404, 409, 413), response_model=LessonReport
)
async def complete_lesson(lesson_id: LessonIdInPath, me: Student, parts: Use, visit: CurrentVisit) -> Response:
    """Say that a lesson is done; said again, the answer is the same. A video has to be watched first (409 `not_watched`), a
    quiz or an assignment to be passed (409 `not_passed`)."""
    lesson = await readable_lesson(lesson_id, me, parts)
    return await _told(lesson.course_id, me, CompleteLesson(me.user_id, lesson.id), visit.entity_id, parts)


@router.post("/videos/{lessonId}/track", responses=problems(400, 401, 403, 404, 409, 413, 415), response_model=LessonReport)
async def track_video(
    lesson_id: LessonIdInPath, body: PlayerReport, me: Student, parts: Use, visit: CurrentVisit
) -> Response:
    """A player's report. Only what can have been watched since the report before counts, at twice the speed at most; nine
    tenths of the video complete its lesson."""
    lesson = await readable_lesson(lesson_id, me, parts)
    report = Watch(me.user_id, lesson.id, body.position_seconds, body.watched_seconds)
    return await _told(lesson.course_id, me, report, visit.entity_id, parts)


@router.get("/progress/course/{courseId}", responses=problems(401, 403, 404), response_model=CourseStanding)
async def get_course_progress(course_id: CourseIdInPath, me: Me, parts: Use) -> Response:
    """The own progress in a course, and where to go on."""
    return await _own(course_id, me, parts)


@router.get("/courses/{courseId}/progress", responses=problems(401, 403, 404), response_model=CourseStanding)
async def get_progress_of_course(course_id: CourseIdInPath, me: Me, parts: Use) -> Response:
    """The same at another address."""
    return await _own(course_id, me, parts)


@router.get("/progress/course/{courseId}/students", responses=problems(400, 401, 403, 404))
async def list_student_progress(
    course_id: CourseIdInPath, me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[StudentStanding]:
    """How far the students of a course are, the latest enrolled first; for its owner and admins."""
    if me.role is Role.STUDENT:
        raise RefusedRequest(Forbidden("see the progress of others"))
    found = await parts.stores.progress.list_students(CourseId(uuid_or_404(course_id, "course")), limit, cursor)
    if found is None:
        raise RefusedRequest(NotFound("course", course_id))
    course, page = found
    if not manages(me, course.instructor_id):
        raise RefusedRequest(Forbidden("see the students of somebody else's course"))

    def standing(student: StudentProgress) -> StudentStanding:
        figures = figures_of(course, student.learner)
        return StudentStanding(
            email=student.email, enrolled_at=student.enrolled_at, last_active_at=student.updated_at, **figures
        )

    return PageOf[StudentStanding](items=[standing(each) for each in page.items], next_cursor=page.next_cursor)


async def _own(course_id: str, me: Caller, parts: Parts) -> Response:
    found = await parts.stores.progress.find(CourseId(uuid_or_404(course_id, "course")), me.user_id)
    if found is None:
        raise RefusedRequest(NotFound("course", course_id))
    if not found.enrolled:
        raise RefusedRequest(NotEnrolled(found.course.id))
    return _json(msgspec.json.encode(progress_of(found.course, found.learner)))


async def _told(course_id: CourseId, me: Caller, command: Command, key: str | None, parts: Parts) -> Response:
    answer = await parts.progress.tell(course_id, me, command, CommandId(key) if key is not None else None)
    if isinstance(answer, Refused):
        raise RefusedRequest(answer.refusal)
    return _json(answer.body)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
