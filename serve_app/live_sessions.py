"""Routes of live classes: scheduling, lists, the record. Coming in and going out is in `serve_app.door`."""

from typing import Annotated, Literal

import msgspec
from fastapi import Header, Query, Response
from pydantic import AwareDatetime

from classroom.callers import Caller, Role
from classroom.ids import CourseId, LessonId, SessionId
from classroom.live.commands import Cancel, End, Revise, Schedule, Start
from classroom.live.schedule import is_late
from classroom.refusals import Malformed, NotEnrolled
from classroom.times import Moment, from_datetime
from persistence.live_records import place_in_list
from persistence.pages import read_cursor, write_cursor
from serve_app.attendance import attendee_of, csv_of
from serve_app.calendar_file import calendar_of
from serve_app.composition import Parts
from serve_app.live_access import do, managed_session, visible_session
from serve_app.live_wire import (
    AttendeeView,
    LiveSession,
    LiveSessionBody,
    LiveSessionChanges,
    SessionStatus,
    TimelineEvent,
    session_of,
)
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.teaching import owned_course
from serve_app.timeline import recorded
from serve_app.visits import Config, CurrentVisit, Me, Teacher, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, new_router, problems

router = new_router("/api/live-sessions", "live sessions")
once_router = new_router("/api/live-sessions", "live sessions", OnceRoute)


@once_router.post("", status_code=201, response_model=LiveSession, responses=problems(400, 401, 403, 404, 413, 415))
async def schedule_live_session(body: LiveSessionBody, me: Teacher, parts: Use, visit: CurrentVisit) -> Response:
    """Schedule a class in an own course."""
    starts_at = from_datetime(body.start_time)
    if is_late(starts_at, parts.clock()):
        raise RefusedRequest(Malformed((("startTime", "is in the past"),)))
    course = await owned_course(body.course_id, me, parts)
    command = Schedule(
        course_id=course.id,
        title=body.title,
        starts_at=starts_at,
        duration_minutes=body.duration_minutes,
        max_students=body.max_students,
        doors_open_minutes=body.doors_open_minutes,
        waitlist_enabled=body.waitlist_enabled,
        instructor_id=course.instructor_id,
        instructor_name=course.instructor_name,
        lesson_id=LessonId(uuid_or_404(body.lesson_id, "lesson")) if body.lesson_id is not None else None,
    )
    session_id = SessionId(visit.entity_id or parts.new_id())
    done = await do(session_id, me, command, parts, visit.idempotency_key)
    return Response(done.body, 201, {"Location": f"/api/live-sessions/{session_id}"}, "application/json")


