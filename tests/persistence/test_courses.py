from typing import Any

import pytest

from classroom.callers import Role
from persistence.categories import Categories, CategoryRow
from persistence.courses import CourseFilter, CourseText
from persistence.database import Database
from persistence.ids import new_id
from persistence.pages import BadCursor
from tests.persistence.conftest import NOW


async def make_shelf(database: Database, slug: str = "") -> str:
    ident = new_id()
    await Categories(database).add(CategoryRow(ident, slug or f"sea-{ident}", "The sea", "", 1, 0), NOW)
    return ident


async def titles(platform: Any, narrowed: CourseFilter) -> list[str]:
    return [row.title for row in (await platform.courses.list_(narrowed, 100, None)).items]


async def test_a_new_course_is_a_draft_with_the_names_that_belong_to_it(platform: Any, database: Database) -> None:
    teacher = await platform.person("Ina", Role.INSTRUCTOR)
    shelf = await make_shelf(database)
    course_id = new_id()
    text = CourseText("Tides & Moons", summary="Why", category_id=shelf, price_minor=1_900)
    row = await platform.courses.create(course_id, teacher, text, platform.now)

    assert (row.status, row.instructor_name, row.category_name, row.students) == ("draft", "Ina", "The sea", 0)
    assert (row.title, row.summary, row.price_minor, row.published_at) == ("Tides & Moons", "Why", 1_900, None)
    assert row.slug == f"tides-moons-{course_id[-12:]}"
    assert await platform.courses.find(course_id) == row
    assert await platform.courses.find(new_id()) is None


async def test_the_same_request_again_makes_no_second_course(platform: Any) -> None:
    teacher = await platform.person(role=Role.INSTRUCTOR)
    course_id = new_id()
    first = await platform.courses.create(course_id, teacher, CourseText("Once"), platform.now)
    assert await platform.courses.create(course_id, teacher, CourseText("Twice"), platform.now) == first


async def test_the_catalogue_is_narrowed_by_words_shelf_price_and_state(platform: Any, database: Database) -> None:
    teacher = await platform.person(role=Role.INSTRUCTOR)
    slug = f"sea-{new_id()}"
    shelf = await make_shelf(database, slug)
    await platform.course(teacher, title="Tides of 100%_sure", summary="the Moon", category_id=shelf)
    await platform.course(teacher, title="Knots", difficulty="advanced", price_minor=500)
    await platform.course(teacher, "draft", title="Draft")

    def mine(**narrowed: Any) -> CourseFilter:
        return CourseFilter(instructor_id=teacher, **narrowed)

    assert await titles(platform, mine()) == ["Draft", "Knots", "Tides of 100%_sure"]
    assert await titles(platform, mine(status="published", sort="oldest")) == ["Tides of 100%_sure", "Knots"]
    assert await titles(platform, mine(words="MOON tides")) == ["Tides of 100%_sure"]
    assert await titles(platform, mine(words="100% sur")) == ["Tides of 100%_sure"]
    assert await titles(platform, mine(words="%_&|!")) == []
    assert await titles(platform, mine(category=slug)) == ["Tides of 100%_sure"]
    assert await titles(platform, mine(category="no-such-shelf")) == []
    assert await titles(platform, mine(difficulty="advanced")) == ["Knots"]
    assert await titles(platform, mine(free=False)) == ["Knots"]
    assert await titles(platform, mine(free=True, status="published")) == ["Tides of 100%_sure"]


@pytest.mark.parametrize("sort", ["newest", "oldest", "title"])
async def test_pages_neither_repeat_nor_skip(platform: Any, sort: str) -> None:
    teacher = await platform.person(role=Role.INSTRUCTOR)
    made = [await platform.course(teacher, title=title) for title in ("b", "A", "c", "a", "B")]
    narrowed = CourseFilter(instructor_id=teacher, sort=sort)
    whole = [row.id for row in (await platform.courses.list_(narrowed, 100, None)).items]
    assert sorted(whole) == sorted(made)

    seen, cursor = [], None
    for _ in range(3):
        page = await platform.courses.list_(narrowed, 2, cursor)
        seen += [row.id for row in page.items]
        cursor = page.next_cursor
    assert seen == whole
    assert cursor is None
    ordered = {"newest": made[::-1], "oldest": made}
    if sort != "title":
        assert whole == ordered[sort]


@pytest.mark.parametrize("cursor", ["", "x", "bm9wZQ", "WzFd", "WyJub3QtYW4taWQiXQ", "é"])
async def test_a_cursor_from_elsewhere_is_refused(platform: Any, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await platform.courses.list_(CourseFilter(), 2, cursor)


async def test_a_course_moves_only_from_where_it_may(platform: Any) -> None:
    course_id = await platform.course(status="draft")
    move = platform.courses.move

    assert await move(course_id, ("pending",), "published", platform.now) is None
    assert (await move(course_id, ("draft",), "pending", platform.now)).status == "pending"
    assert (await move(course_id, ("draft",), "pending", platform.now)).status == "pending"
    rejected = await move(course_id, ("pending",), "rejected", platform.now, "Too short.")
    assert (rejected.status, rejected.rejection_reason) == ("rejected", "Too short.")
    await move(course_id, ("rejected",), "pending", platform.now)
    published = await move(course_id, ("pending",), "published", platform.now)
    assert (published.published_at, published.rejection_reason) == (platform.now, None)
    assert await move(new_id(), ("draft",), "pending", platform.now) is None


async def test_a_course_changes_where_it_is_asked_to_and_nowhere_else(platform: Any) -> None:
    course_id = await platform.course()
    changes = {"title": "New", "summary": "", "status": "draft", "instructor_id": new_id()}
    revised = await platform.courses.revise(course_id, changes, platform.now + 1)
    assert (revised.title, revised.status, revised.updated_at) == ("New", "published", platform.now + 1)
    assert await platform.courses.revise(new_id(), {"title": "X"}, platform.now) is None


async def test_a_deleted_course_is_nowhere(platform: Any) -> None:
    teacher = await platform.person(role=Role.INSTRUCTOR)
    course_id = await platform.course(teacher)
    assert await platform.courses.list_ids_of(teacher) == [course_id]
    assert await platform.courses.delete(course_id, platform.now) is True

    assert await platform.courses.delete(course_id, platform.now) is False
    assert await platform.courses.find(course_id) is None
    assert await platform.courses.list_ids_of(teacher) == []
    assert await titles(platform, CourseFilter(instructor_id=teacher)) == []
