"""What a host reads from and keeps in the stores beside the journal: grains, enrolments, missed events, snapshots."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from actors.boxes import Box, Grain
from actors.course_frames import published as published_of_course
from actors.course_frames import surveyed
from actors.envelopes import COURSE, LIVE
from actors.inbox_grain import KNOWN_DELIVERIES, InboxGrain, told
from actors.live_grain import LiveGrain
from actors.progress_grain import CourseGrain
from actors.restoring import published
from actors.turns import Item, Resume
from classroom.ids import CourseId, SessionId, UserId
from classroom.live.state import ANSWERS_KEPT
from classroom.times import Moment
from persistence.errors import StoreAway
from persistence.ids import new_id
from persistence.journal import JournalPort
from persistence.learning import LearningLog
from persistence.live_log import LiveLog
from persistence.membership import Membership
from persistence.ownership import Ownership
from persistence.roster import Roster

READS_AT_ONCE = 64
COURSE_READS_AT_ONCE = 3
"""Fewer than a host has connections to read on: what a class must know of who knocks never waits behind courses."""
SURVEYED = 300
STORE_SECONDS = 8.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stores:
    """Everything durable that a host works on."""

    journal: JournalPort
    course_journal: JournalPort
    """Courses have one of their own: what thousands watch never stands in a class's commit."""
    log: LiveLog
    learning: LearningLog
    ownership: Ownership
    membership: Membership
    roster: Roster


class Archive:
    """Reads at most 64 things at once, and three of courses, each within eight seconds of its turn. Raises StoreAway when
    that is too long."""

    def __init__(self, stores: Stores, grace: int) -> None:
        self._stores = stores
        self._grace = grace
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._course_reads = asyncio.Semaphore(COURSE_READS_AT_ONCE)

    async def load(self, box: Box, epoch: int) -> Grain:
        """The grain of a box as the log has it."""
        async with self._in_time(box.kind):
            if box.kind == COURSE:
                loaded = await self._stores.learning.load(CourseId(box.id))
                return CourseGrain(box.id, box.shard_id, epoch, loaded)
            return await (self._load_class(box, epoch) if box.kind == LIVE else self._load_inbox(box, epoch))

    async def enrol(self, grain: LiveGrain, unknown: Sequence[UserId], clock: Callable[[], Moment]) -> None:
        """Let a class know which of these are students of its course."""
        async with self._in_time(LIVE):
            found = await self._stores.roster.find_students(grain.state.known.course_id, unknown)
        grain.enrol(unknown, list(found), clock())

    async def inform(self, grain: CourseGrain, items: Sequence[Item], clock: Callable[[], Moment]) -> None:
        """Let a course know what it must know before it can decide these."""
        async with self._in_time(COURSE):
            found = await self._stores.learning.find(grain.id, grain.unknown_people(items, clock()))
        grain.learn(found, clock())

    async def renew(self, grain: CourseGrain, clock: Callable[[], Moment]) -> None:
        """Let a course know how it is now, between its turns."""
        async with self._in_time(COURSE):
            found = await self._stores.learning.find(grain.id, ())
        grain.renew(found.course, clock())

    async def survey(self, course_id: CourseId) -> tuple[int, bytes]:
        """How all learners of a course are doing: the offset of the progress topic, and the encoded snapshot."""
        async with self._in_time(COURSE):
            survey = await self._stores.learning.survey(course_id, SURVEYED)
        return survey.offset, surveyed(course_id, survey)

    async def outdated(self, grain: CourseGrain, after: UserId | None, limit: int) -> Sequence[UserId]:
        """Some learners who were counted for another outline."""
        async with self._in_time(COURSE):
            return await self._stores.learning.outdated(grain.id, grain.version, after, limit)

    async def mark(self, grain: CourseGrain) -> bool:
        """Note that all milestones were told; False when that cannot be done now."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._stores.learning.note_told(grain.id, grain.mark())
        except (StoreAway, TimeoutError) as error:
            _log.warning("mark_unsaved", grain=grain.id, reason=str(error) or type(error).__name__)
            grain.unmark()
            return False
        return True

    async def missed(self, kind: str, grain_id: str, resume: Resume) -> Sequence[bytes]:
        """The encoded events that a subscriber missed."""
        log, since, missed = self._stores.log, resume.since.offset, resume.offset - resume.since.offset
        async with self._in_time(kind):
            if kind == LIVE:
                entries = await log.after(SessionId(grain_id), resume.view, since, missed)
                return [published(entry, resume.view) for entry in entries]
            if kind == COURSE:
                entries = await self._stores.learning.after(CourseId(grain_id), resume.view, since, missed)
                return [published_of_course(entry, resume.view) for entry in entries]
            return [told(entry) for entry in await log.inbox_after(UserId(grain_id), since, missed)]

    async def save(self, grain: LiveGrain, offset: int, state: bytes) -> bool:
        """Keep a snapshot; False when that cannot be done now."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._stores.log.save_snapshot(SessionId(grain.id), offset, state)
        except (StoreAway, TimeoutError) as error:
            _log.warning("snapshot_unsaved", grain=grain.id, reason=str(error) or type(error).__name__)
            grain.saved(0)
            return False
        return True

    async def _load_class(self, box: Box, epoch: int) -> Grain:
        log, session_id = self._stores.log, SessionId(box.id)
        loaded = await log.load(session_id)
        is_known = loaded.snapshot is not None or bool(loaded.tail)
        recent = await log.recent_commands(session_id, ANSWERS_KEPT) if is_known else ()
        return LiveGrain(box.id, box.shard_id, epoch, loaded, recent, self._grace, new_id)

    async def _load_inbox(self, box: Box, epoch: int) -> Grain:
        log, user_id = self._stores.log, UserId(box.id)
        head = await log.inbox_head(user_id)
        delivered = await log.inbox_recent_commands(user_id, KNOWN_DELIVERIES) if head else ()
        return InboxGrain(box.id, box.shard_id, epoch, head, delivered)

    @asynccontextmanager
    async def _in_time(self, kind: str) -> AsyncIterator[None]:
        async with self._course_reads if kind == COURSE else self._reads:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    yield
            except TimeoutError as error:
                raise StoreAway(f"The store did not answer within {STORE_SECONDS:.0f} s.") from error
