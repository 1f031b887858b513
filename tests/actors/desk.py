"""One course of a school, as tests of its grain see it."""

import json
from dataclasses import dataclass
from typing import Any

from actors.envelopes import COURSE
from actors.progress_grain import CourseGrain
from actors.shards import shard_of
from classroom.answers import Accepted, Answer
from classroom.callers import Caller, Role
from classroom.ids import CommandId, LessonId, UserId
from classroom.progress import commands as c
from classroom.progress.course import Course, Outline, Part
from tests.actors.school import COURSE as COURSE_ID
from tests.actors.school import School

OWNER = Caller(UserId("019a0000-0000-7000-8000-00000000000a"), "Ina", Role.INSTRUCTOR)
ADMIN = Caller(UserId("019a0000-0000-7000-8000-00000000000b"), "Ada", Role.ADMIN)
TOPIC, PROGRESS = f"course:{COURSE_ID}", f"course:{COURSE_ID}:progress"
ARTICLES = [LessonId(f"019a0000-0000-7000-8000-0000000001{number:02d}") for number in range(4)]
VIDEO = LessonId("019a0000-0000-7000-8000-000000000200")


@dataclass
class Desk:
    """One course of a school, with words for what its tests do."""

    school: School

    def outline(self, *parts: Part) -> None:
        """The course consists of these now."""
        self.school.tables.courses[COURSE_ID] = Course(COURSE_ID, "Tides", OWNER.user_id, Outline(parts))

    async def tell(self, caller: Caller, command: c.Command, command_id: str | None = None) -> Answer:
        """The answer, whatever it is."""
        return await self.school.lyceum.progress.tell(
            COURSE_ID, caller, command, CommandId(command_id) if command_id else None
        )

    async def ask(self, caller: Caller, command: c.Command, command_id: str | None = None) -> Any:
        """The decoded result of a command that must be accepted."""
        answer = await self.tell(caller, command, command_id)
        assert isinstance(answer, Accepted), answer
        return json.loads(answer.body)

    async def done(self, student: Caller, number: int, command_id: str | None = None) -> Any:
        """The student has done an article."""
        return await self.ask(student, c.CompleteLesson(student.user_id, ARTICLES[number]), command_id)

    @property
    def log(self) -> list[str]:
        """The types of everything that was logged."""
        return [entry.type for entry in self.school.tables.course_events[COURSE_ID]]

    @property
    def host(self) -> str:
        """The name of the course's host."""
        return self.school.tables.shards[shard_of(COURSE, COURSE_ID)][0]

    @property
    def grain(self) -> CourseGrain | None:
        """What its host has of it in memory."""
        running = self.school.lyceum.running(self.host)
        box = running._boxes.get((COURSE, COURSE_ID)) if running is not None else None
        return box.grain if box is not None else None  # type: ignore[return-value]  # a box of this kind


def milestones(desk: Desk, student: Caller) -> list[int]:
    """The percents that the student was told of."""
    return [data["percent"] for kind, data in desk.school.inbox(student) if kind == "milestone.reached"]
