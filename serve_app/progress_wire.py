"""How progress looks on the wire; `classroom/progress/views.py` makes the same for answers and events."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from serve_app.wire import Time, Wire

Percent = Annotated[float, Field(ge=0, le=100, description="With one decimal, exact, rounded down.")]
Written = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
MOST_SECONDS = 1_000_000


class LessonState(Wire):
    """One lesson of a learner. `points` of `possible` are the best result of its quiz or assignment."""

    lesson_id: str
    type: str = Field(json_schema_extra={"enum": ["video", "file", "article", "quiz", "assignment", "live"]})
    required: bool
    state: Literal["open", "begun", "completed"]
    completed_at: Written | None
    position_seconds: int
    watched_seconds: int
    duration_seconds: int
    points: int | None
    possible: int | None
    passed: bool


class Figures(Wire):
    """How far a learner is. `lessonsDone` of `lessonsTotal` are those that are required; `completedAt` is when all of them
    were done for the first time; `nextLessonId` is where to go on."""

    course_id: str
    user_id: str
    name: str
    percent: Percent
    lessons_done: int
    lessons_total: int
    completed_at: Written | None
    last_lesson_id: str | None
    next_lesson_id: str | None


class LessonReport(Figures):
    """What a report about one lesson came to."""

    lesson: LessonState


class CourseStanding(Figures):
    """Everything about the own progress in a course, lesson by lesson, in the order of the course."""

    lessons: list[LessonState]


class StudentStanding(Wire):
    """A student of a course, as its owner sees it. `lastActiveAt` is null before the first step."""

    user_id: str
    name: str
    email: str
    percent: Percent
    lessons_done: int
    lessons_total: int
    completed_at: Written | None
    last_lesson_id: str | None
    enrolled_at: Time
    last_active_at: Time | None


class GoOn(Wire):
    """Where a learner may go on."""

    course_id: str
    course_title: str
    course_slug: str
    percent: Percent
    lesson_id: str | None
    lesson_title: str | None


class PlayerReport(Wire):
    """What a player tells every few seconds: where it stands, and how many seconds before that were watched since the last
    report."""

    position_seconds: int = Field(strict=True, ge=0, le=MOST_SECONDS)
    watched_seconds: int = Field(strict=True, ge=0, le=MOST_SECONDS)
