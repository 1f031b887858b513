"""What was graded reaches the course's progress, also when nobody could be told at once."""

from typing import Any

from actors.envelopes import COURSE, Envelope
from actors.jobs.tools import JobTools
from classroom.callers import Caller, Role
from classroom.ids import LessonId, UserId
from classroom.progress.commands import QuizGraded


async def tell_progress(tools: JobTools, payload: dict[str, Any]) -> None:
    """`progress.quiz`: the same words under the same id as the edge says them at once, so that they count once. A course
    that refuses for good (the learner has left) stays as it is."""
    learner = Caller(UserId(payload["userId"]), payload["userName"], Role.STUDENT)
    graded = QuizGraded(
        learner.user_id,
        LessonId(payload["lessonId"]),
        payload["quizId"],
        payload["points"],
        payload["possible"],
        payload["passed"],
    )
    await tools.tell(Envelope(COURSE, payload["courseId"], learner, graded, payload["commandId"]))
