"""Certificates: earned once, printed, checked by anybody, taken away by admins."""

import asyncio
import io
from dataclasses import dataclass
from typing import Any

import pypdf
import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.ids import new_id


@dataclass
class Course:
    """A course with two required articles and one that is not, who teaches it and who learns."""

    edge: Any
    id: str
    teacher: Any
    student: Any
    lessons: list[str]

    async def finish(self, student: Any = None) -> None:
        """Do all that is required."""
        for lesson in self.lessons:
            await (student or self.student).ask("POST", f"/progress/lesson/{lesson}/complete", 200)

    async def claim(self, expect: int = 201, student: Any = None, **headers: str) -> Any:
        """Ask for the certificate."""
        return await (student or self.student).ask("POST", f"/courses/{self.id}/certificate", expect, **headers)

    async def sql(self, statement: str, **values: Any) -> None:
        """Something that no route does."""
        async with self.edge.database.writing() as connection:
            await connection.execute(text(statement), values)


async def make_course(edge: Any, name: str = "Amara Okafor", title: str = "Tides", **words: Any) -> Course:
    teacher, student = await edge.person(Role.INSTRUCTOR, "Inês Duarte"), await edge.person(name=name)
    course_id = await edge.course(teacher, title=title, **words)
    section = await teacher.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "One"})
    lessons = []
    for number in range(3):
        body = {"type": "article", "title": f"Lesson {number}", "content": "Read.", "isRequired": number < 2}
        lesson = await teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, body)
        lessons.append(lesson["id"])
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return Course(edge, course_id, teacher, student, lessons[:2])


@pytest.fixture
async def course(edge: Any) -> Course:
    return await make_course(edge)


