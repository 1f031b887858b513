import asyncio

from classroom.ids import LessonId
from classroom.progress import commands as c
from classroom.progress.course import Part
from tests.actors.desk import ARTICLES, OWNER, PROGRESS, Desk, milestones
from tests.actors.school import COURSE as COURSE_ID
from tests.actors.school import until


async def test_when_the_course_changes_everybody_is_counted_anew_and_the_owner_told(desk: Desk) -> None:
    gate, students = await desk.school.gate(), desk.school.students(30)
    follower = await gate.subscribe(PROGRESS, OWNER)
    for student in students:
        await desk.done(student, 0)
    desk.school.kill()
    desk.outline(*map(Part, ARTICLES[:2]))
    await desk.ask(OWNER, c.CourseChanged())
    learners = desk.school.tables.learners[COURSE_ID]
    await until(lambda: {it.thousandths for it, _ in learners.values()} == {500}, "all are counted", 10)
    await until(lambda: len(follower.heard("progress.changed")) == 60, "and told", 10)
    desk.outline(*map(Part, ARTICLES))
    await desk.ask(OWNER, c.CourseChanged())
    looked = await desk.ask(students[0], c.Look(students[0].user_id))
    assert (looked["percent"], len(looked["lessons"])) == (25, 4)
    await until(lambda: {it.thousandths for it, _ in learners.values()} == {250}, "all are counted", 10)
    await until(lambda: milestones(desk, students[7]) == [25, 50], "what was told is not told again", 10)


async def test_what_was_just_made_can_be_done_and_graded_at_once(desk: Desk) -> None:
    desk.outline(Part(ARTICLES[0]))
    sam = desk.school.student("sam")
    await desk.done(sam, 0)
    desk.outline(*map(Part, ARTICLES))
    assert (await desk.done(sam, 1))["percent"] == 50
    quiz = LessonId("019a0000-0000-7000-8000-000000000400")
    desk.outline(*map(Part, ARTICLES), Part(quiz, type="quiz"))
    await desk.ask(sam, c.QuizGraded(sam.user_id, quiz, "quiz", 8, 10, passed=True), "graded")
    assert desk.log.count("quiz.graded") == 1


async def test_an_outline_is_not_older_than_five_seconds_also_after_a_recount(desk: Desk) -> None:
    desk.outline(*map(Part, ARTICLES[:2]))
    sam = desk.school.student("sam")
    await desk.done(sam, 0)
    await desk.ask(OWNER, c.CourseChanged())
    await asyncio.sleep(7)
    desk.outline(*map(Part, ARTICLES))
    assert len((await desk.ask(sam, c.Look(sam.user_id)))["lessons"]) == 4


async def test_a_recount_that_died_with_its_host_is_done_by_the_next_one(desk: Desk) -> None:
    students = desk.school.students(30)
    for student in students:
        await desk.done(student, 0)
    desk.school.store.open.clear()
    desk.outline(*map(Part, ARTICLES[:1]))
    await desk.ask(OWNER, c.CourseChanged())
    desk.school.kill()
    desk.school.store.open.set()
    learners = desk.school.tables.learners[COURSE_ID]
    assert {it.thousandths for it, _ in learners.values()} == {250}
    await desk.ask(students[0], c.Look(students[0].user_id))
    await until(lambda: {it.thousandths for it, _ in learners.values()} == {1_000}, "all are counted", 10)
