from typing import Any

from persistence.ids import new_id
from persistence.roster import Student


async def test_only_active_students_of_the_course_are_found(live: Any) -> None:
    lesson, other = await live.make_class(), await live.make_class()
    inside, unasked, banned, elsewhere, stranger = (new_id() for _ in range(5))
    await live.enroll(lesson.course_id, inside, "Ida")
    await live.enroll(lesson.course_id, unasked, "Uwe")
    await live.enroll(lesson.course_id, banned, "Bo", active=False)
    await live.enroll(other.course_id, elsewhere, "Eva")

    found = await live.roster.find_students(lesson.course_id, [inside, banned, elsewhere, stranger, inside])

    assert found == {inside: Student("Ida")}
    assert await live.roster.find_students(lesson.course_id, []) == {}


async def test_who_left_the_course_is_not_found(postgres_live: Any) -> None:
    lesson, student = await postgres_live.make_class(), new_id()
    await postgres_live.enroll(lesson.course_id, student, "Ida")
    await postgres_live.pool.execute("UPDATE enrollments SET left_at = now() WHERE user_id = $1", student)

    assert await postgres_live.roster.find_students(lesson.course_id, [student]) == {}


async def test_a_deleted_account_is_not_found(postgres_live: Any) -> None:
    lesson, student = await postgres_live.make_class(), new_id()
    await postgres_live.enroll(lesson.course_id, student, "Ida")
    await postgres_live.pool.execute("UPDATE users SET deleted_at = now() WHERE id = $1", student)

    assert await postgres_live.roster.find_students(lesson.course_id, [student]) == {}
