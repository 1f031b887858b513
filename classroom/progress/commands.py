"""What can be asked of a course about its learners' progress."""

from dataclasses import dataclass

from classroom.ids import LessonId, SessionId, UserId


@dataclass(frozen=True)
class CompleteLesson:
    """The learner says that a lesson is done. A video needs nine tenths watched, a quiz or an assignment a pass."""

    user_id: UserId
    lesson_id: LessonId


@dataclass(frozen=True)
class Watch:
    """A player's report: it stands at `position_seconds`, after the `watched_seconds` before that."""

    user_id: UserId
    lesson_id: LessonId
    position_seconds: int
    watched_seconds: int


@dataclass(frozen=True)
class QuizGraded:
    """A quiz or an assignment was graded; a pass completes its lesson, and no later result takes that back."""

    user_id: UserId
    lesson_id: LessonId
    quiz_id: str
    points: int
    possible: int
    passed: bool


@dataclass(frozen=True)
class Attended:
    """How long a student was in a class of the course, of the seconds that it lasted; `lesson_id` is the class's lesson."""

    user_id: UserId
    session_id: SessionId
    seconds: int
    of_seconds: int
    lesson_id: LessonId | None = None


@dataclass(frozen=True)
class Look:
    """How far the learner is; counts anew when the course has changed. Changes nothing else."""

    user_id: UserId


@dataclass(frozen=True)
class Announce:
    """Tell everybody who follows the course; told once under its id. For the owner and admins."""

    title: str
    body: str
    id: str


@dataclass(frozen=True)
class CourseChanged:
    """The outline may be another: it is read anew before the next answer."""


Command = CompleteLesson | Watch | QuizGraded | Attended | Look | Announce | CourseChanged
