import asyncio
from typing import Any

from classroom.callers import Role
from persistence.ids import new_id


async def test_a_student_enrols_once_and_may_leave_and_come_back(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    path = f"/courses/{await edge.course(teacher)}/enroll"
    first = await student.ask("POST", path, 201)
    assert (first["status"], first["userId"], first["course"]["title"]) == ("active", student.id, "Tides")
    assert await student.ask("POST", path, 200) == first
    assert await student.ask("DELETE", path, 204) is None
    assert await student.ask("DELETE", path, 204) is None
    assert (await student.ask("GET", f"/enrollments/{first['id']}", 200))["status"] == "left"
    assert (await student.ask("POST", path, 201))["id"] == first["id"]


async def test_a_key_repeats_the_first_answer(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    path = f"/courses/{await edge.course(teacher)}/enroll"
    first = await student.ask("POST", path, 201, Idempotency_Key="k")
    assert await student.ask("POST", path, 201, Idempotency_Key="k") == first


async def test_what_costs_money_is_not_given_away(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    course_id = await edge.course(teacher, priceMinor=1_900, currency="GBP")
    problem = await student.ask("POST", f"/courses/{course_id}/enroll", 402)
    assert problem["errorCode"] == "payment_required"
    assert problem["details"] == {"courseId": course_id, "price": {"amountMinor": 1_900, "currency": "GBP"}}


async def test_only_published_courses_take_students_and_only_students(edge: Any) -> None:
    teacher, student = await edge.person(Role.INSTRUCTOR), await edge.person()
    draft = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})
    for ident in (draft["id"], new_id(), "nonsense"):
        assert (await student.ask("POST", f"/courses/{ident}/enroll", 404))["errorCode"] == "not_found"
    published = await edge.course(teacher)
    assert (await teacher.ask("POST", f"/courses/{published}/enroll", 403))["errorCode"] == "forbidden"
    assert (await edge.visitor.post(f"/api/courses/{published}/enroll")).status_code == 401


async def test_a_course_takes_as_many_students_as_it_says_however_many_come_at_once(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course = await edge.course(teacher, maxStudents=3)
    path = f"/courses/{course}/enroll"
    students = [await edge.person(name=f"S{number}") for number in range(9)]
    answers = await asyncio.gather(*(student.client.post(f"/api{path}") for student in students))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 6
    assert {answer.json()["errorCode"] for answer in answers if answer.status_code == 409} == {"course_full"}
    inside = [student for student, answer in zip(students, answers, strict=True) if answer.status_code == 201]
    outside = [student for student in students if student not in inside]
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["studentCount"] == 3
    listed = await teacher.ask("GET", f"/instructor/courses/{course}/students", 200)
    assert {row["userId"] for row in listed["items"]} == {student.id for student in inside}
    assert (await outside[0].ask("GET", f"/courses/{course}", 200))["enrolled"] is False

    await inside[0].ask("POST", path, 200)
    await inside[0].ask("DELETE", path, 204)
    await outside[0].ask("POST", path, 201)
    assert (await inside[0].ask("POST", path, 409))["details"] == {"courseId": course}
    await teacher.ask("PATCH", f"/instructor/courses/{course}", 200, {"maxStudents": 1})
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["studentCount"] == 3
    await teacher.ask("PATCH", f"/instructor/courses/{course}", 200, {"maxStudents": None})
    await inside[0].ask("POST", path, 201)
    assert (await teacher.ask("GET", f"/courses/{course}", 200))["studentCount"] == 4


async def test_leaving_a_course_gives_its_seats_to_who_waits(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=2)
    first, second = lesson.students
    await first.ask("POST", f"{lesson.path}/join", 200)
    await second.ask("POST", f"{lesson.path}/join", 202)
    await first.ask("DELETE", f"/courses/{lesson.course_id}/enroll", 204)
    assert (await second.ask("GET", f"{lesson.path}/status", 200))["you"]["outcome"] == "seated"


async def test_an_enrolment_is_seen_by_whom_it_concerns(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student = lesson.students[0]
    enrolment = (await student.ask("GET", "/users/me/enrollments", 200))["items"][0]
    path = f"/enrollments/{enrolment['id']}"
    for who in (student, lesson.teacher, await edge.person(Role.ADMIN)):
        assert await who.ask("GET", path, 200) == enrolment
    assert (await (await edge.person()).ask("GET", path, 403))["errorCode"] == "forbidden"
    await student.ask("GET", f"/enrollments/{new_id()}", 404)
