import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.answers import Refused
from classroom.callers import Role
from classroom.refusals import Unavailable
from persistence.arranging import NewSection
from persistence.ids import new_id
from tests.serve_app.edges import Edge, Person

QUESTIONS = [
    {"type": "single", "text": "What pulls?", "options": ["Sun", "Moon"], "correct": 1, "points": 2, "explanation": "Near."},
    {"type": "multiple", "text": "What is wet?", "options": ["Sea", "Sand", "Rain"], "correct": [0, 2]},
    {"type": "true_false", "text": "Tides are daily.", "correct": True},
    {"type": "short_text", "text": "Low tide is also called?", "correct": ["ebb"]},
    {"type": "numeric", "text": "Hours between high tides?", "correct": 12.4, "tolerance": 0.1},
]
RIGHT = [1, [2, 0], True, " EBB ", 12.42]


async def school(edge: Edge, **quiz: Any) -> tuple[Person, Person, dict[str, Any]]:
    """Who teaches, who is enrolled, and a quiz as its author sees it."""
    teacher, student = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person()
    course_id = await edge.course(teacher)
    body = {"title": "Tides", "questions": QUESTIONS, "passPercent": 60, **quiz}
    made = await teacher.ask("POST", f"/sections/{await section(edge, course_id)}/quizzes", 201, body)
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return teacher, student, made


async def section(edge: Edge, course_id: str) -> str:
    """A new section of the course."""
    section_id = new_id()
    await edge.parts.stores.syllabus.add_section(NewSection(section_id, course_id, "Begin"), edge.parts.clock())
    return section_id


def answers(quiz: dict[str, Any], *values: Any) -> dict[str, Any]:
    """These answers to the first questions."""
    return {question["id"]: value for question, value in zip(quiz["questions"], values, strict=False)}


async def test_a_learner_takes_a_quiz_and_sees_the_answers_only_then(edge: Any) -> None:
    teacher, student, quiz = await school(edge)
    path = f"/quizzes/{quiz['id']}"
    assert [question["correct"] for question in quiz["questions"]] == [[1], [0, 2], True, ["ebb"], 12.4]
    lesson = await edge.parts.stores.syllabus.find_lesson(quiz["lessonId"])
    assert (lesson.type, lesson.title, lesson.section_id) == ("quiz", "Tides", quiz["sectionId"])

    shown = await student.ask("GET", path, 200)
    assert {key for question in shown["questions"] for key in question} == {"id", "type", "text", "options", "points"}
    assert "Near." not in str(shown)
    assert (shown["points"], shown["questionCount"], shown["attemptsLeft"]) == (6, 5, None)
    await student.ask("GET", f"{path}/result", 404)

    result = await student.ask("POST", f"{path}/submit", 200, {"answers": answers(quiz, *RIGHT)})
    assert (result["passed"], result["latest"]["points"], result["latest"]["percent"]) == (True, 6, 100.0)
    assert all(question["right"] for question in result["latest"]["questions"])
    assert result["latest"]["questions"][0]["explanation"] == "Near."

    worse = await student.ask("POST", f"{path}/submit", 200, {"answers": answers(quiz, 0, [0])})
    assert (worse["passed"], worse["latest"]["points"], worse["best"]["points"]) == (True, 0, 6)
    assert await student.ask("GET", f"{path}/result", 200) == worse
    assert [attempt["points"] for attempt in (await teacher.ask("GET", f"{path}/attempts", 200))["items"]] == [0, 6]


async def test_a_graded_quiz_reaches_progress_once(edge: Any) -> None:
    _, student, quiz = await school(edge)
    told: list[Any] = []
    real = edge.parts.progress.tell

    async def listen(*asked: Any) -> Any:
        told.append(asked)
        return await real(*asked)

    edge.parts.progress.tell = listen
    started = await student.ask("POST", f"/quizzes/{quiz['id']}/start", 200)
    body = {"attemptId": started["id"], "answers": answers(quiz, *RIGHT)}
    await student.ask("POST", f"/quizzes/{quiz['id']}/submit", 200, body)
    (course_id, caller, graded, command_id) = told[0]
    assert (course_id, caller.user_id, command_id) == (quiz["courseId"], student.id, started["id"])
    assert (graded.lesson_id, graded.points, graded.possible, graded.passed) == (quiz["lessonId"], 6, 6, True)
    async with edge.parts.stores.database.reading() as connection:
        queued = text("SELECT count(*) FROM jobs.pgqueuer WHERE entrypoint = 'progress.quiz'")
        assert (await connection.execute(queued)).scalar_one() == 1


