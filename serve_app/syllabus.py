"""Routes of sections and lessons: what is in a course, and in which order."""

from typing import Annotated, Any

from fastapi import Path

from classroom.callers import Caller
from classroom.ids import CourseId, LessonId, SessionId, is_uuid
from classroom.refusals import Malformed, NotFound, Refusal
from persistence.arranging import NewLesson, NewSection
from persistence.audit import Act
from persistence.syllabus import LessonRow, SectionRow
from serve_app.composition import Parts
from serve_app.lesson_access import managed_lesson, managed_section, manages, readable_lesson
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.syllabus_wire import (
    LessonBody,
    LessonChanges,
    LessonView,
    Order,
    SectionBody,
    SectionChanges,
    SectionView,
    lesson_of,
    section_of,
)
from serve_app.teaching import act_of, owned_course
from serve_app.visits import CurrentVisit, Teacher, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, PageOf, new_router, problems

router = new_router("/api", "sections and lessons", OnceRoute)

SectionIdInPath = Annotated[str, Path(alias="sectionId")]
LessonIdInPath = Annotated[str, Path(alias="lessonId")]


@router.get("/courses/{courseId}/sections", responses=problems(404))
async def list_sections(course_id: CourseIdInPath, parts: Use, visit: CurrentVisit) -> PageOf[SectionView]:
    """The syllabus, whole. What is in a lesson is shown to who is enrolled and who manages the course; what is in a preview,
    to everybody. Of a course that is not published only they see anything."""
    caller = visit.caller
    ident = CourseId(uuid_or_404(course_id, "course"))
    found = await parts.courses.find_for(ident, caller.user_id if caller is not None else None)
    if found is None:
        raise RefusedRequest(NotFound("course", course_id))
    row, enrolled = found
    inside = enrolled or manages(caller, row.instructor_id)
    if row.status != "published" and not inside:
        raise RefusedRequest(NotFound("course", course_id))
    outline = await parts.stores.syllabus.outline(ident)
    return PageOf[SectionView](items=[section_of(each, inside=inside) for each in outline], next_cursor=None)