def read(pdf: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return str(page.extract_text())


async def download(person: Any, certificate: Any) -> Any:
    return await person.client.get(f"/api/certificates/{certificate['id']}/download")


async def test_what_is_left_to_do_is_said_and_nothing_is_issued(edge: Any, course: Course) -> None:
    await course.student.ask("POST", f"/progress/lesson/{course.lessons[0]}/complete", 200)
    refused = await course.claim(409)
    assert (refused["errorCode"], refused["details"]["missing"]) == (
        "not_completed",
        {"lessons": [{"id": course.lessons[1], "title": "Lesson 1"}], "quizzes": [], "attendancePercent": None},
    )
    await edge.run_jobs()
    await course.student.ask("GET", f"/courses/{course.id}/certificate", 404)
    assert (await course.student.ask("GET", "/users/me/certificates", 200))["items"] == []


async def test_it_is_issued_by_itself_printed_and_told(edge: Any, course: Course) -> None:
    await course.finish()
    await edge.run_jobs()
    certificate = await course.student.ask("GET", f"/courses/{course.id}/certificate", 200)
    assert certificate["status"] == "valid"
    assert certificate["course"] == {"id": course.id, "title": "Tides"}
    assert certificate["verifyUrl"].endswith(f"/certificates/verify/{certificate['number']}")
    assert (await course.student.ask("GET", "/users/me/certificates", 200))["items"] == [certificate]
    assert await edge.parts.stores.objects.find(f"certificates/{certificate['id']}.pdf") is not None
    notices = await course.student.ask("GET", "/notifications", 200)
    assert [each["data"]["number"] for each in notices["items"] if each["kind"] == "certificate"] == [certificate["number"]]

    response = await download(course.student, certificate)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf")
    assert response.headers["content-disposition"] == f'attachment; filename="certificate-{certificate["number"]}.pdf"'
    words = read(response.content)
    for word in ("Amara Okafor", "Tides", "Inês Duarte", certificate["number"], "Certificate of completion"):
        assert word in words
    assert await edge.dead_jobs() == []


async def test_it_is_issued_once_however_often_and_by_whom_it_is_asked_for(edge: Any, course: Course) -> None:
    await course.finish()
    asked = [
        course.student.client.post(f"/api/courses/{course.id}/certificate", headers={"Idempotency-Key": new_id()})
        for _ in range(5)
    ]
    answers = await asyncio.gather(edge.run_jobs(), *asked)
    assert {answer.status_code for answer in answers[1:]} <= {200, 201}
    assert len({answer.json()["number"] for answer in answers[1:]}) == 1
    again = await course.claim(200)
    assert again["number"] == answers[1].json()["number"]
    assert len((await course.student.ask("GET", "/users/me/certificates", 200))["items"]) == 1
    await edge.run_jobs()
    notices = await course.student.ask("GET", "/notifications", 200)
    assert len([each for each in notices["items"] if each["kind"] == "certificate"]) == 1


async def test_a_repetition_under_the_same_key_is_answered_alike(course: Course) -> None:
    await course.finish()
    key = new_id()
    first = await course.claim(201, Idempotency_Key=key)
    assert await course.claim(201, Idempotency_Key=key) == first


async def test_who_is_not_a_student_of_the_course_gets_none(edge: Any, course: Course) -> None:
    stranger = await edge.person()
    assert (await course.claim(403, stranger))["errorCode"] == "not_enrolled"
    assert (await edge.visitor.post(f"/api/courses/{course.id}/certificate")).status_code == 401
    for wrong in (new_id(), "no-id", "%00"):
        await course.student.ask("POST", f"/courses/{wrong}/certificate", 404)


async def test_a_course_may_give_none(edge: Any, course: Course) -> None:
    await course.finish()
    await course.sql("UPDATE courses SET gives_certificate = false WHERE id = :id", id=course.id)
    await edge.run_jobs()
    assert (await course.claim(409))["errorCode"] == "no_certificate"
    await course.sql("UPDATE courses SET gives_certificate = true WHERE id = :id", id=course.id)
    await course.claim(201)
    empty = await edge.course(course.teacher, title="Empty")
    await course.student.ask("POST", f"/courses/{empty}/enroll", 201)
    refused = await course.student.ask("POST", f"/courses/{empty}/certificate", 409)
    assert refused["errorCode"] == "no_certificate"


async def test_a_required_quiz_has_to_be_passed(edge: Any, course: Course) -> None:
    await course.finish()
    quiz = new_id()
    await course.sql(
        "INSERT INTO lessons (id, section_id, course_id, type, title, position) "
        "SELECT :id, section_id, course_id, 'quiz', 'A quiz', 9 FROM lessons WHERE id = :like",
        id=quiz,
        like=course.lessons[0],
    )
    refused = await course.claim(409)
    assert refused["details"]["missing"]["quizzes"] == [{"lessonId": quiz, "title": "A quiz"}]
    await course.sql("UPDATE lessons SET is_required = false WHERE id = :id", id=quiz)
    await course.claim(201)


async def test_where_attendance_is_asked_for_it_counts(edge: Any, course: Course) -> None:
    await course.finish()
    await course.sql("UPDATE courses SET certificate_attendance_percent = 50 WHERE id = :id", id=course.id)
    refused = await course.claim(409)
    assert refused["details"]["missing"]["attendancePercent"] == 50
    for seconds, expected in ((1_700, 409), (1_800, 201)):
        session = new_id()
        await course.sql("DELETE FROM course_attendance WHERE course_id = :id", id=course.id)
        await course.sql("DELETE FROM live_sessions WHERE course_id = :id", id=course.id)
        await course.sql(
            "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, "
            "current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id, "
            "instructor_name, started_at, ended_at) SELECT :id, :course, 'Class', t, 60, t + interval '1 hour', 9, 0, 0, "
            "'ended', 10, true, false, :teacher, 'Ina', t, t + interval '1 hour' FROM (SELECT now() AS t) AS at",
            id=session,
            course=course.id,
            teacher=course.teacher.id,
        )
        await course.sql(
            "INSERT INTO course_attendance (user_id, course_id, session_id, seconds, of_seconds, updated_at) "
            "VALUES (:user, :course, :id, :seconds, 3600, now())",
            user=course.student.id,
            course=course.id,
            id=session,
            seconds=seconds,
        )
        await course.claim(expected)


async def test_anybody_can_check_a_number_however_it_is_typed(edge: Any, course: Course) -> None:
    await course.finish()
    number = (await course.claim())["number"]
    for typed in (number, number.lower(), number.replace("-", ""), number.replace("-", " ")):
        checked = (await edge.visitor.get(f"/api/certificates/verify/{typed}")).json()
        assert (checked["number"], checked["status"], checked["name"]) == (number, "valid", "Amara Okafor")
        assert checked["course"]["title"] == "Tides"
        assert checked["date"] == checked["issuedAt"][:10]
    other = number[:-1] + ("0" if number[-1] != "0" else "1")
    for wrong in (other, "LY-", "x" * 100, "%00", "LY-UUUU-UUUU-UUUU"):
        response = await edge.visitor.get(f"/api/certificates/verify/{wrong}")
        assert (response.status_code, response.json()["errorCode"]) == (404, "not_found")
    assert (await edge.visitor.get(f"/api/certificates/verify/{'x' * 101}")).status_code == 422


async def test_only_whose_it_is_the_teacher_and_admins_read_it(edge: Any, course: Course) -> None:
    await course.finish()
    certificate = await course.claim()
    admin, stranger = await edge.person(Role.ADMIN, "Ada"), await edge.person()
    other_teacher = await edge.person(Role.INSTRUCTOR)
    # Not printed by a job yet: drawn on the spot.
    for reader in (course.student, course.teacher, admin):
        response = await download(reader, certificate)
        assert (response.status_code, response.content[:5]) == (200, b"%PDF-")
    for reader in (stranger, other_teacher):
        assert (await download(reader, certificate)).status_code == 403
    assert (await edge.visitor.get(f"/api/certificates/{certificate['id']}/download")).status_code == 401
    assert (await admin.client.get(f"/api/certificates/{new_id()}/download")).status_code == 404


async def test_admins_issue_and_revoke_by_hand_on_record(edge: Any, course: Course) -> None:
    admin = await edge.person(Role.ADMIN, "Ada")
    body = {"userId": course.student.id, "courseId": course.id}
    await course.teacher.ask("POST", "/admin/certificates/issue", 403, body)
    made = await admin.ask("POST", "/admin/certificates/issue", 201, body)
    assert await admin.ask("POST", "/admin/certificates/issue", 200, body) == made
    assert (await course.claim(200))["id"] == made["id"]

    path = f"/admin/certificates/{made['id']}/revoke"
    await admin.ask("POST", path, 422, {"reason": ""})
    revoked = await admin.ask("POST", path, 200, {"reason": "Somebody else sat there."})
    assert (revoked["status"], revoked["revokedReason"]) == ("revoked", "Somebody else sat there.")
    assert await admin.ask("POST", path, 200, {"reason": "Another one."}) == revoked
    checked = (await edge.visitor.get(f"/api/certificates/verify/{made['number']}")).json()
    assert (checked["status"], checked["revokedAt"]) == ("revoked", revoked["revokedAt"])
    response = await download(course.student, made)
    assert (response.status_code, response.json()["errorCode"]) == (410, "certificate_revoked")
    assert (await course.claim(200))["status"] == "revoked"  # doing it all again earns no other

    restored = await admin.ask("POST", "/admin/certificates/issue", 200, body)
    assert (restored["status"], restored["number"]) == ("valid", made["number"])
    log = await admin.ask("GET", f"/admin/audit-log?targetType=certificate&target={made['id']}", 200)
    assert [entry["action"] for entry in log["items"]] == [
        "certificate.restore", "certificate.revoke", "certificate.issue",
    ]  # fmt: skip
    for wrong in ({**body, "userId": new_id()}, {**body, "courseId": new_id()}, {**body, "userId": "x"}):
        await admin.ask("POST", "/admin/certificates/issue", 404, wrong)
    await admin.ask("POST", f"/admin/certificates/{new_id()}/revoke", 404, {"reason": "None."})


async def test_templates_speak_for_certificates_to_come(edge: Any, course: Course) -> None:
    admin = await edge.person(Role.ADMIN, "Ada")
    path = "/admin/certificate-templates"
    assert (await admin.ask("GET", f"{path}/all", 200))["heading"] == "Certificate of completion"
    early = await edge.person(name="Early Bird")
    await early.ask("POST", f"/courses/{course.id}/enroll", 201)
    await course.finish(early)
    first = await course.claim(201, early)

    words = {"heading": "Zeugnis", "statement": "hat bestanden", "signatory": "Die Schule", "accent": "#AA0000"}
    made = await admin.ask("PUT", f"{path}/{course.id}", 200, words)
    assert made == {**words, "accent": "#aa0000", "scope": course.id, "updatedAt": made["updatedAt"]}
    await admin.ask("PUT", f"{path}/all", 200, {**words, "heading": "For all"})
    await admin.ask("PUT", f"{path}/all", 200, {**words, "heading": "Of all"})
    page = await admin.ask("GET", f"{path}?limit=1", 200)
    rest = await admin.ask("GET", f"{path}?limit=1&cursor={page['nextCursor']}", 200)
    assert [each["heading"] for each in (*page["items"], *rest["items"])] == ["Of all", "Zeugnis"]
    assert rest["nextCursor"] is None

    await course.finish()
    certificate = await course.claim()
    printed = read((await download(course.student, certificate)).content)
    for word in ("Zeugnis", "hat bestanden", "Die Schule"):
        assert word in printed
    assert "Certificate of completion" in read((await download(early, first)).content)

    await admin.ask("DELETE", f"{path}/{course.id}", 204)
    assert (await admin.ask("GET", f"{path}/{course.id}", 200))["heading"] == "Of all"
    for wrong in ({"accent": "red"}, {"heading": "x" * 61}, {"heading": "a\u0000b"}, {"statement": ""}):
        await admin.ask("PUT", f"{path}/all", 422, wrong)
    await admin.ask("PUT", f"{path}/{new_id()}", 404, words)
    await course.teacher.ask("PUT", f"{path}/all", 403, words)


@pytest.mark.parametrize(
    "name",
    [
        '#import "/etc/passwd": * #panic() $x^2$ *b* _i_ `r` <l> @ref \\ [] {} // /* "q"',
        "محمد بن عبد الله",
        "דוד לוי",
        "\U0001f600 Sam \U0001f30a",
        "张伟",
        "x" * 200,
        "a" + "\u0301" * 50,
    ],
)
async def test_no_name_breaks_or_changes_the_page(edge: Any, name: str) -> None:
    course = await make_course(edge, name, name)
    await course.finish()
    certificate = await course.claim()
    words = read((await download(course.student, certificate)).content)
    assert certificate["number"] in words
    assert "Certificate of completion" in words
    if name.isascii():
        assert name in words.replace("\u200b", "").replace("\n", "" if "x" * 30 in words else " ")
    assert (await edge.visitor.get(f"/api/certificates/verify/{certificate['number']}")).json()["name"] == name


async def test_names_are_those_of_the_day_and_the_paper_is_the_same_to_the_byte(edge: Any, course: Course) -> None:
    await course.finish()
    certificate = await course.claim()
    before = (await download(course.student, certificate)).content
    await course.student.ask("PATCH", "/users/me", 200, {"name": "Somebody Else"})
    await course.sql("UPDATE courses SET title = 'Other' WHERE id = :id", id=course.id)
    assert (await download(course.student, certificate)).content == before
    await edge.run_jobs()
    assert (await download(course.student, certificate)).content == before
