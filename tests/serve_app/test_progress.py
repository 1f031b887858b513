import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Caller, Role
from classroom.ids import CommandId, CourseId, LessonId
from classroom.progress.commands import CourseChanged, QuizGraded, Watch
from persistence.ids import new_id
from persistence.jobs import enqueue


@dataclass
class Course:
    """A published course with an article, a video of 100 s and a quiz, who teaches it and who learns."""

    id: str
    teacher: Any
    student: Any
    article: str
    video: str
    quiz: str


async def lesson(teacher: Any, section_id: str, kind: str, **words: Any) -> str:
    made = await teacher.ask("POST", f"/sections/{section_id}/lessons", 201, {"type": kind, "title": f"A {kind}", **words})
    return str(made["id"])


@pytest.fixture
async def course(edge: Any) -> Course:
    teacher, student = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(name="Sam")
    course_id = await edge.course(teacher)
    section = await teacher.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "One"})
    article = await lesson(teacher, section["id"], "article", content="Read.")
    video = await lesson(teacher, section["id"], "video")
    async with edge.database.writing() as connection:
        await connection.execute(text("UPDATE lessons SET duration_seconds = 100 WHERE id = :id"), {"id": video})
        quiz = new_id()
        await connection.execute(
            text(
                "INSERT INTO lessons (id, section_id, course_id, type, title, position) "
                "VALUES (:id, :section, :course, 'quiz', 'A quiz', 2)"
            ),
            {"id": quiz, "section": section["id"], "course": course_id},
        )
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return Course(course_id, teacher, student, article, video, quiz)


async def test_a_lesson_that_is_done_counts_once_and_says_where_to_go_on(edge: Any, course: Course) -> None:
    path = f"/progress/lesson/{course.article}/complete"
    first = await course.student.ask("POST", path, 200, Idempotency_Key="one")
    again = await course.student.ask("POST", path, 200)
    assert first == await course.student.ask("POST", path, 200, Idempotency_Key="one")
    assert (first["percent"], first["lessonsDone"], first["lessonsTotal"]) == (33.3, 1, 3)
    assert (again["percent"], again["lesson"]["completedAt"]) == (33.3, first["lesson"]["completedAt"])
    own = await course.student.ask("GET", f"/progress/course/{course.id}", 200)
    assert own == await course.student.ask("GET", f"/courses/{course.id}/progress", 200)
    assert [each["state"] for each in own["lessons"]] == ["completed", "open", "open"]
    assert (own["percent"], own["nextLessonId"], own["lastLessonId"]) == (33.3, course.video, course.article)


async def test_a_video_is_done_when_it_was_watched_and_not_when_its_end_was(edge: Any, course: Course) -> None:
    student, video = course.student, course.video
    refused = await student.ask("POST", f"/progress/lesson/{video}/complete", 409)
    assert refused["errorCode"] == "not_watched"
    skipped = await student.ask("POST", f"/videos/{video}/track", 200, {"positionSeconds": 100, "watchedSeconds": 5})
    assert (skipped["lesson"]["state"], skipped["lesson"]["watchedSeconds"]) == ("begun", 5)
    many = [
        student.ask("POST", f"/videos/{video}/track", 200, {"positionSeconds": at, "watchedSeconds": 9})
        for at in (9, 18, 18, 9, 27, 36, 36)
    ]
    await asyncio.gather(*many)
    own = await student.ask("GET", f"/progress/course/{course.id}", 200)
    assert own["lessons"][1]["state"] == "begun"
    assert own["lessons"][1]["watchedSeconds"] == 41, "what was watched twice counts once"
    assert own["nextLessonId"] == video, "where it was left"


async def test_watched_in_its_time_it_completes_itself(edge: Any, course: Course) -> None:
    student, video = course.student, course.video
    await student.ask("POST", f"/videos/{video}/track", 200, {"positionSeconds": 5, "watchedSeconds": 5})
    async with edge.database.writing() as connection:  # the last report was a minute ago
        await connection.execute(text("UPDATE lesson_progress SET reported_at = reported_at - interval '1 minute'"))
    for host in edge.lyceum.dispatcher.hosts:
        edge.lyceum.kill(host)
    done = await student.ask("POST", f"/videos/{video}/track", 200, {"positionSeconds": 90, "watchedSeconds": 85})
    assert (done["lesson"]["state"], done["lesson"]["watchedSeconds"], done["percent"]) == ("completed", 90, 33.3)
    assert (await student.ask("POST", f"/progress/lesson/{video}/complete", 200))["percent"] == 33.3


