"""The journal's twin: the same queue over dictionaries."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from persistence.batches import Bundle, Committed, Learning
from persistence.journal import MAX_BATCH, MAX_PENDING, GroupCommit
from persistence.memory.live_tables import LiveTables


class MemoryJournal(GroupCommit):
    """A `JournalPort` whose commits take one turn of the loop."""

    def __init__(self, tables: LiveTables, *, max_pending: int = MAX_PENDING, max_batch: int = MAX_BATCH) -> None:
        super().__init__(MemoryCommits(tables), max_pending, max_batch)


class MemoryCommits:
    """Writes batches into dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        """See `Commits.commit`."""
        self._tables.reach()
        await asyncio.sleep(0)
        self._tables.reach()
        return [self._write(bundle) for bundle in bundles]

    async def close(self) -> None:
        """See `Commits.close`."""

    def _write(self, bundle: Bundle) -> Committed:
        tables = self._tables
        owner = tables.shards.get(bundle.shard_id)
        if owner is None or owner[1] != bundle.epoch:
            return Committed.FENCED
        logs = {"live": tables.live_events, "inbox": tables.inbox_events, "course": tables.course_events}
        log = logs[bundle.kind][bundle.grain_id]
        if bundle.events and bundle.events[0].offset != len(log) + 1:
            return Committed.UNKNOWN
        log.extend(bundle.events)
        if bundle.session is not None:
            tables.sessions[bundle.session.id] = bundle.session
        for interval in bundle.intervals.values():
            tables.intervals[interval.session_id][interval.user_id, interval.ordinal] = interval
        if bundle.deadline_changed:
            if bundle.deadline is None:
                tables.deadlines.pop((bundle.kind, bundle.grain_id), None)
            else:
                tables.deadlines[bundle.kind, bundle.grain_id] = (bundle.shard_id, bundle.deadline)
        for key, job in bundle.jobs.items():
            tables.jobs.setdefault(key, job.payload)
        if bundle.learning is not None:
            self._learn(bundle.learning)
        return Committed.YES

    def _learn(self, learning: Learning) -> None:
        tables = self._tables
        for user_id, (course_id, learner, at) in learning.learners.items():
            tables.learners[course_id][user_id] = (replace(learner, lessons={}, attended={}), at)
        for (user_id, lesson_id), (course_id, record) in learning.lessons.items():
            tables.lessons[course_id, user_id, lesson_id] = record
        for (user_id, session_id), (course_id, attendance, _) in learning.attended.items():
            tables.attended[course_id, user_id, session_id] = attendance