@router.get("", responses=problems(401, 403, 404))
async def list_live_sessions(
    me: Me,
    parts: Use,
    course_id: Annotated[str | None, Query(alias="courseId", max_length=64)] = None,
    status: SessionStatus | None = None,
    starts_from: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    starts_to: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[LiveSession]:
    """Classes that the caller may see, by their start: of enrolled courses, of own courses, for admins of all."""
    course_ids = await _visible_courses(me, course_id, parts)
    keys = read_cursor(cursor, "moment", "id")
    rows = await parts.live_records.list_(
        course_ids,
        status,
        from_datetime(starts_from) if starts_from is not None else None,
        from_datetime(starts_to) if starts_to is not None else None,
        limit + 1,
        (Moment(int(keys[0])), SessionId(str(keys[1]))) if keys is not None else None,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = write_cursor(last.starts_at, last.id) if last is not None else None
    return PageOf[LiveSession](items=[session_of(row) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{id}", responses=problems(401, 403, 404))
async def get_live_session(session_id: IdInPath, me: Me, parts: Use) -> LiveSession:
    """One class."""
    return session_of(await visible_session(session_id, me, parts))


@router.patch("/{id}", response_model=LiveSession, responses=problems(400, 401, 403, 404, 409, 410, 413, 415))
async def revise_live_session(session_id: IdInPath, body: LiveSessionChanges, me: Teacher, parts: Use) -> Response:
    """Change a class. Raising the capacity while it is live promotes who waits; lowering it evicts nobody."""
    changes = body.model_dump(by_alias=False, exclude_none=True, exclude={"start_time"})
    starts_at = from_datetime(body.start_time) if body.start_time is not None else None
    ident = SessionId(uuid_or_404(session_id, "live session"))
    return _json(await _body(ident, me, Revise(starts_at=starts_at, **changes), parts))


@router.delete("/{id}", status_code=204, responses=problems(401, 403, 404, 409))
async def cancel_live_session(session_id: IdInPath, me: Teacher, parts: Use) -> None:
    """Call a class off before it starts."""
    await do(SessionId(uuid_or_404(session_id, "live session")), me, Cancel(), parts)


@once_router.post("/{id}/start", response_model=LiveSession, responses=problems(401, 403, 404, 409, 410))
async def start_live_session(session_id: IdInPath, me: Teacher, parts: Use, visit: CurrentVisit) -> Response:
    """Begin teaching. Repeated: the same answer."""
    ident = SessionId(uuid_or_404(session_id, "live session"))
    return _json(await _body(ident, me, Start(), parts, visit.idempotency_key))


@once_router.post("/{id}/end", response_model=LiveSession, responses=problems(401, 403, 404, 409, 410))
async def end_live_session(session_id: IdInPath, me: Teacher, parts: Use, visit: CurrentVisit) -> Response:
    """End the class for everybody. Repeated: the same answer."""
    ident = SessionId(uuid_or_404(session_id, "live session"))
    return _json(await _body(ident, me, End(), parts, visit.idempotency_key))


@router.get(
    "/{id}/attendance",
    response_model=PageOf[AttendeeView],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(401, 403, 404)},
)
async def get_attendance(
    session_id: IdInPath,
    me: Teacher,
    parts: Use,
    wanted: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    limit: Annotated[int | None, Query(ge=1, le=100, description="Without it: every row in one page.")] = None,
    cursor: Cursor = None,
) -> PageOf[AttendeeView] | Response:
    """Who was there, when, and for how long: every student of the course and everybody who was ever inside, by name.
    As CSV with `format=csv` or `Accept: text/csv`; CSV always has every row."""
    row = await managed_session(session_id, me, parts)
    now = parts.clock()
    attendees = await parts.live_records.attendance(row.id)
    if wanted == "csv" or (wanted is None and "text/csv" in accept):
        name = f"attendance-{row.id}.csv"
        text = csv_of(attendee_of(attendee, now) for attendee in attendees)
        return Response(text, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, "text/csv; charset=utf-8")
    keys = read_cursor(cursor, "text", "id")
    if keys is not None:
        after = place_in_list(str(keys[0]), str(keys[1]))
        attendees = [each for each in attendees if place_in_list(each.name, each.user_id) > after]
    page = attendees[:limit]
    more = write_cursor(page[-1].name, page[-1].user_id) if len(page) < len(attendees) else None
    return PageOf[AttendeeView](items=[attendee_of(attendee, now) for attendee in page], next_cursor=more)


@router.get("/{id}/timeline", response_model=PageOf[TimelineEvent], responses=problems(401, 403, 404))
async def get_timeline(
    session_id: IdInPath,
    me: Teacher,
    parts: Use,
    after: Annotated[int, Query(ge=0, lt=1 << 62, description="The offset of the last event that is known.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """The recorded events of a class, in order. A message between two other people comes without its `text`."""
    row = await managed_session(session_id, me, parts)
    keys = read_cursor(cursor, "number")
    events = await parts.live_records.timeline(row.id, int(keys[0]) if keys is not None else after, limit)
    more = write_cursor(events[-1].offset) if len(events) == limit else None
    items = [recorded(event, me.user_id) for event in events]
    return _json(msgspec.json.encode({"items": items, "nextCursor": more}))


@router.get(
    "/{id}/calendar.ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}, **problems(401, 403, 404)},
)
async def get_calendar_file(session_id: IdInPath, me: Me, parts: Use, config: Config) -> Response:
    """The class as an iCalendar event."""
    row = await visible_session(session_id, me, parts)
    content = calendar_of(row, f"{config.http_url}/classes/{row.id}", parts.clock())
    disposition = {"Content-Disposition": f'attachment; filename="class-{row.id}.ics"'}
    return Response(content, 200, disposition, "text/calendar; charset=utf-8")


async def _body(
    session_id: SessionId, me: Caller, command: Revise | Start | End, parts: Parts, key: str | None = None
) -> bytes:
    return (await do(session_id, me, command, parts, key)).body


def _json(body: bytes) -> Response:
    return Response(body, 200, media_type="application/json")


async def _visible_courses(me: Caller, course_id: str | None, parts: Parts) -> list[CourseId] | None:
    """The courses whose classes the caller may list; None for all of them."""
    if me.role is Role.STUDENT:
        enrolled = await parts.enrollments.list_course_ids(me.user_id)
        if course_id is None:
            return enrolled
        wanted = CourseId(uuid_or_404(course_id, "course"))
        if wanted in enrolled:
            return [wanted]
        if await parts.courses.find(wanted) is not None:
            raise RefusedRequest(NotEnrolled(wanted))
    if course_id is not None:
        return [(await owned_course(course_id, me, parts)).id]
    return None if me.role is Role.ADMIN else await parts.courses.list_ids_of(me.user_id)
