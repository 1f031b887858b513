"""Routes of assignments: set and graded by who teaches, handed in by who learns."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, Field, StrictBool, StringConstraints

from classroom.callers import Caller, Role
from classroom.ids import CommandId, LessonId
from classroom.progress.commands import QuizGraded
from classroom.refusals import Forbidden, Malformed, NotEnrolled, NotFound, Refusal
from classroom.times import from_datetime
from persistence.arranging import NewLesson
from persistence.assignments import AssignmentRow, SubmissionRow, Task
from persistence.pages import Page
from serve_app.composition import Parts
from serve_app.lesson_access import managed_section, manages, readable_lesson
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.quiz_bodies import Position
from serve_app.visits import CurrentVisit, Me, Student, Teacher, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, Line, PageOf, Prose, Time, Wire, new_router, problems

router = new_router("/api", "assignments", OnceRoute)
SectionIdInPath = Annotated[str, Path(alias="sectionId")]


def _within_a_lifetime(moment: datetime) -> datetime:
    if not 2000 <= moment.year <= 2200:
        raise ValueError("is not in this century or the next")
    return moment


Summary = Annotated[Prose, StringConstraints(max_length=2_000)]
Instructions = Annotated[Prose, StringConstraints(min_length=1)]
Points = Annotated[int, Field(strict=True, ge=0, le=10_000)]
MostPoints = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Due = Annotated[AwareDatetime, AfterValidator(_within_a_lifetime)]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9][a-z0-9.+-]*$", max_length=100)]
MediaTypes = Annotated[list[MediaType], Field(min_length=1, max_length=50)]
MediaId = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]


class AssignmentBody(Wire):
    """A new assignment, and the lesson that it makes. `position` counts from 0 within the section; without it it comes last.
    Without `passPoints` half of `maxPoints` passes."""

    title: Line
    summary: Summary = ""
    instructions: Instructions
    due_at: Due | None = None
    max_points: MostPoints = 100
    pass_points: Points | None = None
    allowed_types: MediaTypes | None = None
    is_required: StrictBool = True
    position: Position | None = None


class AssignmentChanges(Wire):
    """What changes about an assignment; what is left out stays. `dueAt` and `allowedTypes` may be null: none."""

    title: Line | None = None
    summary: Summary | None = None
    instructions: Instructions | None = None
    due_at: Due | None = None
    max_points: MostPoints | None = None
    pass_points: Points | None = None
    allowed_types: MediaTypes | None = None
    is_required: StrictBool | None = None


class Work(Wire):
    """What a learner hands in: text, files that were uploaded for it, or both."""

    text: Prose = ""
    media_ids: Annotated[list[MediaId], Field(default_factory=list, max_length=20)]


class Grade(Wire):
    """What the work is worth. With `revision`, only the one that was looked at is graded."""

    points: Points
    feedback: Annotated[Prose, StringConstraints(max_length=10_000)] = ""
    revision: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None


class SubmissionView(Wire):
    """What was handed in. `points`, `passed` and `gradedAt` are null until it is graded."""

    id: str
    assignment_id: str
    lesson_id: str
    course_id: str
    user_id: str
    user_name: str
    text: str
    media_ids: list[str]
    late: bool
    revision: int
    status: str = Field(json_schema_extra={"enum": ["submitted", "graded"]})
    points: int | None
    max_points: int
    passed: bool | None
    feedback: str
    submitted_at: Time
    graded_at: Time | None


class AssignmentView(Wire):
    """An assignment. `submission` is the caller's own, null where there is none."""

    id: str
    lesson_id: str
    section_id: str
    course_id: str
    title: str
    summary: str
    instructions: str
    due_at: Time | None
    max_points: int
    pass_points: int
    allowed_types: list[str] | None
    is_required: bool
    position: int
    created_at: Time
    updated_at: Time
    submission: SubmissionView | None


