"""Doing jobs: claim what is due, try it, settle it. Any number of these may run beside each other, in any process."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import structlog

from actors.jobs.tools import Care, GiveUp, Handler, JobTools
from persistence.errors import StoreAway
from persistence.job_queue import STALE_SECONDS, Job, JobQueue
from persistence.jobs import enqueue

AT_ONCE = 16
"""So many jobs run beside each other in one worker."""
LOOK_SECONDS = 5.0
"""So often a worker looks although nobody told it: a job of a worker that was killed has no other announcement."""
BEAT_SECONDS = 2.0
SURE_SECONDS = STALE_SECONDS - 2 * BEAT_SECONDS
"""Who has not reached Postgres for so long cancels its jobs, before another begins them."""
AGAIN_SECONDS = 1.0
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 3_600.0
_USUAL = Care()

_log = structlog.get_logger(__name__)


class Runner:
    """Does the jobs of a queue with these handlers. `run` for ever, `run_due` until nothing is due."""

    def __init__(self, queue: JobQueue, tools: JobTools, handlers: Mapping[str, Handler], care: Mapping[str, Care]) -> None:
        self._queue = queue
        self._tools = tools
        self._handlers = handlers
        self._care = care
        self._limits = {kind: care.get(kind, _USUAL).at_once for kind in handlers}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.done = 0
        self.failed = 0

    @property
    def running(self) -> int:
        """How many jobs are being done now."""
        return len(self._running)

    async def run(self) -> None:
        """Do what comes, however often Postgres goes away, until it is cancelled; what runs then is cancelled and will be
        done by another."""
        async with asyncio.TaskGroup() as group:
            beating = [group.create_task(self._keep_beating())]
            for kind, care in self._care.items():
                if care.every_seconds is not None and kind in self._handlers:
                    beating.append(group.create_task(self._repeat(kind, care.every_seconds)))
            while True:
                try:
                    async with self._queue.listening(self._changed.set) as is_lost:
                        while not is_lost():
                            await self._look(group)
                except StoreAway as error:
                    _log.warning("jobs_wait", reason=str(error)[:200])
                await asyncio.sleep(AGAIN_SECONDS)

    async def run_due(self) -> int:
        """Do what is due, and what that makes due, and return how many were tried. Failures wait for their next time."""
        tried = 0
        while jobs := await self._queue.claim(self._limits, AT_ONCE):
            tried += len(jobs)
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(self._do(job))
        return tried

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Claim what there is room for and begin it; then wait until there may be more."""
        self._changed.clear()
        pause = LOOK_SECONDS
        room = AT_ONCE - len(self._running)
        if room > 0:
            # Asked first: what becomes due in between is claimed, and not overlooked until the next look.
            due = await self._queue.seconds_until_due(self._limits)
            for job in await self._queue.claim(self._limits, room):
                self._begin(group, job)
            pause = min(LOOK_SECONDS, max(due, 0.01)) if due is not None else LOOK_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._changed.wait()

    def _begin(self, group: asyncio.TaskGroup, job: Job) -> None:
        task = group.create_task(self._do(job))
        self._running[job.id] = task

        def ended(_: "asyncio.Task[None]") -> None:
            if self._running.get(job.id) is task:
                del self._running[job.id]
            self._changed.set()

        task.add_done_callback(ended)

    async def _do(self, job: Job) -> None:
        care = self._care.get(job.kind, _USUAL)
        if job.tries >= care.tries:
            await self._failed(job, care, GiveUp("every worker that tried it died or was lost"))
            return
        try:
            async with asyncio.timeout(care.seconds):
                await self._handlers[job.kind](self._tools, job.payload)
        except Exception as error:
            await self._failed(job, care, error)
        else:
            self.done += 1
            await self._settle(job, None, None)

    async def _failed(self, job: Job, care: Care, error: Exception) -> None:
        self.failed += 1
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, GiveUp) or job.tries + 1 >= care.tries:
            _log.error("job_dead", kind=job.kind, job=job.id, tries=job.tries + 1, reason=reason[:500], exc_info=error)
            await self._settle(job, reason, None)
        else:
            pause = min(FIRST_PAUSE * 2.0**job.tries, LONGEST_PAUSE)
            _log.warning("job_failed", kind=job.kind, job=job.id, tries=job.tries + 1, again=pause, reason=reason[:500])
            await self._settle(job, reason, pause)

    async def _settle(self, job: Job, reason: str | None, pause: float | None) -> None:
        """Write down how it ended, until Postgres takes it, or this worker is no longer sure that the job is its own."""
        until = time.monotonic() + SURE_SECONDS
        while True:
            try:
                if reason is None:
                    await self._queue.finish(job)
                elif pause is None:
                    await self._queue.give_up(job, reason)
                else:
                    await self._queue.retry(job, pause, reason)
            except StoreAway:
                if time.monotonic() >= until:
                    _log.warning("job_unsettled", kind=job.kind, job=job.id)
                    return  # it will be found stale, and done again
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _keep_beating(self) -> None:
        """Tell that what runs here is alive; cancel what another has taken, or may have."""
        sure = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            began, held = time.monotonic(), dict(self._running)
            lost: set[int] = set()
            try:
                lost = held.keys() - await self._queue.beat(held) if held else set()
                sure = began
            except StoreAway:
                if began - sure >= SURE_SECONDS:
                    lost = set(held)
            for number in lost:
                # One that is just being settled is not ours any more either, and ends by itself.
                if number in self._running and held[number] is self._running[number]:
                    _log.warning("job_lost", job=number)
                    held[number].cancel()

    async def _repeat(self, kind: str, seconds: float) -> None:
        while True:
            try:
                async with self._tools.database.writing() as connection:
                    await enqueue(connection, kind, {}, key="routine")
            except StoreAway as error:
                _log.warning("routine_not_enqueued", kind=kind, reason=str(error)[:200])
            await asyncio.sleep(seconds)
