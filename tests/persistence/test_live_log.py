import asyncio
from typing import Any

import pytest

from persistence.ids import new_id
from persistence.journal import Committed
from persistence.live_log import VIEWS, Deadline, Loaded


async def write_events(live: Any, lesson: Any, count: int, kind: str = "live") -> None:
    journal = live.start_journal()
    answer = journal.append(lesson.write(*range(1, count + 1), kind=kind))
    assert await asyncio.wait_for(answer, 10) is Committed.YES


async def test_an_unknown_class_is_empty(live: Any) -> None:
    unknown = new_id()

    assert await live.log.load(unknown) == Loaded(None, 0, [])
    assert await live.log.recent_commands(unknown, 5) == []
    assert await live.log.after(unknown, "", 0, 5) == []
    assert await live.log.inbox_head(unknown) == 0
    assert await live.log.inbox_after(unknown, 0, 5) == []
    assert await live.log.inbox_recent_commands(unknown, 5) == []


async def test_a_snapshot_shortens_the_tail_and_only_moves_forward(live: Any) -> None:
    lesson = await live.make_class()
    await write_events(live, lesson, 9)

    await live.log.save_snapshot(lesson.session_id, 6, b"six")
    await live.log.save_snapshot(lesson.session_id, 4, b"four")
    assert await live.log.load(lesson.session_id) == Loaded(b"six", 6, [lesson.event(n) for n in (7, 8, 9)])

    await live.log.save_snapshot(lesson.session_id, 9, b"nine")
    assert await live.log.load(lesson.session_id) == Loaded(b"nine", 9, [])


async def test_no_snapshot_is_kept_beyond_the_log(live: Any) -> None:
    lesson = await live.make_class()
    await write_events(live, lesson, 2)

    await live.log.save_snapshot(lesson.session_id, 3, b"three")

    assert (await live.log.load(lesson.session_id)).snapshot is None


async def test_recent_commands_are_the_newest_oldest_first(live: Any) -> None:
    lesson = await live.make_class()
    await write_events(live, lesson, 9)

    assert await live.log.recent_commands(lesson.session_id, 3) == [lesson.event(n) for n in (5, 7, 8)]
    assert await live.log.recent_commands(lesson.session_id, 99) == [lesson.event(n) for n in (1, 2, 4, 5, 7, 8)]
    assert await live.log.recent_commands(lesson.session_id, 0) == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("limit", [0, 1, 3, 1000])
async def test_after_gives_exactly_the_events_that_moved_the_topic(live: Any, view: str, limit: int) -> None:
    lesson = await live.make_class()
    await write_events(live, lesson, 31)
    position = VIEWS.index(view)
    moved, before = [], 0
    for event in (lesson.event(n) for n in range(1, 32)):
        if event.topic_offsets[position] != before:
            moved.append(event)
        before = event.topic_offsets[position]

    for since in (0, 1, 2, 5, 6, 7, 14, 15, 16, 30, 31, 32, 500):
        wanted = [event for event in moved if event.topic_offsets[position] > since][:limit]
        assert await live.log.after(lesson.session_id, view, since, limit) == wanted


async def test_after_in_a_topic_that_never_moved_is_empty(live: Any) -> None:
    lesson = await live.make_class()
    journal = live.start_journal()
    events = [lesson.event(n, topic_offsets=(n, 0, 0)) for n in range(1, 8)]
    await asyncio.wait_for(journal.append(lesson.write(events=events)), 10)

    assert await live.log.after(lesson.session_id, "queue", 0, 5) == []
    assert await live.log.after(lesson.session_id, "", 5, 5) == events[5:]


async def test_an_inbox_is_read_from_an_offset(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    events = [lesson.event(n, topic_offsets=()) for n in range(1, 8)]
    assert await asyncio.wait_for(journal.append(lesson.write(kind="inbox", events=events)), 10) is Committed.YES

    assert await live.log.inbox_head(lesson.session_id) == 7
    assert await live.log.inbox_after(lesson.session_id, 2, 3) == events[2:5]
    assert await live.log.inbox_after(lesson.session_id, 7, 3) == []
    assert await live.log.inbox_recent_commands(lesson.session_id, 2) == [events[4], events[6]]


async def test_deadlines_of_these_shards_soonest_first(live: Any) -> None:
    journal = live.start_journal()
    lessons = [await live.make_class() for _ in range(3)]
    for lesson, due in zip(lessons, (30, 10, 20), strict=True):
        await asyncio.wait_for(journal.append(lesson.write(deadline=lesson.at + due, deadline_changed=True)), 10)

    found = await live.log.deadlines([lessons[0].shard_id, lessons[1].shard_id])

    assert [deadline for deadline in found if deadline.grain_id in {lesson.session_id for lesson in lessons}] == [
        Deadline("live", lessons[1].session_id, lessons[1].at + 10),
        Deadline("live", lessons[0].session_id, lessons[0].at + 30),
    ]
    assert await live.log.deadlines([]) == []
