"""The twin of what a course's grain reads."""

from collections.abc import Sequence
from dataclasses import replace

from classroom.ids import CourseId, UserId
from classroom.progress.course import WHOLE
from classroom.progress.events import VIEWS, Announced, MilestoneReached
from classroom.progress.learner import Learner
from classroom.records import LoggedEvent
from persistence.learning import ANNOUNCEMENTS, KNOWN_COMMANDS, Found, LoadedCourse, Person, Survey, Surveyed
from persistence.memory.live_tables import LiveTables


class MemoryLearningLog:
    """A `LearningLog` in dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def load(self, course_id: CourseId) -> LoadedCourse:
        """See `LearningLog.load`."""
        log = self._log(course_id)
        if not log:
            return LoadedCourse()
        told = self._tables.course_marks.get(course_id, 0)
        return LoadedCourse(
            (log[-1].offset, log[-1].topic_offsets[0], log[-1].topic_offsets[1]),
            log[-1].at,
            [event.command_id for event in log if event.command_id is not None][-KNOWN_COMMANDS:],
            [event for event in log if event.type == Announced.type][-ANNOUNCEMENTS:],
            told,
            [event for event in log[told:] if event.type == MilestoneReached.type],
        )

    async def find(self, course_id: CourseId, user_ids: Sequence[UserId]) -> Found:
        """See `LearningLog.find`."""
        self._tables.reach()
        return Found(self._tables.courses.get(course_id), {each: self._person(course_id, each) for each in user_ids})

    async def after(self, course_id: CourseId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LearningLog.after`."""
        position = VIEWS.index(view)
        moved = []
        before = 0
        for event in self._log(course_id):
            now = event.topic_offsets[position]
            if now != before and now > topic_offset:
                moved.append(event)
            before = now
        return moved[:limit]

    async def survey(self, course_id: CourseId, limit: int) -> Survey:
        """See `LearningLog.survey`."""
        log, students = self._log(course_id), self._tables.students[course_id]
        enrolled = {user_id for user_id, student in students.items() if student.active}
        rows = {each: row for each, row in self._tables.learners[course_id].items() if each in enrolled}
        latest = sorted(rows.items(), key=lambda row: -row[1][1])[:limit]
        return Survey(
            log[-1].topic_offsets[1] if log else 0,
            len(enrolled),
            len(rows),
            sum(learner.thousandths == WHOLE for learner, _ in rows.values()),
            sum(learner.thousandths for learner, _ in rows.values()),
            [
                Surveyed(each, students[each].name, it.thousandths, it.completed_at, it.last_lesson_id, at)
                for each, (it, at) in latest
            ],
        )

    async def outdated(self, course_id: CourseId, version: int, after: UserId | None, limit: int) -> Sequence[UserId]:
        """See `LearningLog.outdated`."""
        self._tables.reach()
        rows = self._tables.learners[course_id].items()
        return sorted(each for each, (it, _) in rows if it.version not in (0, version) and each > (after or ""))[:limit]

    async def note_told(self, course_id: CourseId, offset: int) -> None:
        """See `LearningLog.note_told`."""
        self._tables.reach()
        marks = self._tables.course_marks
        marks[course_id] = max(offset, marks.get(course_id, 0))

    def _log(self, course_id: CourseId) -> list[LoggedEvent]:
        self._tables.reach()
        return self._tables.course_events.get(course_id, [])

    def _person(self, course_id: CourseId, user_id: UserId) -> Person:
        tables = self._tables
        student = tables.students[course_id].get(user_id)
        learner, _ = tables.learners[course_id].get(user_id) or (Learner(user_id), None)
        learner = replace(
            learner,
            name=student.name if student is not None else "",
            lessons={
                record.lesson_id: record
                for (of, who, _), record in tables.lessons.items()
                if (of, who) == (course_id, user_id)
            },
            attended={
                session_id: attendance
                for (of, who, session_id), attendance in tables.attended.items()
                if (of, who) == (course_id, user_id)
            },
        )
        enrolled = student is not None and student.active
        return Person(user_id not in tables.banned, enrolled, learner)
