import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import text

from persistence.database import Database
from persistence.ids import new_id
from persistence.reviews import NewReview, Reviews, hide, take_away


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


async def rating(database: Database, course_id: str) -> tuple[int, int, int, int]:
    """What the course's row says, and what is there."""
    query = text(
        """
        SELECT rating_sum, rating_count, (SELECT coalesce(sum(rating), 0) FROM reviews r WHERE r.course_id = c.id
            AND hidden_at IS NULL), (SELECT count(*) FROM reviews r WHERE r.course_id = c.id AND hidden_at IS NULL)
        FROM courses c WHERE id = CAST(:id AS uuid)
        """
    )
    async with database.reading() as connection:
        return tuple((await connection.execute(query, {"id": course_id})).one())  # type: ignore[return-value]  # four numbers


async def student(platform: Any, course_id: str) -> Any:
    user_id = await platform.person()
    await platform.enrollments.enroll(new_id(), course_id, user_id, platform.now)
    return user_id


def review(course_id: Any, user_id: Any, stars: int = 4, words: str = "Good.") -> NewReview:
    return NewReview(new_id(), course_id, user_id, stars, words)


async def test_a_student_reviews_once_and_the_course_counts_it(platform: Any, database: Database, reviews: Reviews) -> None:
    course_id = await platform.course()
    sam, stranger = await student(platform, course_id), await platform.person()
    first = review(course_id, sam)
    row = await reviews.add(first, platform.now)
    assert row is not None
    assert (row.user_name, row.rating, row.text, row.created_at) == ("Sam", 4, "Good.", platform.now)
    assert await reviews.add(first, platform.now) == row
    assert await reviews.add(review(course_id, sam, 1), platform.now) is None
    assert await reviews.add(review(course_id, stranger, 1), platform.now) is None
    assert (await reviews.find_of(course_id, sam), await reviews.find_of(course_id, stranger)) == (row.id, None)
    assert await rating(database, course_id) == (4, 1, 4, 1)

    revised = await reviews.revise(row.id, 2, None, platform.now + 1)
    assert revised is not None
    assert (revised.rating, revised.text, revised.updated_at) == (2, "Good.", platform.now + 1)
    assert await rating(database, course_id) == (2, 1, 2, 1)
    assert (await reviews.revise(row.id, None, "Hm.", platform.now + 1)) is not None
    assert await reviews.delete(row.id, platform.now) is True
    assert await reviews.delete(row.id, platform.now) is False
    assert await reviews.revise(row.id, 5, None, platform.now) is None
    assert await rating(database, course_id) == (0, 0, 0, 0)


async def test_who_has_left_the_course_writes_no_review(platform: Any, reviews: Reviews) -> None:
    course_id = await platform.course()
    sam = await student(platform, course_id)
    await platform.enrollments.leave(course_id, sam, platform.now)
    assert await reviews.add(review(course_id, sam), platform.now) is None


async def test_the_instructor_is_told_once(platform: Any, database: Database, reviews: Reviews) -> None:
    teacher = await platform.person("Ina")
    course_id = await platform.course(teacher)
    written = review(course_id, await student(platform, course_id), 5)
    for _ in range(2):
        await reviews.add(written, platform.now)
    query = text(
        "SELECT o.title FROM notifications n JOIN notices o ON o.id = n.notice_id WHERE n.user_id = CAST(:id AS uuid)"
    )
    async with database.reading() as connection:
        assert list((await connection.execute(query, {"id": teacher})).scalars()) == ["★★★★★ for Tides"]


async def test_a_hidden_review_counts_no_more_and_stays_the_students_only_one(
    platform: Any, database: Database, reviews: Reviews
) -> None:
    course_id = await platform.course()
    sam = await student(platform, course_id)
    row = await reviews.add(review(course_id, sam), platform.now)
    assert row is not None
    for hidden in (True, False):
        async with database.writing() as connection:
            assert await hide(connection, row.id, platform.now) is hidden
    assert await rating(database, course_id) == (0, 0, 0, 0)
    assert await reviews.find(row.id) is None
    assert (await reviews.list_of(course_id, 5, None)).items == []
    assert await reviews.add(review(course_id, sam), platform.now) is None
    assert await reviews.revise(row.id, 1, None, platform.now) is None
    async with database.writing() as connection:
        assert await take_away(connection, row.id) is True
    assert await rating(database, course_id) == (0, 0, 0, 0)


async def test_sum_and_count_are_exact_whatever_happens_at_once(platform: Any, database: Database, reviews: Reviews) -> None:
    course_id = await platform.course()
    people = [await student(platform, course_id) for _ in range(5)]
    chance = random.Random(4)
    known: list[str] = []

    async def act() -> None:
        kind = chance.choice(["add", "add", "revise", "delete", "hide"])
        if kind == "add" or not known:
            made = await reviews.add(review(course_id, chance.choice(people), chance.randint(1, 5)), platform.now)
            known.extend([made.id] if made is not None else [])
        elif kind == "revise":
            await reviews.revise(chance.choice(known), chance.randint(1, 5), None, platform.now)
        elif kind == "delete":
            await reviews.delete(chance.choice(known), platform.now)
        else:
            async with database.writing() as connection:
                await hide(connection, chance.choice(known), platform.now)

    for _ in range(6):
        await asyncio.gather(*(act() for _ in range(8)))
        said = await rating(database, course_id)
        assert said[:2] == said[2:]


async def test_pages_of_reviews_are_the_latest_first_and_whole(platform: Any, reviews: Reviews) -> None:
    course_id = await platform.course()
    made = []
    for stars in range(1, 6):
        row = await reviews.add(review(course_id, await student(platform, course_id), stars), platform.now)
        assert row is not None
        made.append(row)
    first = await reviews.list_of(course_id, 3, None)
    rest = await reviews.list_of(course_id, 3, first.next_cursor)
    assert [*first.items, *rest.items] == made[::-1]
    assert rest.next_cursor is None
