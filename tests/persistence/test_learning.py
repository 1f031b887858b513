"""What a course's grain writes and reads, over the twins and over Postgres."""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.course import Part
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.records import JobRow, LearnerRows, LoggedEvent
from classroom.times import Moment
from persistence.batches import Committed, Write
from persistence.ids import new_id

AT = Moment(1_790_000_000_123_456)


@dataclass
class Desk:
    """A course with an owner's epoch, a journal that runs, and words to write."""

    live: Any
    course_id: CourseId
    shard_id: int
    epoch: int
    journal: Any

    def event(self, offset: int, kind: str = "progress.changed", **changes: Any) -> LoggedEvent:
        """Every third event is an announcement; milestones are on no topic."""
        made = LoggedEvent(
            offset, kind, b'{"userId":"u","n":%d}' % offset, Moment(AT + offset), f"c:{offset}", (offset // 3, offset // 2)
        )
        return replace(made, **changes)

    def write(self, *events: LoggedEvent, **changes: Any) -> Write:
        """A write of these events."""
        write = Write("course", self.course_id, self.shard_id, self.epoch, events, None, (), None, deadline_changed=False)
        return replace(write, **changes)

    def rows(self, *learners: Learner, at: int = AT) -> LearnerRows:
        """Everything of these learners."""
        return LearnerRows(
            self.course_id,
            Moment(at),
            learners,
            [(learner.user_id, record) for learner in learners for record in learner.lessons.values()],
            [(learner.user_id, session_id, it) for learner in learners for session_id, it in learner.attended.items()],
        )

    async def commit(self, *writes: Write) -> list[Committed]:
        """Their answers."""
        return list(await asyncio.wait_for(asyncio.gather(*map(self.journal.append, writes)), 10))

    async def student(self, name: str = "Sam") -> UserId:
        """A new student of the course."""
        user_id = UserId(new_id())
        await self.live.enroll(self.course_id, user_id, name)
        return user_id


@pytest.fixture
async def desk(live: Any) -> Desk:
    lesson = await live.make_class()
    return Desk(live, CourseId(lesson.course_id), lesson.shard_id, lesson.epoch, live.start_journal())


def learner_of(user_id: UserId, name: str = "Sam") -> Learner:
    """Somebody with a bit of everything."""
    video, quiz = LessonId(new_id()), LessonId(new_id())
    return Learner(
        user_id,
        name,
        {
            video: LessonRecord(
                video,
                AT,
                None,
                ((0, 5), (7, 90)),
                90,
                Moment(AT - 7),
                1_234_567,
                "u:Watch:1",
                None,
                None,
                None,
                passed=False,
            ),
            quiz: LessonRecord(quiz, AT, AT, quiz_id=new_id(), points=8, possible=10, passed=True),
        },
        {SessionId(new_id()): Attendance(7, 9)},
        250,
        4_000_000_000,
        frozenset({25}),
        None,
        video,
    )


async def test_learners_come_back_as_they_were_written(desk: Desk) -> None:
    sam, kim, eve = await desk.student(), await desk.student("Kim"), UserId(new_id())
    course = await desk.live.make_outline(
        desk.course_id, Part(LessonId(new_id()), type="video", seconds=9), Part(LessonId(new_id()), required=False)
    )
    written = learner_of(sam)
    assert await desk.commit(desk.write(desk.event(1), learning=desk.rows(written))) == [Committed.YES]
    found = await desk.live.learning.find(desk.course_id, [sam, kim, eve])
    assert found.course == course
    assert found.people[sam].learner == written
    assert (found.people[sam].active, found.people[sam].enrolled) == (True, True)
    assert found.people[kim].learner == Learner(kim, "Kim")
    assert not found.people[eve].enrolled
    assert not found.people[eve].learner.lessons
    assert (await desk.live.learning.find(CourseId(new_id()), [])).course is None


async def test_later_rows_replace_earlier_ones_in_a_batch_and_after_it(desk: Desk) -> None:
    sam = await desk.student()
    first = learner_of(sam)
    [video, *_] = first.lessons
    lessons = {**first.lessons, video: replace(first.lessons[video], position=91, completed_at=AT)}
    session_id, *_ = first.attended
    later = replace(first, thousandths=500, told=frozenset({25, 50}), completed_at=AT, lessons=lessons)
    later = replace(later, attended={session_id: Attendance(9, 9)})
    both = [desk.write(desk.event(1), learning=desk.rows(first)), desk.write(learning=desk.rows(later))]
    assert await desk.commit(*both) == [Committed.YES] * 2
    assert (await desk.live.learning.find(desk.course_id, [sam])).people[sam].learner == later
    assert await desk.commit(desk.write(desk.event(2), learning=desk.rows(first))) == [Committed.YES]
    assert (await desk.live.learning.find(desk.course_id, [sam])).people[sam].learner == first


async def test_whoever_has_lost_the_shard_or_does_not_know_the_log_writes_nothing(desk: Desk) -> None:
    sam = await desk.student()
    job = JobRow("certificate.check", b"{}", f"{desk.course_id}:{sam}")
    rows = {"learning": desk.rows(learner_of(sam)), "jobs": [job]}
    stale = desk.write(epoch=desk.epoch - 1, **rows)
    assert await desk.commit(stale, desk.write(desk.event(2), **rows)) == [Committed.FENCED, Committed.UNKNOWN]
    assert (await desk.live.learning.find(desk.course_id, [sam])).people[sam].learner == Learner(sam, "Sam")
    assert (await desk.live.learning.load(desk.course_id)).offsets == (0, 0, 0)


async def test_the_log_is_loaded_with_what_its_next_owner_needs(desk: Desk) -> None:
    kinds = [
        "announcement" if n % 3 == 0 else "milestone.reached" if n % 5 == 0 else "lesson.completed" for n in range(1, 91)
    ]
    events = [desk.event(n, kind) for n, kind in enumerate(kinds, 1)]
    assert await desk.commit(desk.write(*events)) == [Committed.YES]
    loaded = await desk.live.learning.load(desk.course_id)
    assert (loaded.offsets, loaded.at) == ((90, 30, 45), events[-1].at)
    assert loaded.commands == [event.command_id for event in events]
    assert loaded.announcements == [event for event in events if event.type == "announcement"][-20:]
    milestones = [event for event in events if event.type == "milestone.reached"]
    assert loaded.untold == milestones
    await desk.live.learning.note_told(desk.course_id, milestones[3].offset)
    await desk.live.learning.note_told(desk.course_id, milestones[1].offset)
    loaded = await desk.live.learning.load(desk.course_id)
    assert (loaded.told, loaded.untold) == (milestones[3].offset, milestones[4:])


@pytest.mark.parametrize("view", ["", "progress"])
async def test_each_topic_is_told_again_from_any_offset(desk: Desk, view: str) -> None:
    events = [desk.event(n) for n in range(1, 41)]
    assert await desk.commit(desk.write(*events)) == [Committed.YES]
    position = ("", "progress").index(view)
    moved = [
        event
        for before, event in zip([None, *events], events, strict=False)
        if event.topic_offsets[position] != (before.topic_offsets[position] if before is not None else 0)
    ]
    for since in (0, 1, 5, len(moved) - 1, len(moved), len(moved) + 3):
        for limit in (1, 4, 100):
            wanted = [event for event in moved if event.topic_offsets[position] > since][:limit]
            assert list(await desk.live.learning.after(desk.course_id, view, since, limit)) == wanted


async def test_a_survey_counts_who_is_enrolled_and_shows_who_moved_last(desk: Desk) -> None:
    students = [await desk.student(f"S{number}") for number in range(4)]
    gone = UserId(new_id())
    await desk.live.enroll(desk.course_id, gone, "Gone")
    if hasattr(desk.live, "pool"):
        await desk.live.pool.execute("UPDATE enrollments SET left_at = now() WHERE user_id = $1", gone)
    else:
        await desk.live.enroll(desk.course_id, gone, "Gone", active=False)
    for number, user_id in enumerate([*students[:3], gone]):
        learner = Learner(user_id, thousandths=(number + 1) * 250 if number < 3 else 1_000, version=1)
        learner = replace(learner, completed_at=AT if number == 2 else None)
        rows = desk.rows(learner, at=AT + number)
        assert await desk.commit(desk.write(desk.event(number + 1), learning=rows)) == [Committed.YES]
    survey = await desk.live.learning.survey(desk.course_id, 2)
    assert (survey.offset, survey.enrolled, survey.begun, survey.completed, survey.thousandths) == (2, 4, 3, 0, 1_500)
    assert [(it.user_id, it.name, it.thousandths, it.updated_at) for it in survey.learners] == [
        (students[2], "S2", 750, AT + 2),
        (students[1], "S1", 500, AT + 1),
    ]
    assert survey.learners[0].completed_at == AT


async def test_who_was_counted_for_another_outline_is_found_page_by_page(desk: Desk) -> None:
    learners = [Learner(UserId(new_id()), version=1 + number % 2) for number in range(6)]
    assert await desk.commit(desk.write(learning=desk.rows(*learners))) == [Committed.YES]
    outdated = sorted(it.user_id for it in learners if it.version != 2)
    first = await desk.live.learning.outdated(desk.course_id, 2, None, 2)
    assert [*first, *await desk.live.learning.outdated(desk.course_id, 2, first[-1], 2)] == outdated


async def test_a_job_is_there_once_the_write_is_and_once_a_key(postgres_live: Any) -> None:
    live = postgres_live
    lesson = await live.make_class()
    desk = Desk(live, CourseId(lesson.course_id), lesson.shard_id, lesson.epoch, live.start_journal())
    job = JobRow("certificate.check", b'{"n":1}', new_id())
    writes = [desk.write(desk.event(1), jobs=[job]), desk.write(desk.event(2), jobs=[replace(job, payload=b'{"n":2}')])]
    assert await desk.commit(*writes) == [Committed.YES] * 2
    assert await desk.commit(desk.write(desk.event(3), jobs=[job])) == [Committed.YES]
    ended = lesson.write(1, session=lesson.row(), jobs=[JobRow("class.attended", b"{}", lesson.session_id)])
    assert await desk.commit(ended) == [Committed.YES]
    rows = await live.pool.fetch(
        "SELECT entrypoint, payload FROM jobs.pgqueuer WHERE dedupe_key = ANY ($1) ORDER BY id",
        [f"certificate.check:{job.key}", f"class.attended:{lesson.session_id}"],
    )
    assert [(row["entrypoint"], json.loads(row["payload"])) for row in rows] == [
        ("certificate.check", {"n": 1}),
        ("class.attended", {}),
    ]
