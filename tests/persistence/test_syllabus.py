import asyncio
from typing import Any

import pytest

from classroom.catalogue.arrangement import OrderIncomplete
from classroom.ids import CourseId, LessonId
from classroom.refusals import NotFound, TooMany
from persistence import arranging
from persistence.arranging import NewLesson, NewSection
from persistence.database import Database
from persistence.ids import new_id
from persistence.syllabus import Syllabus
from tests.persistence.conftest import NOW


@pytest.fixture
def syllabus(database: Database) -> Syllabus:
    return Syllabus(database)


async def section_in(syllabus: Syllabus, course: CourseId, title: str = "Part", at: int | None = None) -> str:
    ident = new_id()
    assert await syllabus.add_section(NewSection(ident, course, title, at=at), NOW) is None
    return ident


async def lesson_in(syllabus: Syllabus, section: str, at: int | None = None, **words: Any) -> str:
    ident = LessonId(new_id())
    new = NewLesson(ident, section, **{"type": "article", "title": "Lesson", "at": at, **words})
    assert await syllabus.add_lesson(new, NOW) is None
    return ident


async def order_of(syllabus: Syllabus, course: CourseId) -> list[tuple[str, list[str]]]:
    """The ids in their order. Positions must be 0, 1, 2, …"""
    outline = await syllabus.outline(course)
    assert [each.section.position for each in outline] == list(range(len(outline)))
    for each in outline:
        assert [lesson.position for lesson in each.lessons] == list(range(len(each.lessons)))
    return [(each.section.id, [str(lesson.id) for lesson in each.lessons]) for each in outline]


