from typing import Any

from persistence.database import Database
from persistence.ids import new_id
from persistence.syllabus import Syllabus


async def test_nothing_is_found_where_nothing_is(platform: Any, database: Database) -> None:
    syllabus = Syllabus(database)
    course = await platform.course()
    assert await syllabus.outline(course) == []
    assert await syllabus.find_section(new_id()) is None
    assert await syllabus.find_lesson(new_id()) is None
    assert await syllabus.find_lesson_and_reader(new_id(), new_id()) is None
