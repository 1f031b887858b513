"""A course's grain: what is counted is durable and counts once, and its topics have neither gap nor repeat."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.envelopes import COURSE
from actors.shards import shard_of
from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import LessonId, SessionId, UserId
from classroom.live.commands import End
from classroom.progress import commands as c
from classroom.progress.course import Part
from classroom.progress.decide import decide
from tests.actors.desk import ADMIN, ARTICLES, OWNER, PROGRESS, TOPIC, VIDEO, Desk, milestones
from tests.actors.school import COURSE as COURSE_ID
from tests.actors.school import TEACHER, Follower, School, TurnedAway, a_school, until


async def test_the_owner_hears_of_each_step_in_order(desk: Desk) -> None:
    gate, [sam, kim] = await desk.school.gate(), desk.school.students(2)
    follower = await gate.subscribe(PROGRESS, OWNER)
    assert follower.snapshot["totals"] == {"enrolled": 2, "begun": 0, "completed": 0, "averagePercent": 0}
    await desk.done(sam, 0)
    await desk.done(kim, 1)
    await desk.done(kim, 1)
    await until(lambda: len(follower.events) == 4, "four events")
    assert [event["type"] for event in follower.events] == ["lesson.completed", "progress.changed"] * 2
    assert [data["percent"] for data in follower.heard("progress.changed")] == [25, 25]
    await asyncio.sleep(1)
    assert len(follower.events) == 4, "done again is nothing new"


async def test_a_host_that_dies_between_commit_and_answer_counts_once(desk: Desk) -> None:
    gate, sam = await desk.school.gate(), desk.school.student("sam")
    follower = await gate.subscribe(PROGRESS, OWNER)
    result = c.QuizGraded(sam.user_id, ARTICLES[0], "quiz", 8, 10, passed=True)
    desk.school.store.losing = "after"
    telling = asyncio.ensure_future(desk.ask(sam, result, "once"))
    await until(lambda: "quiz.graded" in desk.log, "it is durable")
    desk.school.kill()
    desk.school.store.losing = None
    answer = await telling
    assert answer["percent"] == 25
    assert await desk.ask(sam, result, "once") == answer
    assert desk.log.count("quiz.graded") == 1
    await until(lambda: len(follower.heard("quiz.graded")) == 1, "told once")


async def test_a_players_report_that_comes_twice_counts_once_across_a_crash(desk: Desk) -> None:
    desk.outline(Part(VIDEO, type="video", seconds=1_000))
    sam = desk.school.student("sam")
    await desk.ask(sam, c.Watch(sam.user_id, VIDEO, 5, 5), "r0")
    await asyncio.sleep(10)
    report = c.Watch(sam.user_id, VIDEO, 20, 15)
    desk.school.store.losing = "after"
    telling = asyncio.ensure_future(desk.ask(sam, report, "r1"))
    await asyncio.sleep(0.5)
    desk.school.kill()
    desk.school.store.losing = None
    first = await telling
    [record] = desk.school.tables.lessons.values()
    assert (first["lesson"]["watchedSeconds"], record.watched) == (20, ((0, 20),))
    again = await desk.ask(sam, report, "r1")
    assert again == first
    assert [record] == [*desk.school.tables.lessons.values()], "nothing of it was spent again"


async def test_what_is_not_durable_is_neither_answered_nor_told(desk: Desk) -> None:
    gate, sam = await desk.school.gate(), desk.school.student("sam")
    follower = await gate.subscribe(PROGRESS, OWNER)
    desk.school.store.open.clear()
    doing = asyncio.ensure_future(desk.done(sam, 0))
    entering = asyncio.ensure_future(gate.subscribe(PROGRESS, ADMIN))
    await asyncio.sleep(1)
    assert not doing.done()
    assert not entering.done()
    assert not follower.events
    desk.school.store.open.set()
    await doing
    late = await entering
    await until(lambda: follower.offset == late.offset == 2, "all are at one")
    assert late.snapshot["learners"][0]["percent"] == 25


async def test_who_has_lost_the_shard_writes_nothing(desk: Desk) -> None:
    sam = desk.school.student("sam")
    await desk.done(sam, 0)
    shard = shard_of(COURSE, COURSE_ID)
    owner, epoch = desk.school.tables.shards[shard]
    other = next(name for name in desk.school.lyceum.dispatcher.hosts if name != owner)
    desk.school.tables.shards[shard] = (other, epoch + 1)
    answer = await desk.done(sam, 1)
    assert answer["percent"] == 50
    assert desk.log.count("progress.changed") == 2


@pytest.mark.parametrize("missed", [3, 600])
async def test_coming_back_brings_what_was_missed_also_from_the_log(desk: Desk, missed: int) -> None:
    gate = await desk.school.gate()
    first = await gate.subscribe(TOPIC, OWNER)
    gate.following.leave(first, first.topic)  # type: ignore[arg-type]
    for number in range(missed):
        await desk.ask(OWNER, c.Announce(f"News {number}", "…", f"a{number}"))
    from_ring = await gate.subscribe(TOPIC, OWNER, since=(first.epoch, first.offset))
    desk.school.kill()
    other = await desk.school.gate("other", "run-2")
    from_log = await other.subscribe(TOPIC, OWNER, since=(first.epoch, first.offset))
    assert from_ring.recovered
    assert from_log.recovered
    await until(lambda: from_ring.offset == from_log.offset == missed, "at one")
    assert from_ring.events == from_log.events
    fresh = await other.subscribe(TOPIC, OWNER)
    assert len(fresh.snapshot["announcements"]) == min(missed, 20)
    assert fresh.snapshot["announcements"][-1]["title"] == f"News {missed - 1}"


async def test_a_feed_goes_on_across_kills_and_losses_and_everything_counts_once(desk: Desk) -> None:
    gate, rng, students = await desk.school.gate(), random.Random(7), desk.school.students(40)
    follower = await gate.subscribe(PROGRESS, OWNER)
    doing: list[Awaitable[Any]] = []
    for student in students:
        doing += [asyncio.ensure_future(desk.done(student, number, f"c{number}")) for number in range(4)]
        await asyncio.sleep(rng.random() / 5)
        if rng.random() < 0.2:
            desk.school.kill()
        desk.school.store.losing = rng.choice([None, None, None, "after", "before"])
    desk.school.store.losing = None
    await asyncio.gather(*doing)
    await until(lambda: len(follower.heard("lesson.completed")) == 160, "every lesson once", 20)
    last = {data["userId"]: data["percent"] for data in follower.heard("progress.changed")}
    assert last == {student.user_id: 100 for student in students}
    assert not gate.lost
    learners = desk.school.tables.learners[COURSE_ID]
    assert {learner.thousandths for learner, _ in learners.values()} == {1_000}
    await until(lambda: all(milestones(desk, each) == [25, 50, 75, 100] for each in students), "all milestones", 60)
    jobs = {key for kind, key in desk.school.tables.jobs if kind == "certificate.check"}
    assert jobs == {f"{COURSE_ID}:{student.user_id}" for student in students}


async def test_milestones_that_died_with_their_host_are_told_by_the_next_one(desk: Desk) -> None:
    sam = desk.school.student("sam")
    await desk.done(sam, 0)
    await until(lambda: milestones(desk, sam) == [25], "the first")
    desk.school.store.losing_inboxes = 100
    await desk.done(sam, 1)
    assert milestones(desk, sam) == [25]
    desk.school.kill()
    desk.school.store.losing_inboxes = 0
    for name in desk.school.lyceum.dispatcher.hosts:
        await desk.school.lyceum.host(name)
    await until(lambda: milestones(desk, sam) == [25, 50], "the second", 30)
    await asyncio.sleep(200)
    assert milestones(desk, sam) == [25, 50], "each once"
    assert (COURSE, COURSE_ID) not in desk.school.tables.deadlines, "nothing is left to wake for"
    assert desk.school.tables.course_marks[COURSE_ID] > 0


async def test_who_may_follow_what(desk: Desk) -> None:
    gate = await desk.school.gate()
    sam, eve, bob = desk.school.student("sam"), desk.school.student("eve", enrolled=False), desk.school.student("bob")

    async def turned_away(topic: str, caller: Caller) -> str:
        with pytest.raises(TurnedAway) as caught:
            await gate.subscribe(topic, caller)
        return caught.value.refusal.code

    for caller in (sam, OWNER, ADMIN):
        await gate.subscribe(TOPIC, caller)
    for caller in (OWNER, ADMIN):
        await gate.subscribe(PROGRESS, caller)
    assert await turned_away(TOPIC, eve) == "not_enrolled"
    assert await turned_away(PROGRESS, sam) == "forbidden"
    stranger = Caller(eve.user_id, "Ivo", Role.INSTRUCTOR)
    assert await turned_away(PROGRESS, stranger) == "forbidden"
    assert await turned_away(f"course:{desk.school.new_id()}", OWNER) == "not_found"
    await desk.done(bob, 0)
    desk.school.tables.enroll(COURSE_ID, bob.user_id, "bob", "", active=False)
    assert await turned_away(TOPIC, bob) == "not_enrolled", "whoever has left does not get in, however lately"
    desk.school.tables.banned.update((sam.user_id, OWNER.user_id, ADMIN.user_id))
    assert await turned_away(TOPIC, sam) == "not_enrolled"
    assert await turned_away(PROGRESS, OWNER) == "forbidden"
    assert await turned_away(TOPIC, ADMIN) == "not_enrolled"


async def test_announcements_reach_everybody_once_and_only_staff_may_make_them(desk: Desk) -> None:
    gate, sam = await desk.school.gate(), desk.school.student("sam")
    follower = await gate.subscribe(TOPIC, sam)
    news = c.Announce("Exam", "On Monday.", "a1")
    assert isinstance(await desk.tell(sam, news), Refused)
    await desk.ask(OWNER, news)
    desk.school.kill()
    await desk.ask(ADMIN, news)
    await desk.ask(ADMIN, c.Announce("Later", "On Tuesday.", "a2"))
    await until(lambda: len(follower.heard("announcement")) == 2, "two announcements")
    assert [data["title"] for data in follower.heard("announcement")] == ["Exam", "Later"]
    assert follower.heard("announcement")[0]["from"] == {"id": OWNER.user_id, "name": "Ina"}
    for bad in (c.Announce("", "x", "a3"), c.Announce("x" * 201, "x", "a4"), c.Announce("x", "x" * 20_001, "a5")):
        answer = await desk.tell(OWNER, bad)
        assert isinstance(answer, Refused)
        assert answer.refusal.code == "validation_failed"


async def test_snapshots_fit_into_a_frame(desk: Desk) -> None:
    gate, students = await desk.school.gate(), desk.school.students(350, "somebody with a long name ")
    await asyncio.gather(*(desk.done(student, 0) for student in students))
    for number in range(20):
        await desk.ask(OWNER, c.Announce(f"{number}", "\x01é" * 5_000, f"a{number}"))
    staff, everybody = await gate.subscribe(PROGRESS, OWNER), await gate.subscribe(TOPIC, students[0])
    for follower in (staff, everybody):
        assert 10_000 < len(json.dumps(follower.snapshot, ensure_ascii=False).encode()) < 64 * 1024
    shown = staff.snapshot["learners"]
    assert len(shown) > 100
    assert len(shown) + staff.snapshot["more"] == staff.snapshot["totals"]["begun"] == 350
    assert everybody.snapshot["announcements"][-1]["title"] == "19"


async def test_strangers_and_things_that_do_not_exist_change_nothing(desk: Desk) -> None:
    sam, eve = desk.school.student("sam"), desk.school.student("eve", enrolled=False)
    codes = []
    for caller, command in (
        (eve, c.CompleteLesson(eve.user_id, ARTICLES[0])),
        (sam, c.CompleteLesson(sam.user_id, LessonId("019a0000-0000-7000-8000-000000000999"))),
        (sam, c.Watch(sam.user_id, ARTICLES[0], 5, 5)),
    ):
        answer = await desk.tell(caller, command)
        assert isinstance(answer, Refused)
        codes.append(answer.refusal.code)
    assert codes == ["not_enrolled", "not_found", "not_a_video"]
    assert not desk.log
    assert not desk.school.tables.lessons
    desk.school.tables.enroll(COURSE_ID, eve.user_id, "eve", "")
    assert (await desk.done(eve, 0))["percent"] == 25, "whoever has enrolled is in at once"


async def test_attendance_counts_once_a_class_and_completes_its_lesson(desk: Desk) -> None:
    live, sam = LessonId("019a0000-0000-7000-8000-000000000300"), desk.school.student("sam")
    desk.outline(Part(live, type="live"), Part(ARTICLES[0]))
    short = c.Attended(sam.user_id, SessionId("one"), 100, 3_600, live)
    enough = c.Attended(sam.user_id, SessionId("two"), 1_800, 3_600, live)
    worker = Caller(UserId("job-worker"), "job-worker", Role.ADMIN)
    assert (await desk.ask(worker, short, "one:sam"))["percent"] == 0
    for number in range(3):
        assert (await desk.ask(worker, enough, f"two:{number}"))["percent"] == 50
        desk.school.kill()
    assert desk.log.count("lesson.completed") == 1
    assert len(desk.school.tables.attended) == 2


async def test_a_faulty_rule_harms_nobody_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = decide
    sam, kim = desk.school.students(2)

    def faulty(course: Any, learner: Any, *rest: Any) -> Any:
        if learner.user_id == sam.user_id:
            raise RuntimeError("a fault")
        return real(course, learner, *rest)

    monkeypatch.setattr("actors.progress_grain.decide", faulty)
    answers = await asyncio.gather(
        desk.tell(sam, c.CompleteLesson(sam.user_id, ARTICLES[0])),
        desk.tell(kim, c.CompleteLesson(kim.user_id, ARTICLES[0])),
    )
    assert [type(each) for each in answers] == [Refused, Accepted]


async def test_an_end_of_a_class_leaves_a_job_for_its_course(school: School) -> None:
    room = await school.open_class()
    assert not school.tables.jobs
    await school.ask(room, TEACHER, End())
    assert [*school.tables.jobs.items()] == [(("class.attended", room.id), b'{"sessionId":"%b"}' % room.id.encode())]


async def test_courses_move_between_hosts_with_their_followers() -> None:
    async with a_school(hosts=3) as school:
        desk = Desk(school)
        desk.outline(*map(Part, ARTICLES))
        gate, sam = await school.gate(), school.student("sam")
        follower: Follower = await gate.subscribe(PROGRESS, OWNER)
        await desk.done(sam, 0)
        first = desk.host
        school.lyceum.down.add(first)
        school.kill(first)
        assert (await desk.done(sam, 1))["percent"] == 50
        assert desk.host != first
        await until(lambda: len(follower.heard("progress.changed")) == 2, "told by the next host")
