import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.database import Database
from persistence.ids import new_id
from persistence.media import MOST_PENDING, Media, MediaRow, NewMedia, TooMany

DAY = 86_400 * SECOND
SUM = bytes(range(32))


@pytest.fixture
def media(database: Database) -> Media:
    """The store."""
    return Media(database)


async def announced(platform: Any, **changes: Any) -> NewMedia:
    owner = changes.pop("owner_id", None) or await platform.person("Ina", Role.INSTRUCTOR)
    course = changes.pop("course_id", None) or await platform.course(owner)
    expires = Moment(platform.now + 3_600 * SECOND)
    new = NewMedia(new_id(), "lesson", course, owner, "tide.mp4", "video/mp4", 1_000, None, expires)
    return replace(new, **changes)


async def make(media: Media, platform: Any, **changes: Any) -> MediaRow:
    row = await media.announce(await announced(platform, **changes), None, platform.now)
    assert isinstance(row, MediaRow)
    return row


async def ready(media: Media, platform: Any, **changes: Any) -> MediaRow:
    row = await make(media, platform, **changes)
    await media.receive(row.id, "k", SUM)
    done = await media.accept(row.id, "k", SUM, platform.now)
    assert done is not None
    return done


async def test_a_file_is_pending_until_its_bytes_were_accepted(media: Media, platform: Any) -> None:
    new = await announced(platform, sha256="ab" * 32)
    row = await media.announce(new, None, platform.now)
    assert isinstance(row, MediaRow)
    assert (row.status, row.object_key, row.announced_sha256) == ("pending", None, b"\xab" * 32)
    assert await media.announce(replace(new, filename="else"), None, platform.now) == row

    assert await media.accept(row.id, "first", SUM, platform.now) is None
    assert await media.receive(row.id, "first", SUM) == (True, None)
    assert await media.receive(row.id, "second", SUM) == (True, "first")
    assert await media.accept(row.id, "first", SUM, platform.now) is None
    done = await media.accept(row.id, "second", SUM, platform.now)
    assert done is not None
    assert (done.status, done.object_key, done.ready_at) == ("ready", "second", platform.now)
    assert await media.find(row.id) == done


async def test_what_is_ready_or_rejected_stays_so(media: Media, platform: Any) -> None:
    done, liar = await ready(media, platform), await make(media, platform)
    await media.receive(liar.id, "k", SUM)
    assert await media.reject(liar.id, "k", "It is another.")
    for row in (done, liar):
        assert await media.receive(row.id, "late", SUM) == (False, None)
        assert not await media.begin_check(row.id, "k")
        assert not await media.reject(row.id, "k", "no")
        assert await media.accept(row.id, "k", SUM, platform.now) is None
    found = await media.find(liar.id)
    assert found is not None
    assert (found.status, found.rejection) == ("rejected", "It is another.")


async def test_of_two_that_end_an_upload_at_once_one_does(media: Media, platform: Any) -> None:
    row = await make(media, platform)
    await media.receive(row.id, "k", SUM)
    ends = await asyncio.gather(*(media.accept(row.id, "k", SUM, platform.now) for _ in range(4)))
    assert sum(each is not None for each in ends) == 1


async def test_nobody_announces_without_end(media: Media, platform: Any) -> None:
    owner = await platform.person("Ina", Role.INSTRUCTOR)
    course = await platform.course(owner)
    first = await announced(platform, owner_id=owner, course_id=course)
    made = await asyncio.gather(
        *(media.announce(replace(first, id=new_id()), None, platform.now) for _ in range(MOST_PENDING + 5))
    )
    assert sum(isinstance(row, MediaRow) for row in made) == MOST_PENDING
    assert TooMany("uploads", MOST_PENDING) in made


async def test_what_a_person_stores_is_bounded_by_purpose(media: Media, platform: Any) -> None:
    first = await announced(platform, purpose="submission", size_bytes=600)
    other = replace(first, id=new_id(), size_bytes=500)
    assert isinstance(await media.announce(first, 1_000, platform.now), MediaRow)
    assert isinstance(await media.announce(first, 1_000, platform.now), MediaRow)  # the same again counts once
    assert await media.announce(other, 1_000, platform.now) == TooMany("bytes", 1_000)
    assert isinstance(await media.announce(replace(other, size_bytes=400), 1_000, platform.now), MediaRow)


async def test_what_was_never_finished_is_forgotten_a_day_after_its_time(media: Media, platform: Any) -> None:
    waiting, done = await make(media, platform), await ready(media, platform)
    just_over, long_over = Moment(waiting.expires_at + SECOND), Moment(waiting.expires_at + DAY + SECOND)
    assert waiting.id not in await media.reject_expired(just_over, 1_000)
    found = await media.reject_expired(long_over, 1_000)
    assert waiting.id in found
    assert done.id not in found
    assert await media.receive(waiting.id, "late", SUM) == (False, None)
    for row in (waiting, done):
        await media.forget(row.id)
    assert await media.find(waiting.id) is None
    assert await media.find(done.id) is not None


async def a_lesson(database: Database, course_id: str, media_id: str | None) -> str:
    section, lesson = new_id(), new_id()
    async with database.writing() as connection:
        await connection.execute(
            text("INSERT INTO sections (id, course_id, title, position) VALUES (:id, :course, 'Sea', 0)"),
            {"id": section, "course": course_id},
        )
        await connection.execute(
            text(
                "INSERT INTO lessons (id, section_id, course_id, type, title, position, media_id)"
                " VALUES (:id, :section, :course, 'video', 'Tide', 0, :media)"
            ),
            {"id": lesson, "section": section, "course": course_id, "media": media_id},
        )
    return lesson


async def test_a_lesson_shows_files_of_its_own_course_only(media: Media, platform: Any, database: Database) -> None:
    mine, theirs = await ready(media, platform), await ready(media, platform)
    await a_lesson(database, str(mine.course_id), mine.id)
    with pytest.raises(IntegrityError):
        await a_lesson(database, str(mine.course_id), theirs.id)


async def test_the_length_of_a_video_reaches_its_lessons(media: Media, platform: Any, database: Database) -> None:
    row = await ready(media, platform)
    lesson = await a_lesson(database, str(row.course_id), row.id)
    await media.note_playback(row.id, 93, [360, 720], True, platform.now)  # noqa: FBT003 - one value of a record
    found = await media.find(row.id)
    assert found is not None
    assert (found.duration_seconds, found.renditions, found.has_poster) == (93, (360, 720), True)
    async with database.reading() as connection:
        asked = text("SELECT duration_seconds FROM lessons WHERE id = :id")
        assert (await connection.execute(asked, {"id": lesson})).scalar_one() == 93


async def test_views_are_one_row_a_person_lesson_and_day(media: Media, platform: Any, database: Database) -> None:
    row = await ready(media, platform)
    lesson: Any = await a_lesson(database, str(row.course_id), row.id)
    sam, eva = await platform.person("Sam"), await platform.person("Eva")
    await asyncio.gather(*(media.count_view(sam, lesson, Moment(platform.now + n)) for n in range(5)))
    await media.count_view(eva, lesson, platform.now)
    await media.count_view(sam, lesson, Moment(platform.now + DAY))

    seen, cursor = [], None
    while True:
        page = await media.list_views(lesson, 1, cursor)
        seen += [(each.user_name, each.views, each.last_at) for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [("Sam", 1, platform.now + DAY), ("Eva", 1, platform.now), ("Sam", 5, platform.now + 4)]