async def test_an_attempt_sent_in_twice_has_the_result_of_the_first_time(edge: Any) -> None:
    _, student, quiz = await school(edge, attempts=1)
    path = f"/quizzes/{quiz['id']}"
    first, again = await asyncio.gather(*(student.ask("POST", f"{path}/start", 200) for _ in range(2)))
    assert first["id"] == again["id"]
    assert first["attemptsLeft"] == 0
    good = {"attemptId": first["id"], "answers": answers(quiz, *RIGHT)}
    bad = {"attemptId": first["id"], "answers": {}}
    results = await asyncio.gather(*(student.ask("POST", f"{path}/submit", 200, body) for body in (good, bad, good)))
    assert len({result["latest"]["points"] for result in results}) == 1
    assert await student.ask("POST", f"{path}/submit", 200, bad) == results[0]

    refused = await student.ask("POST", f"{path}/submit", 409, {"answers": {}})
    assert refused["errorCode"] == "no_attempts_left"
    assert (await student.ask("POST", f"{path}/start", 409))["errorCode"] == "no_attempts_left"
    assert (await student.ask("GET", f"{path}/result", 200))["attemptsUsed"] == 1


async def test_only_one_of_two_at_once_has_the_last_attempt(edge: Any) -> None:
    _, student, quiz = await school(edge, attempts=1)
    path = f"/api/quizzes/{quiz['id']}/submit"
    body = {"answers": answers(quiz, *RIGHT)}
    statuses = [each.status_code for each in await asyncio.gather(*(student.client.post(path, json=body) for _ in range(5)))]
    assert sorted(statuses) == [200, 409, 409, 409, 409]


async def test_a_repeated_request_makes_no_second_attempt(edge: Any) -> None:
    _, student, quiz = await school(edge)
    body = {"answers": answers(quiz, *RIGHT)}
    path = f"/quizzes/{quiz['id']}/submit"
    sent = [await student.ask("POST", path, 200, body, Idempotency_Key="once") for _ in range(2)]
    assert sent[0] == sent[1]
    assert sent[0]["attemptsUsed"] == 1


async def test_what_comes_too_late_changes_nothing(edge: Any) -> None:
    teacher, student, quiz = await school(edge, timeLimitMinutes=10, attempts=2)
    path = f"/quizzes/{quiz['id']}"
    shown = await student.ask("GET", path, 200)
    assert (shown["questions"], shown["timeLimitMinutes"]) == ([], 10)
    body = {"answers": answers(quiz, *RIGHT)}
    assert (await student.ask("POST", f"{path}/submit", 409, body))["errorCode"] == "not_started"
    started = await student.ask("POST", f"{path}/start", 200)
    assert len(started["questions"]) == 5
    await back(edge, started["id"], minutes=9)
    assert (await student.ask("GET", path, 200))["openAttempt"]["id"] == started["id"]
    await back(edge, started["id"], minutes=3)

    refused = await student.ask("POST", f"{path}/submit", 409, {"attemptId": started["id"], **body})
    assert refused["errorCode"] == "attempt_over"
    attempt = (await teacher.ask("GET", f"{path}/attempts", 200))["items"][0]
    assert (attempt["points"], attempt["answers"]) == (None, {})
    second = await student.ask("POST", f"{path}/start", 200)
    assert (second["number"], second["attemptsLeft"]) == (2, 0)
    assert (await student.ask("GET", f"{path}/result", 200))["latest"]["status"] == "expired"
    passed = await student.ask("POST", f"{path}/submit", 200, body)
    assert passed["passed"] is True
    assert (await student.ask("POST", f"{path}/start", 409))["errorCode"] == "no_attempts_left"


async def test_answers_that_cannot_be_any_are_named_and_nothing_begins(edge: Any) -> None:
    _, student, quiz = await school(edge, attempts=1)
    path = f"/quizzes/{quiz['id']}"
    wrong = {**answers(quiz, 7, "Sea", 1, "e\x00b", "many"), new_id(): True}
    refused = await student.ask("POST", f"{path}/submit", 422, {"answers": wrong})
    assert [field["field"] for field in refused["details"]["fields"]] == [f"answers.{key}" for key in wrong]
    for nonsense in ({}, {"answers": []}, {"answers": {"x" * 65: 1}}, {"answers": {"x": None}}, {"answers": {"x": {}}}):
        assert (await student.ask("POST", f"{path}/submit", 422, nonsense))["errorCode"] == "validation_failed"
    for huge in (10**60, 1e300, "9" * 501):
        await student.ask("POST", f"{path}/submit", 422, {"answers": answers(quiz, *RIGHT[:4], huge)})
    await student.ask("POST", f"{path}/submit", 404, {"attemptId": "nobody's", "answers": {}})
    await student.ask("POST", f"{path}/submit", 404, {"attemptId": new_id(), "answers": {}})
    assert (await student.ask("GET", path, 200))["attemptsUsed"] == 0