@router.post("/sections/{sectionId}/assignments", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def create_assignment(
    section_id: SectionIdInPath, body: AssignmentBody, me: Teacher, parts: Use, visit: CurrentVisit
) -> AssignmentView:
    """Add a lesson of type `assignment` and its assignment to a section."""
    section = await managed_section(section_id, me, parts)
    least = (body.max_points + 1) // 2 if body.pass_points is None else body.pass_points
    if least > body.max_points:
        raise RefusedRequest(Malformed((("passPoints", f"are {body.max_points} at most"),)))
    due_at = from_datetime(body.due_at) if body.due_at is not None else None
    task = Task(body.instructions, body.max_points, least, due_at, body.allowed_types)
    lesson = NewLesson(
        LessonId(parts.new_id()),
        section.id,
        "assignment",
        body.title,
        body.summary,
        is_required=body.is_required,
        at=body.position,
    )
    ident = visit.entity_id or parts.new_id()
    made = await parts.stores.assignments.create(ident, lesson, section.course_id, task, parts.clock())
    if isinstance(made, Refusal):
        raise RefusedRequest(made)
    return _assignment(made, None)


@router.get("/assignments/{id}", responses=problems(401, 403, 404))
async def get_assignment(assignment_id: IdInPath, me: Me, parts: Use) -> AssignmentView:
    """The assignment, for who is enrolled and who manages the course."""
    row = await _find(assignment_id, parts)
    await readable_lesson(row.lesson_id, me, parts)
    return _assignment(row, await parts.stores.assignments.submission_of(row.id, me.user_id))


@router.patch("/assignments/{id}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_assignment(assignment_id: IdInPath, body: AssignmentChanges, me: Teacher, parts: Use) -> AssignmentView:
    """Change the assignment. What was handed in before keeps the points that could be had for it."""
    row = await _managed(assignment_id, me, parts)
    said = body.model_dump(by_alias=False, exclude_unset=True)
    nullable = ("due_at", "allowed_types")
    changes: dict[str, Any] = {name: value for name, value in said.items() if value is not None or name in nullable}
    if changes.get("due_at") is not None:
        changes["due_at"] = from_datetime(changes["due_at"])
    lesson: dict[str, Any] = {name: changes.pop(name) for name in ("title", "summary", "is_required") if name in changes}
    revised = await parts.stores.assignments.revise(row.id, changes, lesson, parts.clock())
    if isinstance(revised, Refusal):
        raise RefusedRequest(revised)
    return _assignment(revised, None)


@router.delete("/assignments/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_assignment(assignment_id: IdInPath, me: Teacher, parts: Use) -> None:
    """Take the assignment and its lesson out of the course; what was handed in stays on record."""
    row = await _managed(assignment_id, me, parts)
    await parts.stores.syllabus.delete_lesson(row.lesson_id, parts.clock())


@router.post("/assignments/{id}/submissions", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def submit_work(assignment_id: IdInPath, body: Work, me: Student, parts: Use, visit: CurrentVisit) -> SubmissionView:
    """Hand in the work, in the place of what was handed in before. Once it is graded it stays."""
    row = await _find(assignment_id, parts)
    await readable_lesson(row.lesson_id, me, parts)
    if not await parts.enrollments.is_enrolled(row.course_id, me.user_id):
        raise RefusedRequest(NotEnrolled(row.course_id))
    media_ids = list(dict.fromkeys(ident.lower() for ident in body.media_ids))
    if not body.text and not media_ids:
        raise RefusedRequest(Malformed((("text", "is needed where no file is handed in"),)))
    await _check_files(row, me, media_ids, parts)
    ident = visit.entity_id or parts.new_id()
    return _submission(
        _accepted(await parts.stores.assignments.submit(ident, row, me.user_id, body.text, media_ids, parts.clock()))
    )


@router.get("/assignments/{id}/submissions", responses=problems(401, 403, 404))
async def list_submissions(
    assignment_id: IdInPath, me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[SubmissionView]:
    """What was handed in, the latest first: everybody's for who manages the course, the own one for who is enrolled."""
    row = await _find(assignment_id, parts)
    if manages(me, row.instructor_id):
        page = await parts.stores.assignments.list_submissions(row.id, limit, cursor)
    else:
        await readable_lesson(row.lesson_id, me, parts)
        own = await parts.stores.assignments.submission_of(row.id, me.user_id)
        page = Page([own] if own is not None else [], None)
    return PageOf[SubmissionView](items=[_submission(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/submissions/{id}", responses=problems(401, 403, 404))
async def get_submission(submission_id: IdInPath, me: Me, parts: Use) -> SubmissionView:
    """What was handed in: the own, or for who manages the course."""
    found, row = await _submitted(submission_id, parts)
    if found.user_id != me.user_id and not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("see somebody else's work"))
    return _submission(found)


@router.patch("/submissions/{id}", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def grade_submission(submission_id: IdInPath, body: Grade, me: Teacher, parts: Use) -> SubmissionView:
    """Grade the work, also once more. The learner is told; a pass completes the lesson."""
    found, row = await _submitted(submission_id, parts)
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("grade work of somebody else's course"))
    graded = _accepted(
        await parts.stores.assignments.grade(found.id, body.points, body.feedback, body.revision, me.user_id, parts.clock())
    )
    learner = Caller(graded.user_id, graded.user_name, Role.STUDENT)
    told = QuizGraded(
        graded.user_id, graded.lesson_id, graded.assignment_id, graded.points or 0, graded.possible, bool(graded.passed)
    )
    # When it cannot be reached the job of the same transaction tells it later.
    await parts.progress.tell(graded.course_id, learner, told, CommandId(graded.command_id))
    return _submission(graded)


async def _find(assignment_id: str, parts: Parts) -> AssignmentRow:
    row = await parts.stores.assignments.find(uuid_or_404(assignment_id, "assignment"))
    if row is None:
        raise RefusedRequest(NotFound("assignment", assignment_id))
    return row


async def _managed(assignment_id: str, me: Caller, parts: Parts) -> AssignmentRow:
    row = await _find(assignment_id, parts)
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("manage an assignment of somebody else's course"))
    return row


async def _submitted(submission_id: str, parts: Parts) -> tuple[SubmissionRow, AssignmentRow]:
    found = await parts.stores.assignments.find_submission(uuid_or_404(submission_id, "submission"))
    row = await parts.stores.assignments.find(found.assignment_id) if found is not None else None
    if found is None or row is None:
        raise RefusedRequest(NotFound("submission", submission_id))
    return found, row


async def _check_files(row: AssignmentRow, me: Caller, media_ids: list[str], parts: Parts) -> None:
    unfit = await parts.stores.assignments.unfit_files(row, me.user_id, media_ids) if media_ids else []
    if unfit:
        sentence = "is not a file of an allowed type that you uploaded for this course and that is ready"
        raise RefusedRequest(Malformed(tuple((f"mediaIds.{media_ids.index(each)}", sentence) for each in unfit)))


def _assignment(row: AssignmentRow, own: SubmissionRow | None) -> AssignmentView:
    shown = set(AssignmentView.model_fields) - {"submission", "allowed_types"}
    return AssignmentView(
        **{name: getattr(row, name) for name in shown},
        allowed_types=list(row.allowed_types) if row.allowed_types is not None else None,
        submission=_submission(own) if own is not None else None,
    )


def _submission(row: SubmissionRow) -> SubmissionView:
    shown = set(SubmissionView.model_fields) - {"media_ids", "status", "max_points"}
    return SubmissionView(
        **{name: getattr(row, name) for name in shown},
        media_ids=list(row.media_ids),
        status="submitted" if row.graded_at is None else "graded",
        max_points=row.possible,
    )


def _accepted(answer: SubmissionRow | Refusal) -> SubmissionRow:
    if isinstance(answer, Refusal):
        raise RefusedRequest(answer)
    return answer