@router.post("/courses/{courseId}/sections", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def create_section(
    course_id: CourseIdInPath, body: SectionBody, me: Teacher, parts: Use, visit: CurrentVisit
) -> SectionView:
    """Add a section to a course; a course has at most 100."""
    course = await owned_course(course_id, me, parts)
    ident = visit.entity_id or parts.new_id()
    new = NewSection(ident, course.id, body.title, body.summary, body.position)
    _check(await parts.stores.syllabus.add_section(new, parts.clock(), act_of(me, course, "section.create")))
    return await _section(ident, parts)


@router.put("/courses/{courseId}/sections/order", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def order_sections(course_id: CourseIdInPath, body: Order, me: Teacher, parts: Use) -> PageOf[SectionView]:
    """Put the sections into this order. One that does not name each of them once is 409 `order_incomplete`."""
    course = await owned_course(course_id, me, parts)
    act, wanted = act_of(me, course, "section.order"), [each.lower() for each in body.ids]
    _check(await parts.stores.syllabus.order_sections(course.id, wanted, parts.clock(), act))
    outline = await parts.stores.syllabus.outline(course.id)
    return PageOf[SectionView](items=[section_of(each, inside=True) for each in outline], next_cursor=None)


@router.patch("/sections/{sectionId}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_section(section_id: SectionIdInPath, body: SectionChanges, me: Teacher, parts: Use) -> SectionView:
    """Change a section, or put it elsewhere in its course."""
    row = await managed_section(section_id, me, parts)
    changes = body.model_dump(by_alias=False, exclude_unset=True, exclude_none=True)
    act = _act(me, row, "section.revise", row.id)
    await parts.stores.syllabus.revise_section(row.id, changes, body.position, parts.clock(), act)
    return await _section(row.id, parts)


@router.delete("/sections/{sectionId}", status_code=204, responses=problems(401, 403, 404))
async def delete_section(section_id: SectionIdInPath, me: Teacher, parts: Use) -> None:
    """Take a section and its lessons out of the course. What students did in them stays on record."""
    row = await managed_section(section_id, me, parts)
    await parts.stores.syllabus.delete_section(row.id, parts.clock(), _act(me, row, "section.delete", row.id))


@router.post("/sections/{sectionId}/lessons", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def create_lesson(
    section_id: SectionIdInPath, body: LessonBody, me: Teacher, parts: Use, visit: CurrentVisit
) -> LessonView:
    """Add a lesson to a section; a course has at most 500. A quiz and an assignment have routes of their own, which make
    their lesson too."""
    section = await managed_section(section_id, me, parts)
    ident = LessonId(visit.entity_id or parts.new_id())
    fields = body.model_dump(by_alias=False, exclude={"live_session_id", "position"})
    _check_type(body.type, fields, body.live_session_id)
    extra = await _extra(body.live_session_id, section.course_id, parts)
    new = NewLesson(ident, section.id, at=body.position, extra=extra, **_with_media(fields))
    _check(await parts.stores.syllabus.add_lesson(new, parts.clock(), _act(me, section, "lesson.create", ident)))
    return await _lesson(ident, parts)


@router.put("/sections/{sectionId}/lessons/order", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def order_lessons(section_id: SectionIdInPath, body: Order, me: Teacher, parts: Use) -> SectionView:
    """Put the lessons into this order. One that does not name each of them once is 409 `order_incomplete`."""
    row = await managed_section(section_id, me, parts)
    act, wanted = _act(me, row, "lesson.order", row.id), [each.lower() for each in body.ids]
    _check(await parts.stores.syllabus.order_lessons(row.id, wanted, parts.clock(), act))
    return await _section(row.id, parts)


@router.get("/lessons/{lessonId}", responses=problems(401, 403, 404))
async def get_lesson(lesson_id: LessonIdInPath, parts: Use, visit: CurrentVisit) -> LessonView:
    """A lesson with what is in it, for who is enrolled or manages the course; a preview of a published course, for all."""
    caller = visit.caller
    return lesson_of(await readable_lesson(lesson_id, caller, parts), accessible=True)


@router.patch("/lessons/{lessonId}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_lesson(lesson_id: LessonIdInPath, body: LessonChanges, me: Teacher, parts: Use) -> LessonView:
    """Change a lesson, or put it elsewhere in its course."""
    row = await managed_lesson(lesson_id, me, parts)
    sent = body.model_dump(by_alias=False, exclude_unset=True, exclude={"section_id", "position", "live_session_id"})
    changes = _with_media({name: value for name, value in sent.items() if value is not None or name == "media_id"})
    _check_type(row.type, changes, body.live_session_id)
    if "live_session_id" in body.model_fields_set:
        changes["extra"] = await _extra(body.live_session_id, row.course_id, parts)
    section_id = _id_or_refused(body.section_id, "sectionId", "is not a section of this course")
    act = _act(me, row, "lesson.revise", row.id)
    _check(await parts.stores.syllabus.revise_lesson(row, changes, section_id, body.position, parts.clock(), act))
    return await _lesson(row.id, parts)


@router.delete("/lessons/{lessonId}", status_code=204, responses=problems(401, 403, 404))
async def delete_lesson(lesson_id: LessonIdInPath, me: Teacher, parts: Use) -> None:
    """Take a lesson out of the course. What students did in it stays on record."""
    row = await managed_lesson(lesson_id, me, parts)
    await parts.stores.syllabus.delete_lesson(row.id, parts.clock(), _act(me, row, "lesson.delete", row.id))


_FIELDS = {"section": "sectionId", "media": "mediaId"}


def _check(refused: Refusal | None) -> None:
    """Refuse what the store refused; what a body named and is not there is a fault of the body."""
    if isinstance(refused, NotFound) and refused.kind in _FIELDS:
        refused = Malformed(((_FIELDS[refused.kind], f"is not a {refused.kind} of this course"),))
    if refused is not None:
        raise RefusedRequest(refused)


def _check_type(kind: str, fields: dict[str, Any], live_session_id: str | None) -> None:
    """Refuse what a lesson of this type cannot have."""
    wrong = []
    if kind not in ("video", "file") and fields.get("media_id") is not None:
        wrong.append(("mediaId", "is for videos and files"))
    if kind != "video" and fields.get("duration_seconds"):
        wrong.append(("durationSeconds", "is for videos"))
    if kind != "live" and live_session_id is not None:
        wrong.append(("liveSessionId", "is for live lessons"))
    if wrong:
        raise RefusedRequest(Malformed(tuple(wrong)))


async def _extra(live_session_id: str | None, course_id: CourseId, parts: Parts) -> dict[str, Any]:
    sentence = "is not a class of this course"
    ident = _id_or_refused(live_session_id, "liveSessionId", sentence)
    if ident is None:
        return {}
    session = await parts.live_records.get(SessionId(ident))
    if session is None or session.course_id != course_id:
        raise RefusedRequest(Malformed((("liveSessionId", sentence),)))
    return {"liveSessionId": ident}


def _with_media(fields: dict[str, Any]) -> dict[str, Any]:
    if "media_id" not in fields:
        return fields
    return {**fields, "media_id": _id_or_refused(fields["media_id"], "mediaId", "is not a media of this course")}


def _id_or_refused(text: str | None, field: str, sentence: str) -> str | None:
    if text is None or is_uuid(text.lower()):
        return text.lower() if text is not None else None
    raise RefusedRequest(Malformed(((field, sentence),)))


def _act(me: Caller, row: SectionRow | LessonRow, name: str, ident: str) -> Act | None:
    """The act to put on record when an admin does this in somebody else's course."""
    return None if me.user_id == row.instructor_id else Act(me.user_id, name, name.partition(".")[0], ident)


async def _section(section_id: str, parts: Parts) -> SectionView:
    row = await parts.stores.syllabus.find_section(section_id)
    if row is not None:
        for each in await parts.stores.syllabus.outline(row.course_id):
            if each.section.id == section_id:
                return section_of(each, inside=True)
    raise RefusedRequest(NotFound("section", section_id))


async def _lesson(lesson_id: str, parts: Parts) -> LessonView:
    row = await parts.stores.syllabus.find_lesson(lesson_id)
    if row is None:
        raise RefusedRequest(NotFound("lesson", lesson_id))
    return lesson_of(row, accessible=True)