async def test_who_may_do_what(edge: Any) -> None:
    teacher, student, quiz = await school(edge)
    path = f"/quizzes/{quiz['id']}"
    other, stranger = await edge.person(Role.INSTRUCTOR, "Otto"), await edge.person()
    started = await student.ask("POST", f"{path}/start", 200)
    assert (await edge.visitor.get(f"/api{path}")).status_code == 401
    for who in (other, stranger):
        assert (await who.ask("GET", path, 403))["errorCode"] in ("forbidden", "not_enrolled")
        await who.ask("PATCH", path, 403, {"title": "Mine"})
        await who.ask("GET", f"{path}/attempts", 403)
        await who.ask("PATCH", f"/attempts/{started['id']}", 403, {})
    assert (await stranger.ask("POST", f"{path}/submit", 403, {"answers": {}}))["errorCode"] == "not_enrolled"
    assert (await stranger.ask("POST", f"{path}/start", 403))["errorCode"] == "not_enrolled"
    await stranger.ask("GET", f"{path}/result", 403)
    await teacher.ask("POST", f"{path}/start", 403)
    await student.ask("DELETE", path, 403)
    stolen = {"attemptId": started["id"], "answers": {}}
    await stranger.ask("POST", f"/courses/{quiz['courseId']}/enroll", 201)
    await stranger.ask("POST", f"{path}/submit", 404, stolen)
    admin = await edge.person(Role.ADMIN)
    assert (await admin.ask("GET", path, 200))["questions"][0]["correct"] == [1]

    await teacher.ask("DELETE", path, 204)
    await teacher.ask("GET", path, 404)
    await student.ask("POST", f"{path}/submit", 404, stolen)


async def test_an_edit_does_not_touch_who_has_begun(edge: Any) -> None:
    teacher, student, quiz = await school(edge)
    path = f"/quizzes/{quiz['id']}"
    assert (await teacher.ask("PATCH", path, 200, {"passPercent": 100}))["version"] == 1
    started = await student.ask("POST", f"{path}/start", 200)
    first = {**QUESTIONS[0], "id": quiz["questions"][0]["id"], "correct": 0}
    changed = await teacher.ask("PATCH", path, 200, {"questions": [first], "title": "New", "attempts": 3})
    assert (changed["version"], changed["title"], changed["attempts"], changed["passPercent"]) == (2, "New", 3, 100)
    assert changed["questions"][0]["id"] == first["id"]

    body = {"attemptId": started["id"], "answers": answers(quiz, *RIGHT)}
    result = await student.ask("POST", f"{path}/submit", 200, body)
    assert (result["latest"]["points"], result["latest"]["possible"], result["passed"]) == (6, 6, True)
    second = await student.ask("POST", f"{path}/submit", 200, {"answers": {first["id"]: 1}})
    assert (second["latest"]["points"], second["latest"]["possible"], second["attemptsLeft"]) == (0, 2, 1)
    assert second["best"]["possible"] == 6


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({**QUESTIONS[0], "correct": 2}, "questions.0.correct"),
        ({**QUESTIONS[0], "correct": [0, 1]}, "questions.0"),
        ({**QUESTIONS[0], "options": ["Sun", " sun"]}, "questions.0.options"),
        ({**QUESTIONS[0], "options": ["Sun"]}, "questions.0"),
        ({**QUESTIONS[0], "text": " "}, "questions.0"),
        ({**QUESTIONS[0], "points": 0}, "questions.0"),
        ({**QUESTIONS[0], "id": new_id()}, "questions.0.id"),
        ({**QUESTIONS[1], "correct": []}, "questions.0"),
        ({**QUESTIONS[2], "correct": "yes"}, "questions.0"),
        ({**QUESTIONS[3], "correct": []}, "questions.0"),
        ({**QUESTIONS[3], "correct": "e\x00b"}, "questions.0"),
        ({**QUESTIONS[4], "correct": 1e300}, "questions.0"),
        ({**QUESTIONS[4], "tolerance": -1}, "questions.0"),
        ({"type": "essay", "text": "Why?"}, "questions.0"),
    ],
)
async def test_what_cannot_be_asked_is_refused_and_makes_no_lesson(edge: Any, question: Any, field: str) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    body = {"title": "Tides", "questions": [question]}
    refused = await teacher.ask("POST", f"/sections/{await section(edge, course_id)}/quizzes", 422, body)
    assert refused["details"]["fields"][0]["field"].startswith(field)
    assert [each.lessons for each in await edge.parts.stores.syllabus.outline(course_id)] == [()]


