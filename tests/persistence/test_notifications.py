import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from persistence.audit import Act, AuditFilter, AuditLog
from persistence.database import Database
from persistence.ids import new_id
from persistence.notifications import SPREAD_AT_ONCE, Announced, Audience, Notice, Notifications, notify, spread
from persistence.pages import BadCursor

NOTICE = Notice("milestone", "Half way", "You have done half.", {"courseId": "c", "percent": 50})


@pytest.fixture
def notifications(database: Database) -> Notifications:
    return Notifications(database)


async def tell(database: Database, users: list[Any], key: str, platform: Any, notice: Notice = NOTICE) -> int:
    async with database.writing() as connection:
        return await notify(connection, users, notice, platform.now, key)


async def jobs(database: Database, notice_id: str) -> list[str]:
    query = text("SELECT entrypoint FROM jobs.pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || :id || '%'")
    async with database.reading() as connection:
        return list((await connection.execute(query, {"id": notice_id})).scalars())


async def test_each_person_has_the_notice_once_however_often_its_cause_comes(
    platform: Any, database: Database, notifications: Notifications
) -> None:
    sam, kim, key = await platform.person(), await platform.person(), new_id()
    assert await tell(database, [sam, kim, sam, new_id()], key, platform) == 2
    assert await tell(database, [sam, kim], key, platform) == 0
    ann = await platform.person()
    assert await tell(database, [sam, ann], key, platform) == 1

    (row,) = (await notifications.list_of(sam, unread=False, limit=10, cursor=None)).items
    assert row.notice == NOTICE
    assert (row.created_at, row.read_at, row.course_id, row.timezone) == (platform.now, None, None, "UTC")
    assert await jobs(database, row.id) == ["notification.deliver"]
    assert await tell(database, [sam], "another " + key, platform) == 1


async def test_two_causes_at_once_tell_once(platform: Any, database: Database, notifications: Notifications) -> None:
    sam, key = await platform.person(), new_id()
    told = await asyncio.gather(*(tell(database, [sam], key, platform) for _ in range(8)))
    assert sorted(told) == [0] * 7 + [1]
    assert len((await notifications.list_of(sam, unread=True, limit=10, cursor=None)).items) == 1


async def test_what_is_undone_told_nobody(platform: Any, database: Database, notifications: Notifications) -> None:
    sam = await platform.person()

    async def fail() -> None:
        async with database.writing() as connection:
            assert await notify(connection, [sam], NOTICE, platform.now, "key") == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await notifications.count_unread(sam) == 0


async def test_reading_is_ones_own_and_keeps_its_first_moment(
    platform: Any, database: Database, notifications: Notifications
) -> None:
    sam, kim = await platform.person(), await platform.person()
    for number in range(3):
        await tell(database, [sam, kim], f"key {number}", platform)
    first = (await notifications.list_of(sam, unread=True, limit=1, cursor=None)).items[0]

    read = await notifications.read(sam, first.id, platform.now + 5)
    assert (read.id, read.read_at) == (first.id, platform.now + 5)
    assert (await notifications.read(sam, first.id, platform.now + 9)).read_at == platform.now + 5
    assert await notifications.read(sam, new_id(), platform.now) is None
    assert await notifications.read(await platform.person(), first.id, platform.now) is None
    assert (await notifications.count_unread(sam), await notifications.count_unread(kim)) == (2, 3)
    assert await notifications.count_unread(kim, at_most=2) == 2
    unread = (await notifications.list_of(sam, unread=True, limit=9, cursor=None)).items
    assert first.id not in [row.id for row in unread]
    assert await notifications.read_all(sam, platform.now + 9) == 2
    assert await notifications.read_all(sam, platform.now + 9) == 0
    assert await notifications.count_unread(kim) == 3


async def test_pages_neither_repeat_nor_skip_while_more_arrives(
    platform: Any, database: Database, notifications: Notifications
) -> None:
    sam = await platform.person()
    for number in range(5):
        await tell(database, [sam], f"key {number}", platform, Notice("milestone", str(number)))
    page = await notifications.list_of(sam, unread=False, limit=2, cursor=None)
    await tell(database, [sam], "late", platform)
    seen = [row.title for row in page.items]
    while page.next_cursor is not None:
        page = await notifications.list_of(sam, unread=False, limit=2, cursor=page.next_cursor)
        seen += [row.title for row in page.items]
    assert seen == ["4", "3", "2", "1", "0"]
    with pytest.raises(BadCursor):
        await notifications.list_of(sam, unread=False, limit=2, cursor="x")


async def test_an_announcement_reaches_who_is_in_the_course_now_and_repeats_nothing(
    platform: Any, database: Database, notifications: Notifications
) -> None:
    course_id = await platform.course()
    students = [await platform.person() for _ in range(3)]
    for student in students:
        await platform.enrollments.enroll(new_id(), course_id, student, platform.now)
    await platform.enrollments.leave(course_id, students[2], platform.now)
    notice_id, notice = new_id(), Notice("announcement", "No class", "On Monday.")
    for is_new in (True, False):
        told = await notifications.announce(notice_id, Audience(course_id), notice, platform.now)
        assert told == Announced(2, is_new)
    (row,) = (await notifications.list_of(students[0], unread=True, limit=5, cursor=None)).items
    assert (row.id, row.title, row.course_id) == (notice_id, "No class", course_id)
    assert await notifications.count_unread(students[2]) == 0
    assert await jobs(database, notice_id) == ["notification.deliver"]


async def test_an_announcement_to_a_role_is_spread_in_steps(
    platform: Any, database: Database, notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.notifications.SPREAD_AT_ONCE", 2)
    assert SPREAD_AT_ONCE == 10_000
    student, teachers = await platform.person(), [await platform.person("Ina", Role.INSTRUCTOR) for _ in range(5)]
    notice_id, notice = new_id(), Notice("announcement", "Maintenance")
    audience, act = Audience(role=Role.INSTRUCTOR), Act(student, "announcement.send", "role", "instructor")
    for is_new in (True, False):
        assert await notifications.announce(notice_id, audience, notice, platform.now, act) == Announced(None, is_new)
    assert len((await AuditLog(database).list_(AuditFilter(actor_id=student), 10, None)).items) == 1
    assert await jobs(database, notice_id) == ["notification.spread"]
    after, steps = None, 0
    while steps == 0 or after is not None:
        async with database.writing() as connection:
            again = await spread(connection, notice_id, "instructor", after)
            after = await spread(connection, notice_id, "instructor", after)
            assert again == after
        steps += 1
    assert steps > 2
    assert [await notifications.count_unread(teacher) for teacher in teachers] == [1] * 5
    assert await notifications.count_unread(student) == 0


async def test_an_announcement_to_some_people_reaches_those_of_them_that_there_are(
    platform: Any, database: Database, notifications: Notifications
) -> None:
    sam, notice_id = await platform.person(), new_id()
    audience = Audience(user_ids=(sam, sam, new_id()))
    told = await notifications.announce(notice_id, audience, Notice("announcement", "You"), platform.now)
    assert told == Announced(1, is_new=True)
    assert [row.id for row in (await notifications.list_of(sam, unread=True, limit=5, cursor=None)).items] == [notice_id]
    assert await jobs(database, notice_id) == ["notification.deliver"]