async def test_nothing_is_found_where_nothing_is(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    assert await syllabus.outline(course) == []
    assert await syllabus.find_section(new_id()) is None
    assert await syllabus.find_lesson(new_id()) is None
    assert await syllabus.find_lesson_and_reader(new_id(), new_id()) is None
    assert await syllabus.add_section(NewSection(new_id(), CourseId(new_id()), "X"), NOW) is not None
    nowhere = NewLesson(LessonId(new_id()), new_id(), "article", "X")
    assert isinstance(await syllabus.add_lesson(nowhere, NOW), NotFound)
    assert not await syllabus.delete_section(new_id(), NOW)
    assert not await syllabus.delete_lesson(new_id(), NOW)


async def test_lessons_stand_where_they_are_put(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    last = await section_in(syllabus, course)
    first = await section_in(syllabus, course, at=0)
    b = await lesson_in(syllabus, last)
    c = await lesson_in(syllabus, last, at=99)
    a = await lesson_in(syllabus, last, at=0)
    assert await order_of(syllabus, course) == [(first, []), (last, [a, b, c])]
    lesson = await syllabus.find_lesson(b)
    assert lesson is not None
    assert (lesson.course_id, lesson.section_id, lesson.type, lesson.position) == (course, last, "article", 1)


async def test_the_same_request_again_makes_no_second_one(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    section, lesson = NewSection(new_id(), course, "Once"), LessonId(new_id())
    for title in ("Once", "Twice"):
        assert await syllabus.add_section(section, NOW) is None
        assert await syllabus.add_lesson(NewLesson(lesson, section.id, "article", title), NOW) is None
    assert await order_of(syllabus, course) == [(section.id, [lesson])]
    found = await syllabus.find_lesson(lesson)
    assert found is not None
    assert found.title == "Once"


async def test_an_order_names_everything_once_or_changes_nothing(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    section, other = await section_in(syllabus, course), await section_in(syllabus, course)
    a, b, c = [await lesson_in(syllabus, section) for _ in range(3)]
    foreign = await lesson_in(syllabus, other)
    before = await order_of(syllabus, course)

    assert await syllabus.order_lessons(section, [a, b], NOW) == OrderIncomplete((c,), (), ())
    assert await syllabus.order_lessons(section, [a, b, c, foreign], NOW) == OrderIncomplete((), (foreign,), ())
    assert await syllabus.order_lessons(section, [a, b, c, a], NOW) == OrderIncomplete((), (), (a,))
    assert await syllabus.order_lessons(section, ["nonsense"], NOW) == OrderIncomplete((a, b, c), ("nonsense",), ())
    assert isinstance(await syllabus.order_lessons(new_id(), [a], NOW), NotFound)
    assert isinstance(await syllabus.order_sections(course, [other], NOW), OrderIncomplete)
    assert await order_of(syllabus, course) == before

    assert await syllabus.order_lessons(section, [c, a, b], NOW) is None
    assert await syllabus.order_sections(course, [other, section], NOW) is None
    assert await order_of(syllabus, course) == [(other, [foreign]), (section, [c, a, b])]


async def test_a_lesson_moves_within_its_course_and_nowhere_else(platform: Any, syllabus: Syllabus) -> None:
    course, elsewhere = await platform.course(), await platform.course()
    one, two = await section_in(syllabus, course), await section_in(syllabus, course)
    foreign = await section_in(syllabus, elsewhere)
    a, b = [await lesson_in(syllabus, one) for _ in range(2)]
    c = await lesson_in(syllabus, two)
    row = await syllabus.find_lesson(a)
    assert row is not None

    assert await syllabus.revise_lesson(row, {"title": "New"}, two, 0, NOW) is None
    assert await order_of(syllabus, course) == [(one, [b]), (two, [a, c])]
    assert await syllabus.revise_lesson(row, {}, None, 1, NOW) is None
    assert await order_of(syllabus, course) == [(one, [b]), (two, [c, a])]
    refused = await syllabus.revise_lesson(row, {"title": "Lost"}, foreign, 0, NOW)
    assert refused == NotFound("section", foreign)
    assert await order_of(syllabus, course) == [(one, [b]), (two, [c, a])]
    found = await syllabus.find_lesson(a)
    assert found is not None
    assert found.title == "New"


async def test_what_is_deleted_leaves_no_hole_and_is_not_counted(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    one, two = await section_in(syllabus, course), await section_in(syllabus, course)
    a, b, c = [await lesson_in(syllabus, one, type="video", duration_seconds=60) for _ in range(3)]
    await lesson_in(syllabus, two)
    counted = await platform.courses.find(course)
    assert (counted.lesson_count, counted.duration_seconds) == (4, 180)

    assert await syllabus.delete_lesson(b, NOW)
    assert not await syllabus.delete_lesson(b, NOW)
    assert await syllabus.find_lesson(b) is None
    assert await syllabus.delete_section(two, NOW)
    assert await order_of(syllabus, course) == [(one, [a, c])]
    counted = await platform.courses.find(course)
    assert (counted.lesson_count, counted.duration_seconds) == (2, 120)
    await platform.courses.delete(course, NOW)
    assert await syllabus.find_lesson(a) is None


async def test_a_course_has_a_bounded_number_of_sections(
    platform: Any, syllabus: Syllabus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arranging, "MOST_SECTIONS", 2)
    monkeypatch.setattr(arranging, "MOST_LESSONS", 1)
    course = await platform.course()
    section = await section_in(syllabus, course)
    other = await section_in(syllabus, course)
    assert await syllabus.add_section(NewSection(new_id(), course, "X"), NOW) == TooMany("sections", 2)
    await lesson_in(syllabus, section)
    assert await syllabus.add_lesson(NewLesson(LessonId(new_id()), other, "article", "X"), NOW) == TooMany("lessons", 1)


async def test_many_at_once_leave_neither_holes_nor_doubles(platform: Any, syllabus: Syllabus) -> None:
    course = await platform.course()
    one, two = await section_in(syllabus, course), await section_in(syllabus, course)
    kept = [await lesson_in(syllabus, one) for _ in range(4)]
    gone = [await lesson_in(syllabus, one) for _ in range(2)]
    rows = [await syllabus.find_lesson(each) for each in kept]
    assert all(row is not None for row in rows)

    added = await asyncio.gather(
        *(lesson_in(syllabus, one, at=number % 3) for number in range(4)),
        *(lesson_in(syllabus, two) for _ in range(3)),
        *(section_in(syllabus, course, at=0) for _ in range(3)),
        *(syllabus.order_lessons(one, [*reversed(kept), *gone], NOW) for _ in range(2)),
        *(syllabus.revise_lesson(row, {}, two, 0, NOW) for row in rows[:2] if row is not None),
        *(syllabus.delete_lesson(each, NOW) for each in gone),
        *(syllabus.order_sections(course, [two, one], NOW) for _ in range(2)),
    )
    order = dict(await order_of(syllabus, course))
    lessons = [lesson for inside in order.values() for lesson in inside]
    assert sorted(lessons) == sorted([*added[:7], *kept])
    assert set(kept[:2]) <= set(order[two])
    assert len(order) == 5
    assert (await platform.courses.find(course)).lesson_count == 11