async def test_a_reviewed_quiz_says_nothing_before_its_review(edge: Any) -> None:
    teacher, student, quiz = await school(edge, reviewed=True)
    path = f"/quizzes/{quiz['id']}"
    sent = await student.ask("POST", f"{path}/submit", 200, {"answers": answers(quiz, 1)})
    assert (sent["passed"], sent["best"], sent["latest"]["status"]) == (False, None, "awaiting_review")
    assert (sent["latest"]["points"], sent["latest"]["questions"]) == (None, None)
    assert "Near." not in str(sent)

    waiting = (await teacher.ask("GET", f"{path}/attempts", 200))["items"][0]
    assert (waiting["status"], waiting["points"]) == ("awaiting_review", 2)
    too_many = await teacher.ask("PATCH", f"/attempts/{waiting['id']}", 422, {"points": 7})
    assert too_many["details"]["fields"][0]["field"] == "points"
    review = {"points": 5, "feedback": "Nearly."}
    assert (await teacher.ask("PATCH", f"/attempts/{waiting['id']}", 200, review))["status"] == "graded"
    result = await student.ask("GET", f"{path}/result", 200)
    assert (result["passed"], result["best"]["points"], result["best"]["feedback"]) == (True, 5, "Nearly.")
    assert result["latest"]["questions"][0]["explanation"] == "Near."
    await edge.run_jobs()
    assert "grade" in [each["kind"] for each in (await student.ask("GET", "/notifications", 200))["items"]]


async def test_what_is_not_sent_in_cannot_be_reviewed(edge: Any) -> None:
    teacher, student, quiz = await school(edge)
    started = await student.ask("POST", f"/quizzes/{quiz['id']}/start", 200)
    refused = await teacher.ask("PATCH", f"/attempts/{started['id']}", 409, {"points": 1})
    assert refused["errorCode"] == "not_submitted"
    await teacher.ask("PATCH", f"/attempts/{new_id()}", 404, {})


async def test_a_shuffled_quiz_has_its_order_for_each_attempt(edge: Any) -> None:
    questions = [{**QUESTIONS[2], "text": f"Question {number}"} for number in range(12)]
    _, student, quiz = await school(edge, shuffled=True, questions=questions)
    started = await student.ask("POST", f"/quizzes/{quiz['id']}/start", 200)
    shown = await student.ask("GET", f"/quizzes/{quiz['id']}", 200)
    ids = [question["id"] for question in quiz["questions"]]
    assert [question["id"] for question in shown["questions"]] == [question["id"] for question in started["questions"]]
    assert [question["id"] for question in started["questions"]] != ids
    assert sorted(question["id"] for question in started["questions"]) == sorted(ids)


async def back(edge: Edge, attempt_id: str, minutes: int) -> None:
    """Let the attempt have begun so much earlier."""
    async with edge.parts.stores.database.writing() as connection:
        earlier = text("UPDATE quiz_attempts SET begun_at = begun_at - make_interval(mins => :minutes) WHERE id = :id")
        await connection.execute(earlier, {"minutes": minutes, "id": attempt_id})


async def test_a_pass_completes_the_lesson_also_when_only_the_job_can_tell(edge: Any) -> None:
    _, student, quiz = await school(edge)
    other = await edge.person()
    await other.ask("POST", f"/courses/{quiz['courseId']}/enroll", 201)
    body = {"answers": answers(quiz, *RIGHT)}
    await student.ask("POST", f"/quizzes/{quiz['id']}/submit", 200, body)
    path = f"/progress/course/{quiz['courseId']}"
    at_once = await student.ask("GET", path, 200)

    async def is_away(*_: Any) -> Refused:
        return Refused(Unavailable())

    real, edge.parts.progress.tell = edge.parts.progress.tell, is_away
    await other.ask("POST", f"/quizzes/{quiz['id']}/submit", 200, body)
    edge.parts.progress.tell = real
    await edge.run_jobs()
    assert not await edge.dead_jobs()
    later = await other.ask("GET", path, 200)
    assert at_once["percent"] == later["percent"] == 100
    assert (await student.ask("GET", path, 200))["percent"] == 100


async def test_a_quiz_that_is_no_longer_required_counts_for_nothing(edge: Any) -> None:
    teacher, student, quiz = await school(edge)
    await student.ask("POST", f"/quizzes/{quiz['id']}/submit", 200, {"answers": answers(quiz, *RIGHT)})
    await teacher.ask("PATCH", f"/quizzes/{quiz['id']}", 200, {"isRequired": False})
    await edge.run_jobs()
    assert (await student.ask("GET", f"/progress/course/{quiz['courseId']}", 200))["percent"] == 0
