import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from classroom.records import LoggedEvent
from persistence.ids import new_id
from persistence.journal import Committed, GroupCommit


async def commit(journal: GroupCommit, *writes: Any) -> list[Committed]:
    """Append in one turn of the loop and wait for all answers."""
    return list(await asyncio.wait_for(asyncio.gather(*[journal.append(write) for write in writes]), 10))


def offsets(events: Sequence[LoggedEvent]) -> list[int]:
    return [event.offset for event in events]


async def test_what_was_committed_is_read_back_as_it_was_written(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    student = new_id()
    write = lesson.write(
        1, 2, session=lesson.row(current_students=1), intervals=[lesson.stay(student)], deadline=lesson.at + 7
    )

    assert await commit(journal, write) == [Committed.YES]

    assert (await live.log.load(lesson.session_id)).tail == [lesson.event(1), lesson.event(2)]
    assert await live.records.get(lesson.session_id) == lesson.row(current_students=1)


async def test_payloads_come_back_byte_for_byte(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    payload = '{"b": 1.50, "a":"\\u0000 é 😀", "b": 2}'.encode()

    assert await commit(journal, lesson.write(1, events=[lesson.event(1, payload=payload)])) == [Committed.YES]

    assert (await live.log.load(lesson.session_id)).tail[0].payload == payload


async def test_writes_of_one_turn_are_one_commit_in_their_order(live: Any) -> None:
    journal = live.start_journal()
    first, second = await live.make_class(), await live.make_class()

    writes = [lesson.write(offset) for offset in range(1, 51) for lesson in (first, second)]
    assert set(await commit(journal, *writes)) == {Committed.YES}

    assert journal.stats.commits == 1
    assert journal.stats.events == journal.stats.last_batch == 100
    for lesson in (first, second):
        assert offsets((await live.log.load(lesson.session_id)).tail) == list(range(1, 51))


async def test_writes_gather_while_a_commit_is_under_way(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    early = journal.append(lesson.write(1))
    await live.until(lambda: not journal.pending)
    late = [journal.append(lesson.write(offset)) for offset in range(2, 30)]
    assert not early.done()

    assert {await answer for answer in [early, *late]} == {Committed.YES}
    assert journal.stats.commits == 2
    assert offsets((await live.log.load(lesson.session_id)).tail) == list(range(1, 30))


async def test_batches_are_cut_and_committed_in_order(live: Any) -> None:
    journal = live.start_journal(max_batch=10)
    lesson = await live.make_class()

    assert set(await commit(journal, *[lesson.write(offset) for offset in range(1, 36)])) == {Committed.YES}

    assert journal.stats.commits == 4
    assert offsets((await live.log.load(lesson.session_id)).tail) == list(range(1, 36))


async def test_a_stale_epoch_is_fenced_and_others_in_the_batch_are_written(live: Any) -> None:
    journal = live.start_journal()
    stale, other = await live.make_class(), await live.make_class()
    await live.ownership.claim("another host", [stale.shard_id])
    student = new_id()

    answers = await commit(
        journal,
        stale.write(1, session=stale.row(), intervals=[stale.stay(student)], deadline=stale.at, deadline_changed=True),
        other.write(1, session=other.row()),
    )

    assert answers == [Committed.FENCED, Committed.YES]
    assert (await live.log.load(stale.session_id)).tail == []
    assert await live.records.get(stale.session_id) is None
    assert await live.records.attendance(stale.session_id) == []
    assert stale.session_id not in {deadline.grain_id for deadline in await live.log.deadlines([stale.shard_id])}
    assert offsets((await live.log.load(other.session_id)).tail) == [1]


async def test_two_owners_of_one_shard_the_later_one_writes(live: Any) -> None:
    old, new = live.start_journal(), live.start_journal()
    lesson = await live.make_class()
    assert await commit(old, lesson.write(1)) == [Committed.YES]
    epoch = (await live.ownership.claim("new", [lesson.shard_id]))[lesson.shard_id]

    answers = await asyncio.gather(commit(old, lesson.write(2)), commit(new, lesson.write(2, epoch=epoch)))

    assert answers == [[Committed.FENCED], [Committed.YES]]
    assert offsets((await live.log.load(lesson.session_id)).tail) == [1, 2]


async def test_both_epochs_of_a_host_in_one_batch_are_told_apart(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    epoch = (await live.ownership.claim("host", [lesson.shard_id]))[lesson.shard_id]

    answers = await commit(journal, lesson.write(1, 2), lesson.write(1, epoch=epoch), lesson.write(2, epoch=epoch))

    assert answers == [Committed.FENCED, Committed.YES, Committed.YES]
    assert offsets((await live.log.load(lesson.session_id)).tail) == [1, 2]


@pytest.mark.parametrize("first", [1, 2, 4, 9])
async def test_events_that_do_not_begin_where_the_log_ends_are_not_written(live: Any, first: int) -> None:
    journal = live.start_journal()
    lesson, other = await live.make_class(), await live.make_class()
    assert await commit(journal, lesson.write(1, 2)) == [Committed.YES]

    assert await commit(journal, lesson.write(first, session=lesson.row()), other.write(1)) == [
        Committed.UNKNOWN,
        Committed.YES,
    ]

    assert offsets((await live.log.load(lesson.session_id)).tail) == [1, 2]
    assert await live.records.get(lesson.session_id) is None
    assert await commit(journal, lesson.write(3)) == [Committed.YES]


async def test_a_hole_between_two_writes_of_a_batch_stops_the_second_and_what_follows(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()

    answers = await commit(journal, lesson.write(1), lesson.write(3), lesson.write(2))

    assert answers == [Committed.YES, Committed.UNKNOWN, Committed.UNKNOWN]
    assert offsets((await live.log.load(lesson.session_id)).tail) == [1]


async def test_a_stay_that_began_and_ended_in_one_batch_is_one_row(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    student = new_id()
    await live.enroll(lesson.course_id, student, "Sam")
    ended = lesson.stay(student, left_at=lesson.at + 5, reason="left")

    await commit(
        journal,
        lesson.write(1, session=lesson.row(), intervals=[lesson.stay(student)]),
        lesson.write(2, session=lesson.row(waitlisted=2), intervals=[ended]),
        lesson.write(3, intervals=[lesson.stay(student, ordinal=2)]),
    )

    [attendee] = await live.records.attendance(lesson.session_id)
    assert attendee.intervals == (ended, lesson.stay(student, ordinal=2))
    assert await live.records.get(lesson.session_id) == lesson.row(waitlisted=2)

    over = lesson.stay(student, 2, lesson.at + 9, "ended")
    await commit(journal, lesson.write(4, intervals=[over], session=lesson.row(status="ended", ended_at=lesson.at + 9)))
    [attendee] = await live.records.attendance(lesson.session_id)
    assert attendee.intervals == (ended, over)
    assert await live.records.get(lesson.session_id) == lesson.row(status="ended", ended_at=lesson.at + 9)


async def test_a_deadline_is_set_moved_kept_and_taken_away(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()

    async def due() -> list[int]:
        found = await live.log.deadlines([lesson.shard_id])
        return [deadline.due_at for deadline in found if deadline.grain_id == lesson.session_id]

    await commit(journal, lesson.write(1, deadline=lesson.at + 5, deadline_changed=True))
    assert await due() == [lesson.at + 5]
    await commit(journal, lesson.write(2))
    assert await due() == [lesson.at + 5]
    await commit(
        journal,
        lesson.write(3, deadline=None, deadline_changed=True),
        lesson.write(4, deadline=lesson.at + 3, deadline_changed=True),
        lesson.write(5),
    )
    assert await due() == [lesson.at + 3]
    await commit(journal, lesson.write(6, deadline=None, deadline_changed=True))
    assert await due() == []


async def test_a_write_without_events_changes_its_rows(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()

    assert await commit(journal, lesson.write(deadline=lesson.at, deadline_changed=True)) == [Committed.YES]

    assert lesson.session_id in {deadline.grain_id for deadline in await live.log.deadlines([lesson.shard_id])}


async def test_inbox_and_class_keep_logs_of_their_own(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    inbox = [lesson.event(offset, topic_offsets=()) for offset in (1, 2)]

    answers = await commit(
        journal, lesson.write(1), lesson.write(kind="inbox", events=inbox), lesson.write(kind="inbox", events=inbox[:1])
    )

    assert answers == [Committed.YES, Committed.YES, Committed.UNKNOWN]
    assert await live.log.inbox_after(lesson.session_id, 0, 10) == inbox
    assert offsets((await live.log.load(lesson.session_id)).tail) == [1]


async def test_beyond_the_bound_a_write_is_refused_and_later_taken_again(live: Any) -> None:
    journal = live.make_journal(max_pending=3)
    lesson = await live.make_class()
    taken = [journal.append(lesson.write(1, 2)), journal.append(lesson.write(3))]

    assert await asyncio.wait_for(journal.append(lesson.write(4)), 5) is Committed.REFUSED
    assert journal.pending == 3

    live.run(journal)
    assert {await asyncio.wait_for(answer, 5) for answer in taken} == {Committed.YES}
    assert await commit(journal, lesson.write(4)) == [Committed.YES]
    assert journal.stats.refused == 1


async def test_closing_commits_what_is_pending_and_refuses_the_rest(live: Any) -> None:
    journal = live.make_journal(max_batch=5)
    lesson = await live.make_class()
    answers = [journal.append(lesson.write(offset)) for offset in range(1, 21)]
    running = asyncio.create_task(journal.run())
    await asyncio.sleep(0)

    await asyncio.wait_for(journal.close(), 10)

    assert {answer.result() for answer in answers} == {Committed.YES}
    assert await journal.append(lesson.write(21)) is Committed.REFUSED
    await asyncio.wait_for(running, 5)
    assert offsets((await live.log.load(lesson.session_id)).tail) == list(range(1, 21))


async def test_closing_a_journal_that_never_ran_leaves_nobody_waiting(live: Any) -> None:
    journal = live.make_journal()
    lesson = await live.make_class()
    answer = journal.append(lesson.write(1))

    await asyncio.wait_for(journal.close(), 5)

    assert answer.result() is Committed.UNKNOWN


async def test_stopping_the_task_leaves_nobody_waiting(live: Any) -> None:
    journal = live.make_journal()
    lesson = await live.make_class()
    answers = [journal.append(lesson.write(1))]
    running = asyncio.create_task(journal.run())
    await live.until(lambda: not journal.pending)
    answers.append(journal.append(lesson.write(2)))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert [answer.result() for answer in answers] == [Committed.UNKNOWN, Committed.UNKNOWN]
    assert await journal.append(lesson.write(3)) is Committed.REFUSED


async def test_one_who_stops_waiting_does_not_take_the_answer_from_the_others(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()

    async def wait(offset: int) -> Committed:
        return await journal.append(lesson.write(offset))

    impatient, patient = asyncio.create_task(wait(1)), asyncio.create_task(wait(2))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await asyncio.wait_for(patient, 5) is Committed.YES
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_what_was_decided_on_top_of_a_write_that_did_not_fit_is_not_written(live: Any) -> None:
    """A commit whose outcome was unknown may land after the grain was loaded again. What the grain then writes does not
    fit, and its next write, though its offset does, was decided on a state that never was."""
    ours, theirs = live.make_journal(max_batch=1), live.start_journal()
    lesson, other = await live.make_class(), await live.make_class()
    assert await commit(theirs, lesson.write(1)) == [Committed.YES]
    behind = [ours.append(lesson.write(2)), ours.append(other.write(1)), ours.append(lesson.write(3))]
    assert await commit(theirs, lesson.write(2)) == [Committed.YES]

    live.run(ours)

    answers = [await asyncio.wait_for(answer, 10) for answer in behind]
    assert answers == [Committed.UNKNOWN, Committed.YES, Committed.UNKNOWN]
    assert offsets((await live.log.load(lesson.session_id)).tail) == [1, 2]
    assert ours.pending == 0
    assert await commit(ours, lesson.write(3)) == [Committed.YES]


async def test_a_grain_that_has_not_been_told_yet_writes_nothing_more(live: Any) -> None:
    journal = live.start_journal()
    lesson = await live.make_class()
    assert await commit(journal, lesson.write(1)) == [Committed.YES]
    late: list[asyncio.Future[Committed]] = []
    # The first to hear of a lost write; others of the same grain still decide on what they believe was written.
    lost = journal.append(lesson.write(1))
    lost.add_done_callback(lambda _: late.append(journal.append(lesson.write(2))))

    assert await asyncio.wait_for(lost, 10) is Committed.UNKNOWN

    await live.until(lambda: bool(late))
    assert await asyncio.wait_for(late[0], 10) is Committed.UNKNOWN
    assert await commit(journal, lesson.write(2)) == [Committed.YES]