async def test_a_report_that_is_sent_again_counts_once_also_after_a_crash(edge: Any, course: Course) -> None:
    student, video = course.student, course.video
    report = Watch(student.id, LessonId(video), 5, 5)
    caller = Caller(student.id, student.name, Role.STUDENT)
    one = await edge.parts.progress.tell(CourseId(course.id), caller, report, CommandId("r1"))
    for host in edge.lyceum.dispatcher.hosts:
        edge.lyceum.kill(host)
    assert await edge.parts.progress.tell(CourseId(course.id), caller, report, CommandId("r1")) == one


async def test_a_quiz_is_done_by_passing_it_and_the_course_by_all_of_it(edge: Any, course: Course) -> None:
    student = course.student
    refused = await student.ask("POST", f"/progress/lesson/{course.quiz}/complete", 409)
    assert refused["errorCode"] == "not_passed"
    caller, quiz_id = Caller(student.id, "Sam", Role.STUDENT), new_id()

    async def graded(points: int, *, passed: bool) -> None:
        result = QuizGraded(student.id, LessonId(course.quiz), quiz_id, points, 10, passed)
        answer = await edge.parts.progress.tell(CourseId(course.id), caller, result)
        assert hasattr(answer, "body"), answer

    await graded(8, passed=True)
    await graded(3, passed=False)
    own = await student.ask("GET", f"/progress/course/{course.id}", 200)
    assert (own["lessons"][2]["points"], own["lessons"][2]["passed"], own["percent"]) == (8, True, 33.3)
    await student.ask("POST", f"/progress/lesson/{course.article}/complete", 200)
    async with edge.database.writing() as connection:
        await connection.execute(text("UPDATE lessons SET duration_seconds = 0 WHERE id = :id"), {"id": course.video})
    await edge.parts.progress.tell(CourseId(course.id), caller, CourseChanged())
    whole = await student.ask("POST", f"/progress/lesson/{course.video}/complete", 200)
    assert (whole["percent"], whole["nextLessonId"]) == (100, None)
    async with edge.database.reading() as connection:
        jobs = (
            (
                await connection.execute(
                    text("SELECT convert_from(payload, 'UTF8') FROM jobs.pgqueuer WHERE entrypoint = 'certificate.check'")
                )
            )
            .scalars()
            .all()
        )
    assert jobs == [f'{{"courseId":"{course.id}","userId":"{student.id}"}}']


async def test_a_lesson_that_is_added_lowers_it_and_is_where_to_go_on(edge: Any, course: Course) -> None:
    await course.student.ask("POST", f"/progress/lesson/{course.article}/complete", 200)
    section = (await course.teacher.ask("GET", f"/courses/{course.id}/sections", 200))["items"][0]
    await lesson(course.teacher, section["id"], "article", content="More.")
    own = await course.student.ask("GET", f"/progress/course/{course.id}", 200)
    assert (own["percent"], own["lessonsTotal"]) == (25, 4)
    await edge.run_jobs()
    async with edge.database.reading() as connection:
        for _ in range(1_000):  # the course counts everybody anew beside what else it does
            counted = (await connection.execute(text("SELECT thousandths FROM course_progress"))).scalars().all()
            if counted == [250]:
                break
        assert counted == [250], "lists and figures of the course hear of it as well"


async def test_whoever_is_not_enrolled_is_turned_away_and_nothing_changes(edge: Any, course: Course) -> None:
    stranger = await edge.person(name="Eve")
    for method, path in (
        ("GET", f"/progress/course/{course.id}"),
        ("GET", f"/courses/{course.id}/progress"),
        ("POST", f"/progress/lesson/{course.article}/complete"),
    ):
        assert (await stranger.ask(method, path, 403))["errorCode"] == "not_enrolled"
    await course.student.ask("POST", f"/progress/lesson/{course.article}/complete", 200)
    await course.student.ask("DELETE", f"/courses/{course.id}/enroll", 204)
    gone = await course.student.ask("POST", f"/progress/lesson/{course.quiz}/complete", 403)
    assert gone["errorCode"] == "not_enrolled"
    await course.student.ask("POST", f"/courses/{course.id}/enroll", 201)
    assert (await course.student.ask("GET", f"/progress/course/{course.id}", 200))["percent"] == 33.3, "it was kept"
    await stranger.ask("GET", f"/progress/course/{new_id()}", 404)
    await stranger.ask("POST", f"/progress/lesson/{new_id()}/complete", 404)
    await course.teacher.ask("POST", f"/progress/lesson/{course.article}/complete", 403)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"positionSeconds": -1, "watchedSeconds": 1},
        {"positionSeconds": 1, "watchedSeconds": 10**12},
        {"positionSeconds": 1.5, "watchedSeconds": 1},
        {"positionSeconds": "5", "watchedSeconds": 1},
        {"positionSeconds": True, "watchedSeconds": 1},
    ],
)
async def test_reports_that_no_player_sends_are_refused(edge: Any, course: Course, body: dict[str, Any]) -> None:
    refused = await course.student.ask("POST", f"/videos/{course.video}/track", 422, body)
    assert refused["errorCode"] == "validation_failed"


