"""What a course has to hear of: who was in a class that is over, and that its outline is another."""

import asyncio
from typing import Any

from actors.envelopes import COURSE, Envelope
from actors.jobs.tools import WORKER, JobTools, heard
from classroom.ids import SessionId
from classroom.progress.commands import Attended, CourseChanged
from persistence.earning import look_through
from persistence.progress import Progress

AT_ONCE = 500


async def tell_attendance(tools: JobTools, payload: dict[str, Any]) -> None:
    """`class.attended`: tells the course for how long each student was there. Told again, it counts once, by the class and
    the student; of who has left the course since nothing is noted."""
    session_id = SessionId(payload["sessionId"])
    held = await Progress(tools.database).find_attendance(session_id)
    if held is None:
        return
    envelopes = [
        Envelope(
            COURSE, held.course_id, WORKER, Attended(user_id, session_id, seconds, held.seconds, held.lesson_id),
            f"{session_id}:{user_id}",
        )
        for user_id, seconds in held.students
    ]  # fmt: skip
    for start in range(0, len(envelopes), AT_ONCE):
        some = envelopes[start : start + AT_ONCE]
        for envelope, reply in zip(some, await asyncio.gather(*map(tools.grains.execute, some)), strict=True):
            heard(envelope, reply)
    # Of a course without lessons that are required nothing else tells that somebody is done.
    async with tools.database.writing() as connection:
        await look_through(connection, held.course_id)


async def tell_of_change(tools: JobTools, payload: dict[str, Any]) -> None:
    """`course.changed`: the course counts its learners anew for the outline of now."""
    await tools.tell(Envelope(COURSE, payload["courseId"], WORKER, CourseChanged(), tools.new_id()))
