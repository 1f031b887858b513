import asyncio
from typing import Any

from persistence.ids import new_id


async def test_enrolling_twice_is_enrolling_once(platform: Any) -> None:
    course, student = await platform.course(), await platform.person("Sam")
    row, new = await platform.enrollments.enroll(new_id(), course, student, platform.now)
    again, new_again = await platform.enrollments.enroll(new_id(), course, student, platform.now + 5)

    assert (new, new_again) == (True, False)
    assert again == row
    assert (row.course_title, row.instructor_name, row.user_name, row.left_at) == ("Tides", "Ina", "Sam", None)
    assert await platform.enrollments.find(row.id) == row
    assert await platform.enrollments.is_enrolled(course, student)


async def test_of_many_at_once_one_enrols(platform: Any) -> None:
    course, student = await platform.course(), await platform.person()
    enrol = platform.enrollments.enroll
    answers = await asyncio.gather(*(enrol(new_id(), course, student, platform.now) for _ in range(6)))
    assert [new for _, new in answers].count(True) == 1
    assert len({row.id for row, _ in answers}) == 1


async def test_who_leaves_is_out_and_may_come_back_under_the_same_id(platform: Any) -> None:
    course, student = await platform.course(), await platform.person()
    row, _ = await platform.enrollments.enroll(new_id(), course, student, platform.now)
    assert await platform.enrollments.leave(course, student, platform.now + 1) is True
    assert await platform.enrollments.leave(course, student, platform.now + 2) is False

    assert not await platform.enrollments.is_enrolled(course, student)
    assert (await platform.enrollments.find(row.id)).left_at == platform.now + 1
    assert await platform.enrollments.list_course_ids(student) == []
    back, new = await platform.enrollments.enroll(new_id(), course, student, platform.now + 3)
    assert (back.id, back.enrolled_at, back.left_at, new) == (row.id, platform.now + 3, None, True)


async def test_lists_show_who_is_in_now_the_latest_first_by_pages(platform: Any) -> None:
    course = await platform.course()
    students = [await platform.person(f"S{number}") for number in range(5)]
    for number, student in enumerate(students):
        # Two pairs at the same moment: the id breaks the tie.
        await platform.enrollments.enroll(new_id(), course, student, platform.now + number // 2)
    await platform.enrollments.leave(course, students[0], platform.now + 9)

    seen, cursor = [], None
    for _ in range(2):
        page = await platform.enrollments.list_of_course(course, 2, cursor)
        seen += [row.user_id for row in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == students[:0:-1]


async def test_a_students_list_leaves_deleted_courses_out(platform: Any) -> None:
    student, kept, gone = await platform.person(), await platform.course(), await platform.course()
    for course in (kept, gone):
        await platform.enrollments.enroll(new_id(), course, student, platform.now)
    await platform.courses.delete(gone, platform.now)

    page = await platform.enrollments.list_of_student(student, 10, None)
    assert [row.course_id for row in page.items] == [kept]
    assert await platform.enrollments.list_course_ids(student) == [kept]


async def test_a_course_counts_its_students_of_now(platform: Any) -> None:
    course, stays, goes = await platform.course(), await platform.person(), await platform.person()
    for student in (stays, goes):
        await platform.enrollments.enroll(new_id(), course, student, platform.now)
    await platform.enrollments.leave(course, goes, platform.now)
    assert (await platform.courses.find(course)).students == 1
