"""How sections and lessons look on the wire."""

from typing import Annotated, Literal, cast

from pydantic import Field, StringConstraints

from persistence.arranging import MOST_LESSONS
from persistence.syllabus import LessonRow, SectionOutline
from serve_app.course_wire import Summary
from serve_app.wire import Line, Prose, Time, Wire

LessonType = Literal["video", "file", "article", "quiz", "assignment", "live"]
Position = Annotated[int, Field(ge=0, le=1_000_000, strict=True, description="From 0; beyond the last is the end.")]
Seconds = Annotated[int, Field(ge=0, le=604_800, strict=True, description="The length of a video, 0 while it is not known.")]
Ident = Annotated[str, StringConstraints(max_length=36)]
Yes = Annotated[bool, Field(strict=True)]


class SectionBody(Wire):
    """A new section; without a `position` it comes last."""

    title: Line
    summary: Summary = ""
    position: Position | None = None


class SectionChanges(Wire):
    """What changes about a section; what is left out stays."""

    title: Line | None = None
    summary: Summary | None = None
    position: Position | None = None


class LessonBody(Wire):
    """A new lesson; without a `position` it comes last. `content` is Markdown. `mediaId` is for videos and files: a file of
    this course whose upload was completed. `liveSessionId` is for live lessons: a class of this course."""

    type: LessonType
    title: Line
    summary: Summary = ""
    content: Prose = ""
    media_id: Ident | None = None
    duration_seconds: Seconds = 0
    is_preview: Yes = False
    is_required: Yes = True
    live_session_id: Ident | None = None
    position: Position | None = None


class LessonChanges(Wire):
    """What changes about a lesson; what is left out stays. `sectionId` moves it into another section of the course, to its
    end without a `position`. `mediaId` and `liveSessionId` may be null."""

    title: Line | None = None
    summary: Summary | None = None
    content: Prose | None = None
    media_id: Ident | None = None
    duration_seconds: Seconds | None = None
    is_preview: Yes | None = None
    is_required: Yes | None = None
    live_session_id: Ident | None = None
    section_id: Ident | None = None
    position: Position | None = None


class Order(Wire):
    """The ids of everything there is, in the order that is wanted."""

    ids: Annotated[list[Ident], Field(max_length=2 * MOST_LESSONS)]


class LessonView(Wire):
    """A lesson. While it is not `accessible` (who is enrolled sees it), `content`, `mediaId` and `liveSessionId` are null.
    Of `mediaId`, `liveSessionId`, `quizId` and `assignmentId` it has the one of its type."""

    id: str
    section_id: str
    course_id: str
    type: LessonType
    title: str
    summary: str
    duration_seconds: int
    is_preview: bool
    is_required: bool
    position: int
    accessible: bool
    content: str | None
    media_id: str | None
    live_session_id: str | None
    quiz_id: str | None
    assignment_id: str | None
    created_at: Time
    updated_at: Time


class SectionView(Wire):
    """A section and its lessons, in their order."""

    id: str
    course_id: str
    title: str
    summary: str
    position: int
    lessons: list[LessonView]
    created_at: Time
    updated_at: Time


def section_of(outline: SectionOutline, *, inside: bool) -> SectionView:
    """The section with its lessons; from `inside` with everything that is in them."""
    row = outline.section
    return SectionView(
        id=row.id,
        course_id=row.course_id,
        title=row.title,
        summary=row.summary,
        position=row.position,
        lessons=[lesson_of(lesson, accessible=inside or lesson.is_preview) for lesson in outline.lessons],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def lesson_of(row: LessonRow, *, accessible: bool) -> LessonView:
    """The lesson, with what is in it where it is accessible."""
    return LessonView(
        id=row.id,
        section_id=row.section_id,
        course_id=row.course_id,
        type=cast(LessonType, row.type),
        title=row.title,
        summary=row.summary,
        duration_seconds=row.duration_seconds,
        is_preview=row.is_preview,
        is_required=row.is_required,
        position=row.position,
        accessible=accessible,
        content=row.content if accessible else None,
        media_id=row.media_id if accessible else None,
        live_session_id=row.extra.get("liveSessionId") if accessible else None,
        quiz_id=row.quiz_id,
        assignment_id=row.assignment_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
