import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from classroom.callers import Role
from classroom.times import Moment, from_datetime
from persistence.database import Database
from persistence.events import EventMonths
from persistence.ids import new_id
from persistence.platform_settings import PlatformSettings, PlatformSettingsStore
from persistence.statistics import PLATFORM, Statistics


@pytest.fixture
def figures(database: Database) -> Statistics:
    return Statistics(database)


async def run(database: Database, statement: str, **values: Any) -> Any:
    async with database.writing() as connection:
        return await connection.execute(text(statement), values)


async def progress(database: Database, course_id: str, user_id: str, thousandths: int) -> None:
    await run(
        database,
        "INSERT INTO course_progress (course_id, user_id, thousandths, version, told, completed_at, updated_at) "
        "SELECT :course, :user, n, 0, '{}', CASE WHEN n >= 1000 THEN now() END, now() "
        "FROM (SELECT CAST(:so_far AS smallint)) AS so_far (n) "
        "ON CONFLICT (course_id, user_id) DO UPDATE SET thousandths = EXCLUDED.thousandths, "
        "completed_at = coalesce(course_progress.completed_at, EXCLUDED.completed_at)",
        course=course_id,
        user=user_id,
        so_far=thousandths,
    )


async def test_enrolments_are_counted_as_they_come_and_go(platform: Any, figures: Statistics) -> None:
    course_id, student, other = await platform.course(), await platform.person(), await platform.person()
    await platform.enrollments.enroll(new_id(), course_id, student, platform.now)
    await platform.enrollments.enroll(new_id(), course_id, other, platform.now)
    await platform.enrollments.enroll(new_id(), course_id, other, platform.now)
    await platform.enrollments.leave(course_id, student, platform.now)
    await platform.enrollments.leave(course_id, student, platform.now)
    await platform.enrollments.enroll(new_id(), course_id, student, platform.now)
    await platform.enrollments.leave(course_id, student, platform.now)
    for _ in range(2):  # the same before and after the changes are added up
        totals = await figures.totals(course_id)
        assert (totals["students"], totals["learners"]) == (1, 2)
        (today,) = await figures.days(course_id, date(2020, 1, 1))
        assert today.figures == {"enrolled": 3, "left": 2}
        while await figures.add_up():
            pass
    kinds = [event.kind for event in await figures.latest(course_id)]
    assert sorted(kinds) == ["enrolled", "enrolled", "enrolled", "left", "left"]
    assert (await figures.latest(course_id))[0].user_name == "Sam"


async def test_progress_is_a_funnel_that_follows_what_is_written(
    platform: Any, database: Database, figures: Statistics
) -> None:
    course_id, lesson_id = await platform.course(), new_id()
    learners = [await platform.person() for _ in range(4)]
    for learner, steps in zip(learners, ([0], [100, 300], [500, 750, 600], [999, 1000, 1000]), strict=True):
        for so_far in steps:
            await progress(database, course_id, learner, so_far)
    totals = await figures.totals(course_id)
    names = ("progress.begun", "progress.25", "progress.50", "progress.75", "progress.100", "progress.sum")
    assert [totals.get(name, 0) for name in names] == [3, 3, 2, 1, 1, 1900]
    done = (
        "INSERT INTO lesson_progress (user_id, course_id, lesson_id, completed_at, watched, position, unspent, passed, "
        "updated_at) VALUES (:user, :course, :lesson, :at, '{}', 0, 0, false, now()) "
        "ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET completed_at = EXCLUDED.completed_at"
    )
    for at in (None, datetime.now(UTC), datetime.now(UTC)):
        await run(database, done, user=learners[0], course=course_id, lesson=lesson_id, at=at)
    assert (await figures.totals(course_id))[f"lesson:{lesson_id}"] == 1
    kinds = [event.kind for event in await figures.latest(course_id)]
    assert sorted(kinds) == ["course_completed", "lesson_completed"]


