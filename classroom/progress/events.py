"""What happened to progress in a course, and on which of its topics each is told."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.ids import CourseId, LessonId, UserId

EVERYBODY, PROGRESS = "", "progress"
VIEWS = (EVERYBODY, PROGRESS)
"""The topics of a course: `course:{id}` for all who follow it, `course:{id}:progress` for its owner and admins."""


@dataclass(frozen=True)
class LessonCompleted:
    """A learner has done a lesson, for the first time."""

    type: ClassVar[str] = "lesson.completed"
    view: ClassVar[str | None] = PROGRESS
    user_id: UserId
    lesson_id: LessonId

    def data(self) -> dict[str, Any]:
        """As it is told."""
        return {"userId": self.user_id, "lessonId": self.lesson_id}


@dataclass(frozen=True)
class ResultCounted:
    """A learner's quiz or assignment was graded."""

    type: ClassVar[str] = "quiz.graded"
    view: ClassVar[str | None] = PROGRESS
    user_id: UserId
    lesson_id: LessonId
    quiz_id: str
    points: int
    possible: int
    passed: bool

    def data(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "userId": self.user_id,
            "lessonId": self.lesson_id,
            "quizId": self.quiz_id,
            "points": self.points,
            "possible": self.possible,
            "passed": self.passed,
        }


@dataclass(frozen=True)
class ProgressMoved:
    """A learner's share of the course is another; all figures are those of now."""

    type: ClassVar[str] = "progress.changed"
    view: ClassVar[str | None] = PROGRESS
    figures: dict[str, Any]

    def data(self) -> dict[str, Any]:
        """As it is told."""
        return self.figures


@dataclass(frozen=True)
class MilestoneReached:
    """A learner has done so many percent, and was not told before. Told to the learner alone."""

    type: ClassVar[str] = "milestone.reached"
    view: ClassVar[str | None] = None
    user_id: UserId
    course_id: CourseId
    course_title: str
    percent: int

    def data(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "userId": self.user_id,
            "courseId": self.course_id,
            "courseTitle": self.course_title,
            "percent": self.percent,
        }


@dataclass(frozen=True)
class Announced:
    """Somebody who may has told something to everybody in the course."""

    type: ClassVar[str] = "announcement"
    view: ClassVar[str | None] = EVERYBODY
    id: str
    title: str
    body: str
    author_id: UserId
    author_name: str

    def data(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "id": self.id,
            "title": self.title,
            "body": self.body,
            "from": {"id": self.author_id, "name": self.author_name},
        }


Event = LessonCompleted | ResultCounted | ProgressMoved | MilestoneReached | Announced
