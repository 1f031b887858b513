import asyncio
from typing import Any

from classroom.records import Attendee
from persistence.ids import new_id
from persistence.journal import Committed

HOUR = 3_600_000_000


async def write(live: Any, *writes: Any) -> None:
    journal = live.start_journal()
    answers = await asyncio.wait_for(asyncio.gather(*[journal.append(one) for one in writes]), 10)
    assert set(answers) == {Committed.YES}


async def test_a_row_comes_back_with_every_field(live: Any) -> None:
    lesson = await live.make_class()
    full = lesson.row(lesson_id=new_id(), status="ended", locked=True, started_at=lesson.at + 1, ended_at=lesson.at + 2)
    await write(live, lesson.write(1, session=full))

    assert await live.records.get(lesson.session_id) == full
    assert await live.records.get(new_id()) is None


async def test_lists_are_filtered_ordered_and_paged(live: Any) -> None:
    lessons = [await live.make_class() for _ in range(6)]
    courses = [lesson.course_id for lesson in lessons]
    rows = [
        lesson.row(starts_at=lesson.at + hour * HOUR, status=status)
        for lesson, hour, status in zip(lessons, (5, 1, 3, 3, 2, 4), ["live", "scheduled"] * 3, strict=True)
    ]
    await write(live, *[lesson.write(1, session=row) for lesson, row in zip(lessons, rows, strict=True)])
    ordered = sorted(rows, key=lambda row: (row.starts_at, row.id))
    at = lessons[0].at

    async def found(**filters: Any) -> Any:
        wanted = {"course_ids": courses, "status": None, "starts_from": None, "starts_to": None, "limit": 50, "after": None}
        return list(await live.records.list_(**{**wanted, **filters}))

    assert await found() == ordered
    assert await found(course_ids=courses[:1]) == rows[:1]
    assert await found(course_ids=[]) == []
    assert await found(status="live") == [row for row in ordered if row.status == "live"]
    assert await found(starts_from=at + 2 * HOUR, starts_to=at + 4 * HOUR) == ordered[1:5]
    assert await found(starts_from=at + 2 * HOUR + 1, starts_to=at + 4 * HOUR - 1) == ordered[2:4]
    assert await found(limit=2) == ordered[:2]
    assert await found(limit=2, after=(ordered[2].starts_at, ordered[2].id)) == ordered[3:5]
    assert await found(course_ids=None, starts_from=at + HOUR, limit=1000, status="live", after=None)
    assert {row.id for row in ordered} <= {row.id for row in await found(course_ids=None, limit=10_000)}


async def test_attendance_has_every_active_student_and_everybody_who_was_inside(live: Any) -> None:
    lesson = await live.make_class()
    zoe, adam, banned_inside, banned_outside = (new_id() for _ in range(4))
    await live.enroll(lesson.course_id, zoe, "zoe")
    await live.enroll(lesson.course_id, adam, "Adam")
    await live.enroll(lesson.course_id, banned_inside, "Mo", active=False)
    await live.enroll(lesson.course_id, banned_outside, "Nobody", active=False)
    stays = [lesson.stay(zoe, 1, lesson.at + 5, "lost"), lesson.stay(zoe, 2)]
    short = lesson.stay(banned_inside, 1, lesson.at + 1, "removed")
    await write(live, lesson.write(1, session=lesson.row(), intervals=[stays[1], short, stays[0]]))

    assert await live.records.attendance(lesson.session_id) == [
        Attendee(adam, "Adam", f"{adam}@example.org", ()),
        Attendee(banned_inside, "Mo", f"{banned_inside}@example.org", (short,)),
        Attendee(zoe, "zoe", f"{zoe}@example.org", tuple(stays)),
    ]
    assert await live.records.attendance(new_id()) == []


async def test_the_timeline_goes_on_after_an_offset(live: Any) -> None:
    lesson = await live.make_class()
    await write(live, lesson.write(1, 2, 3, 4, 5))

    assert await live.records.timeline(lesson.session_id, 0, 2) == [lesson.event(1), lesson.event(2)]
    assert await live.records.timeline(lesson.session_id, 3, 9) == [lesson.event(4), lesson.event(5)]
    assert await live.records.timeline(new_id(), 0, 9) == []
