"""What a course has to hear of: who was in a class that is over, and that its outline is another."""

import asyncio
from typing import Any

from actors.envelopes import COURSE, Envelope, NotOwner, Reply
from actors.jobs.tools import JobTools
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import SessionId, UserId
from classroom.progress.commands import Attended, CourseChanged
from persistence.progress import Progress

AT_ONCE = 500
_WORKER = Caller(UserId("job-worker"), "job-worker", Role.ADMIN)


class Untold(Exception):
    """The course could not be reached now."""


async def tell_attendance(tools: JobTools, payload: dict[str, Any]) -> None:
    """`class.attended`: tells the course for how long each student was there. Told again, it counts once, by the class and
    the student; of who has left the course since nothing is noted."""
    session_id = SessionId(payload["sessionId"])
    held = await Progress(tools.database).find_attendance(session_id)
    if held is None:
        return
    envelopes = [
        Envelope(
            COURSE, held.course_id, _WORKER, Attended(user_id, session_id, seconds, held.seconds, held.lesson_id),
            f"{session_id}:{user_id}",
        )
        for user_id, seconds in held.students
    ]  # fmt: skip
    for start in range(0, len(envelopes), AT_ONCE):
        for reply in await asyncio.gather(*map(tools.grains.execute, envelopes[start : start + AT_ONCE])):
            _heard(held.course_id, reply)


async def tell_of_change(tools: JobTools, payload: dict[str, Any]) -> None:
    """`course.changed`: the course counts its learners anew for the outline of now."""
    course_id = payload["courseId"]
    _heard(course_id, await tools.grains.execute(Envelope(COURSE, course_id, _WORKER, CourseChanged(), tools.new_id())))


def _heard(course_id: str, reply: Reply) -> None:
    if isinstance(reply, NotOwner) or (isinstance(reply, Refused) and reply.refusal.retry):
        raise Untold(f"course {course_id}: {reply}")
