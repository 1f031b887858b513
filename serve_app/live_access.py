"""Who may see and manage a class, and how its owner is asked: shared by every route that touches one."""

from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, CourseId, SessionId
from classroom.live.commands import Command
from classroom.records import SessionRow
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from serve_app.composition import Parts
from serve_app.problems import RefusedRequest
from serve_app.visits import uuid_or_404

_PAGE = 100


async def do(session_id: SessionId, caller: Caller, command: Command, parts: Parts, key: str | None = None) -> Accepted:
    """What the class says to the command. Raises `RefusedRequest` with its refusal."""
    answer = await parts.live.execute(session_id, caller, command, CommandId(key) if key else None)
    if isinstance(answer, Refused):
        raise RefusedRequest(answer.refusal)
    return answer


async def managed_session(session_id: str, me: Caller, parts: Parts) -> SessionRow:
    """The class's row, if the caller is its owner or an admin. Refuses with 404 or 403."""
    row = await _session(session_id, parts)
    if me.role is not Role.ADMIN and me.user_id != row.instructor_id:
        raise RefusedRequest(Forbidden("see this of somebody else's class"))
    return row


async def visible_session(session_id: str, me: Caller, parts: Parts) -> SessionRow:
    """The class's row, if the caller may see it: enrolled students, its owner, admins. Refuses with 404 or 403."""
    row = await _session(session_id, parts)
    if me.role is Role.ADMIN or me.user_id == row.instructor_id:
        return row
    if me.role is Role.STUDENT:
        if await parts.enrollments.is_enrolled(row.course_id, me.user_id):
            return row
        raise RefusedRequest(NotEnrolled(row.course_id))
    raise RefusedRequest(Forbidden("see somebody else's class"))


async def sessions_of_course(course_id: CourseId, parts: Parts) -> list[SessionRow]:
    """Every class of the course that is scheduled or live."""
    found: list[SessionRow] = []
    for status in ("live", "scheduled"):
        after = None
        while True:
            page = await parts.live_records.list_([course_id], status, None, None, _PAGE, after)
            found += page
            if len(page) < _PAGE:
                break
            after = (page[-1].starts_at, page[-1].id)
    return found


async def _session(session_id: str, parts: Parts) -> SessionRow:
    row = await parts.live_records.get(SessionId(uuid_or_404(session_id, "live session")))
    if row is None:
        raise RefusedRequest(NotFound("live session", session_id))
    return row
