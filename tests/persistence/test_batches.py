"""A batch is worth its writes one after another, and Postgres answers as the twin does."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classroom.records import IntervalRow
from persistence.batches import Batch, Committed, Write
from persistence.ids import new_id
from persistence.journal_postgres import PostgresCommits
from persistence.memory.live_journal import MemoryCommits
from persistence.memory.live_tables import LiveTables

GRAINS = 3
SHARDS = 2


@dataclass(frozen=True)
class Plan:
    """One write to be made: which grain, how far its first event is from where it should be, and what comes with it."""

    grain: int
    kind: str
    count: int
    gap: int
    stale: bool
    seats: int | None
    stays: tuple[tuple[int, int, bool], ...]
    deadline: int | None
    deadline_changed: bool


plans = st.lists(
    st.builds(
        Plan,
        grain=st.integers(0, GRAINS - 1),
        kind=st.sampled_from(["live", "live", "live", "inbox"]),
        count=st.integers(0, 4),
        gap=st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, -1]),
        stale=st.sampled_from([False, False, False, False, True]),
        seats=st.none() | st.integers(0, 9),
        stays=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.booleans()), max_size=3).map(tuple),
        deadline=st.none() | st.integers(1, 9),
        deadline_changed=st.booleans(),
    ),
    max_size=12,
)


def writes_of(chosen: list[Plan], lessons: list[Any], students: list[str]) -> list[Write]:
    """The writes; each grain's offsets go on from its former write of the same ownership, but for the gaps."""
    heads: dict[tuple[str, int, bool], int] = {}
    writes = []
    for plan in chosen:
        lesson = lessons[plan.grain]
        key = (plan.kind, plan.grain, plan.stale)
        first = max(1, heads.get(key, 0) + 1 + plan.gap)
        offsets = range(first, first + plan.count)
        if plan.count and not plan.gap:
            heads[key] = offsets[-1]
        stays = [
            lesson.stay(students[student], ordinal, lesson.at + 5 if ended else None, "left" if ended else None)
            for student, ordinal, ended in plan.stays
        ]
        writes.append(
            lesson.write(
                kind=plan.kind,
                epoch=lesson.epoch - plan.stale,
                events=[lesson.event(n, topic_offsets=(n, n, n) if plan.kind == "live" else ()) for n in offsets],
                session=None if plan.seats is None or plan.kind == "inbox" else lesson.row(current_students=plan.seats),
                intervals=[] if plan.kind == "inbox" else stays,
                deadline=None if plan.deadline is None else lesson.at + plan.deadline,
                deadline_changed=plan.deadline_changed,
            )
        )
    return writes


async def commit_all(commits: Any, writes: list[Write]) -> list[Committed]:
    """The answer of each write when all are one batch."""
    loop = asyncio.get_running_loop()
    batch = Batch()
    answers = [batch.add(write, loop) for write in writes]
    bundles = batch.bundles
    for bundle, verdict in zip(bundles, await commits.commit(bundles), strict=True):
        bundle.answer.set_result(verdict)
    return [Committed.UNKNOWN if answer is None else answer.result() for answer in answers]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=plans)
async def test_a_batch_is_worth_its_writes_one_after_another(live_class: Any, chosen: list[Plan]) -> None:
    lessons = [live_class(number % SHARDS) for number in range(GRAINS)]
    students = [new_id() for _ in range(3)]
    # A bundle is written as a whole or not at all, so only writes that all fit can be told apart by their grouping.
    writes = [write for write, plan in zip(writes_of(chosen, lessons, students), chosen, strict=True) if not plan.gap]
    together, apart = LiveTables(), LiveTables()
    for tables in (together, apart):
        tables.shards.update({lesson.shard_id: ("host", lesson.epoch) for lesson in lessons})

    at_once = await commit_all(MemoryCommits(together), writes)
    one_by_one = [answer for write in writes for answer in await commit_all(MemoryCommits(apart), [write])]

    assert at_once == one_by_one
    assert together == apart


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(plans, min_size=1, max_size=3))
async def test_postgres_answers_and_keeps_what_the_twin_does(postgres_live: Any, chosen: list[list[Plan]]) -> None:
    live = postgres_live
    lessons = [await live.make_class(number % SHARDS) for number in range(GRAINS)]
    owners = {owner.shard_id: owner for owner in await live.ownership.owners()}
    for lesson in lessons:
        lesson.epoch = owners[lesson.shard_id].epoch
    students = [new_id() for _ in range(3)]
    tables = LiveTables()
    tables.shards.update({lesson.shard_id: ("host", lesson.epoch) for lesson in lessons})
    real, twin = PostgresCommits(live.pool), MemoryCommits(tables)

    for plan in chosen:
        writes = writes_of(plan, lessons, students)
        assert await commit_all(real, writes) == await commit_all(twin, writes)
    await real.close()

    for lesson in lessons:
        grain = lesson.session_id
        assert list((await live.log.load(grain)).tail) == tables.live_events.get(grain, [])
        assert list(await live.log.inbox_after(grain, 0, 1000)) == tables.inbox_events.get(grain, [])
        assert await live.records.get(grain) == tables.sessions.get(grain)
        assert await stays_of(live, grain) == tables.intervals.get(grain, {})
    found = await live.log.deadlines([lesson.shard_id for lesson in lessons])
    ours = {(d.kind, d.grain_id): d.due_at for d in found if d.grain_id in {lesson.session_id for lesson in lessons}}
    assert ours == {key: due_at for key, (_, due_at) in tables.deadlines.items()}


async def stays_of(live: Any, session_id: str) -> dict[tuple[str, int], Any]:
    rows = await live.pool.fetch(
        """
        SELECT user_id::text, ordinal, to_moment(joined_at) AS joined_at, to_moment(left_at) AS left_at, reason
        FROM attendance_intervals WHERE session_id = $1
        """,
        session_id,
    )
    return {(row["user_id"], row["ordinal"]): IntervalRow(session_id, *row) for row in rows}