async def test_only_videos_are_watched(edge: Any, course: Course) -> None:
    report = {"positionSeconds": 5, "watchedSeconds": 5}
    assert (await course.student.ask("POST", f"/videos/{course.article}/track", 409, report))["errorCode"] == "not_a_video"


async def test_the_owner_sees_all_students_page_by_page_and_nobody_else_does(edge: Any, course: Course) -> None:
    others = [await edge.person(name=f"S{number}") for number in range(3)]
    for other in others:
        await other.ask("POST", f"/courses/{course.id}/enroll", 201)
    await others[1].ask("POST", f"/progress/lesson/{course.article}/complete", 200)
    path = f"/progress/course/{course.id}/students"
    first = await course.teacher.ask("GET", f"{path}?limit=3", 200)
    rest = await course.teacher.ask("GET", f"{path}?limit=3&cursor={first['nextCursor']}", 200)
    rows = first["items"] + rest["items"]
    assert [row["userId"] for row in rows] == [*(each.id for each in reversed(others)), course.student.id]
    assert rest["nextCursor"] is None
    assert [row["percent"] for row in rows] == [0, 33.3, 0, 0]
    assert [row["lastActiveAt"] is None for row in rows] == [True, False, True, True]
    await (await edge.person(Role.ADMIN, "Ada")).ask("GET", path, 200)
    await (await edge.person(Role.INSTRUCTOR, "Ivo")).ask("GET", path, 403)
    await course.student.ask("GET", path, 403)
    assert (await course.teacher.ask("GET", f"{path}?cursor=nonsense", 422))["errorCode"] == "validation_failed"


async def test_the_dashboard_says_where_to_go_on(edge: Any, course: Course) -> None:
    assert (await course.student.ask("GET", "/users/me/dashboard", 200))["continue"] == []
    await course.student.ask("POST", f"/progress/lesson/{course.article}/complete", 200)
    [on] = (await course.student.ask("GET", "/users/me/dashboard", 200))["continue"]
    assert (on["courseId"], on["lessonId"], on["lessonTitle"], on["percent"]) == (course.id, course.video, "A video", 33.3)


async def test_who_was_in_a_class_for_half_of_it_has_done_its_lesson(edge: Any, course: Course) -> None:
    late, absent, gone = [await edge.person(name=name) for name in ("Late", "Absent", "Gone")]
    for other in (late, absent):
        await other.ask("POST", f"/courses/{course.id}/enroll", 201)
    section = (await course.teacher.ask("GET", f"/courses/{course.id}/sections", 200))["items"][0]
    live = await lesson(course.teacher, section["id"], "live")
    session_id = new_id()
    async with edge.database.writing() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO live_sessions (id, course_id, lesson_id, title, starts_at, duration_minutes, ends_at,
                    max_students, current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked,
                    instructor_id, instructor_name, started_at, ended_at)
                VALUES (:id, :course, :lesson, 'Tides', now() - interval '1 hour', 60, now(), 9, 0, 0, 'ended', 10, true,
                    false, :teacher, 'Ina', now() - interval '1 hour', now())
                """
            ),
            {"id": session_id, "course": course.id, "lesson": live, "teacher": course.teacher.id},
        )
        stays = text(
            "INSERT INTO attendance_intervals VALUES (:id, :user, :n, now() + CAST(:begin AS interval), "
            "now() + CAST(:end AS interval), 'left')"
        )
        for user, number, begin, end in (
            (course.student, 1, -70, -45),  # before the start does not count
            (course.student, 2, -20, 0),
            (late, 1, -20, 0),
            (gone, 1, -60, 0),
        ):
            words = {
                "id": session_id,
                "user": user.id,
                "n": number,
                "begin": timedelta(minutes=begin),
                "end": timedelta(minutes=end),
            }
            await connection.execute(stays, words)
        for _ in range(2):
            await enqueue(connection, "class.attended", {"sessionId": session_id})
    await edge.run_jobs()
    for student, state in ((course.student, "completed"), (late, "open"), (absent, "open")):
        own = await student.ask("GET", f"/progress/course/{course.id}", 200)
        assert own["lessons"][-1]["state"] == state, student.name
    async with edge.database.reading() as connection:
        rows = await connection.execute(text("SELECT user_id::text, seconds, of_seconds FROM course_attendance"))
        assert {tuple(row) for row in rows} == {(course.student.id, 2_100, 3_600), (late.id, 1_200, 3_600)}