async def test_counting_anew_comes_to_the_same(platform: Any, database: Database, figures: Statistics) -> None:
    course_id = await platform.course()
    for _ in range(3):
        student = await platform.person()
        await platform.enrollments.enroll(new_id(), course_id, student, Moment(from_datetime(datetime.now(UTC))))
        await progress(database, course_id, student, 500)
    before = (
        await figures.totals(course_id),
        await figures.totals(PLATFORM),
        await figures.days(course_id, datetime.now(UTC).date()),
    )
    await run(database, "SELECT recount_statistics()")
    after = (
        await figures.totals(course_id),
        await figures.totals(PLATFORM),
        await figures.days(course_id, datetime.now(UTC).date()),
    )
    assert [{k: v for k, v in each.items() if v} for each in before[:2]] == [dict(each) for each in after[:2]]
    assert before[2] == after[2]


async def test_many_may_add_up_at_once(platform: Any, database: Database, figures: Statistics) -> None:
    course_id = await platform.course()
    for _ in range(5):
        await platform.enrollments.enroll(new_id(), course_id, await platform.person(), platform.now)
    await asyncio.gather(*(figures.add_up() for _ in range(4)))
    assert await figures.add_up() == 0
    assert (await figures.totals(course_id))["students"] == 5


async def test_the_platform_counts_people_by_role(platform: Any, database: Database, figures: Statistics) -> None:
    before = await figures.totals(PLATFORM)
    person = await platform.person()
    await run(database, "UPDATE users SET role = 'instructor' WHERE id = :id", id=person)
    await run(database, "UPDATE users SET name = 'Other' WHERE id = :id", id=person)
    banned = await platform.person(role=Role.INSTRUCTOR)
    await run(database, "UPDATE users SET status = 'banned' WHERE id = :id", id=banned)
    after = await figures.totals(PLATFORM)
    moved = {name: after[name] - before.get(name, 0) for name in after if name.startswith("users.")}
    assert {name: by for name, by in moved.items() if by} == {"users.instructor": 1, "users.instructor.banned": 1}


@pytest.fixture
async def months(database: Database) -> AsyncIterator[EventMonths]:
    yield EventMonths(database)
    await run(database, "DELETE FROM events WHERE kind = 'test'")


async def test_months_are_made_ahead_filled_and_dropped(database: Database, months: EventMonths) -> None:
    at = datetime(2031, 11, 15, tzinfo=UTC)
    await run(
        database, "INSERT INTO events (at, kind) VALUES (:a, 'test'), (:b, 'test')", a=at, b=datetime(2031, 9, 1, tzinfo=UTC)
    )
    now = Moment(from_datetime(at))
    made, _ = (await asyncio.gather(months.arrange(now, 3), months.arrange(now, 3)))[0]
    assert await months.arrange(now, 3) == ([], [])
    assert {"events_2031_11", "events_2031_12", "events_2032_01"} <= set(await months.months())
    assert made in (["events_2031_11", "events_2031_12", "events_2032_01"], [])
    count = "SELECT count(*) FROM {} WHERE kind = 'test'"
    assert (await run(database, count.format("events_2031_11"))).scalar_one() == 1
    assert (await run(database, count.format("events_unsorted"))).scalar_one() == 1  # September: kept, without a table
    later = Moment(from_datetime(datetime(2032, 2, 1, tzinfo=UTC)))
    _, dropped = await months.arrange(later, 2)
    assert dropped == ["events_2031_11"]
    assert (await run(database, count.format("events"))).scalar_one() == 0


async def test_settings_hold_for_every_replica_and_go_on_record(platform: Any, database: Database) -> None:
    one, two, admin = (
        PlatformSettingsStore(database),
        PlatformSettingsStore(database),
        await platform.person(role=Role.ADMIN),
    )
    assert await one.current() == PlatformSettings()
    changed = await one.change({"registration_open": False, "event_retention_months": 6, "nonsense": 1}, admin, platform.now)
    assert changed == PlatformSettings(registration_open=False, event_retention_months=6)
    assert await one.current() == await two.current() == changed
    await one.change({"registration_open": False}, admin, platform.now)
    assert (
        await one.change({"registration_open": None, "event_retention_months": None}, admin, platform.now)
        == PlatformSettings()
    )
    written = await run(database, "SELECT details FROM audit_log WHERE actor_id = :id ORDER BY id", id=admin)
    assert [row.details["after"] for row in written] == [
        {"registration_open": False, "event_retention_months": 6},
        {"registration_open": None, "event_retention_months": None},
    ]
