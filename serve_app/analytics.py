"""What who teaches may know about a course: how many came, how far they got, where they stopped, who was in class."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query

from classroom.ids import UserId
from classroom.times import to_datetime
from persistence.statistics import ClassFigures, Day, Event, LessonFigures
from serve_app.course_wire import rating_average
from serve_app.once import OnceRoute
from serve_app.teaching import owned_course
from serve_app.visits import Teacher, Use
from serve_app.wire import CourseIdInPath, Time, Wire, new_router, problems

router = new_router("/api", "analytics", OnceRoute)
Days = Annotated[int, Query(ge=1, le=366, description="So many days, today included.")]
_OF_A_DAY = ("enrolled", "left", "completed")
_STEPS = ((0, None), (25, "progress.25"), (50, "progress.50"), (75, "progress.75"), (100, "progress.100"))


class DayView(Wire):
    """What happened on a day, in UTC."""

    day: date
    enrolled: int
    left: int
    completed: int


class StepView(Wire):
    """How many learners have got so far; `share` is of all who were ever enrolled, 0 to 1."""

    percent: int
    learners: int
    share: float


class LessonView(Wire):
    """How many learners have done a lesson, and how many fewer that are than did the one before it (`dropOff`)."""

    lesson_id: str
    title: str
    type: str
    is_required: bool
    completed: int
    share: float
    drop_off: int


class RatingView(Wire):
    """What reviews say; `average` is null without one."""

    average: float | None
    count: int


class ClassView(Wire):
    """A class that is over: how many were in it, and how long on average."""

    session_id: str
    title: str
    start_time: Time
    attended: int
    share: float
    average_seconds: int


class EventView(Wire):
    """Something that somebody did. `subjectId` is the lesson, quiz or class that it was done with."""

    at: Time
    type: str
    user_id: UserId | None
    user_name: str | None
    subject_id: str | None
    value: int | None


class CourseAnalytics(Wire):
    """A course in figures. `learners` were ever enrolled, `students` are now. `averageProgress` is in percent, of all
    learners."""

    course_id: str
    learners: int
    students: int
    begun: int
    completed: int
    average_progress: float
    completion_rate: float
    enrollments: list[DayView]
    funnel: list[StepView]
    lessons: list[LessonView]
    rating: RatingView
    live_classes: list[ClassView]
    latest: list[EventView]


@router.get("/instructor/courses/{courseId}/analytics", responses=problems(401, 403, 404))
async def get_course_analytics(course_id: CourseIdInPath, me: Teacher, parts: Use, days: Days = 30) -> CourseAnalytics:
    """The course in figures; `enrollments` has every one of the last `days`."""
    row = await owned_course(course_id, me, parts)
    statistics = parts.stores.statistics
    totals = await statistics.totals(row.id)
    learners = totals.get("learners", 0)
    first = to_datetime(parts.clock()).date() - timedelta(days=days - 1)
    completed = totals.get("progress.100", 0)
    return CourseAnalytics(
        course_id=row.id,
        learners=learners,
        students=totals.get("students", 0),
        begun=totals.get("progress.begun", 0),
        completed=completed,
        average_progress=round(totals.get("progress.sum", 0) / learners / 10, 1) if learners else 0.0,
        completion_rate=_share(completed, learners),
        enrollments=[DayView(**each) for each in every_day(await statistics.days(row.id, first), first, days, _OF_A_DAY)],
        funnel=[_step(percent, totals.get(name, 0) if name else learners, learners) for percent, name in _STEPS],
        lessons=_lessons(await statistics.lessons(row.id, totals), learners),
        rating=RatingView(average=rating_average(row.rating_sum, row.rating_count), count=row.rating_count),
        live_classes=[_class(each, learners) for each in await statistics.classes(row.id, totals)],
        latest=[_event(each) for each in await statistics.latest(row.id)],
    )


def every_day(found: Sequence[Day], first: date, days: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """The `day` and these figures of every one of the days, also of those on which nothing happened."""
    by_day = {each.day: each.figures for each in found}
    shown = [first + timedelta(days=number) for number in range(days)]
    return [{"day": day, **{name: by_day.get(day, {}).get(name, 0) for name in names}} for day in shown]


def _lessons(figures: list[LessonFigures], learners: int) -> list[LessonView]:
    before = learners
    shown = []
    for each in figures:
        shown.append(
            LessonView(
                lesson_id=each.lesson_id,
                title=each.title,
                type=each.type,
                is_required=each.is_required,
                completed=each.completed,
                share=_share(each.completed, learners),
                drop_off=before - each.completed,
            )
        )
        before = each.completed
    return shown


def _step(percent: int, reached: int, learners: int) -> StepView:
    return StepView(percent=percent, learners=reached, share=_share(reached, learners))


def _class(figures: ClassFigures, learners: int) -> ClassView:
    return ClassView(
        session_id=figures.session_id,
        title=figures.title,
        start_time=figures.starts_at,
        attended=figures.attended,
        share=_share(figures.attended, learners),
        average_seconds=figures.seconds // figures.attended if figures.attended else 0,
    )


def _event(event: Event) -> EventView:
    return EventView(
        at=event.at,
        type=event.kind,
        user_id=event.user_id,
        user_name=event.user_name,
        subject_id=event.subject_id,
        value=event.value,
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
