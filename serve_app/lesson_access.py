"""Who may see and change lessons: shared by every route that touches one."""

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from persistence.syllabus import LessonRow, SectionRow
from serve_app.composition import Parts
from serve_app.problems import RefusedRequest
from serve_app.reasons import Unauthenticated
from serve_app.visits import uuid_or_404


def manages(me: Caller | None, instructor_id: UserId) -> bool:
    """Whether the caller may change what belongs to this instructor: the instructor and admins."""
    return me is not None and (me.role is Role.ADMIN or me.user_id == instructor_id)


async def readable_lesson(lesson_id: str, me: Caller | None, parts: Parts) -> LessonRow:
    """The lesson, if the caller may see what is in it: who is enrolled, who manages the course, and, when it is a preview
    of a published course, everybody. Refuses with 404, 401 or 403 `not_enrolled`.

    A course that is not published is 404 for all others; who is enrolled keeps it, whatever becomes of the course.
    """
    ident = uuid_or_404(lesson_id, "lesson")
    if me is None:
        row, enrolled = await parts.stores.syllabus.find_lesson(ident), False
    else:
        row, enrolled = await parts.stores.syllabus.find_lesson_and_reader(ident, me.user_id) or (None, False)
    if row is None:
        raise RefusedRequest(NotFound("lesson", lesson_id))
    if enrolled or manages(me, row.instructor_id):
        return row
    if row.course_status != "published":
        raise RefusedRequest(NotFound("lesson", lesson_id))
    if row.is_preview:
        return row
    raise RefusedRequest(Unauthenticated() if me is None else NotEnrolled(row.course_id))


async def managed_lesson(lesson_id: str, me: Caller, parts: Parts) -> LessonRow:
    """The lesson, if the caller may change it: the course's owner and admins. Refuses with 404 or 403."""
    row = await parts.stores.syllabus.find_lesson(uuid_or_404(lesson_id, "lesson"))
    if row is None:
        raise RefusedRequest(NotFound("lesson", lesson_id))
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("change somebody else's lesson"))
    return row


async def managed_section(section_id: str, me: Caller, parts: Parts) -> SectionRow:
    """The section, if the caller may change it: the course's owner and admins. Refuses with 404 or 403."""
    row = await parts.stores.syllabus.find_section(uuid_or_404(section_id, "section"))
    if row is None:
        raise RefusedRequest(NotFound("section", section_id))
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("change somebody else's section"))
    return row
