"""The Ray actor that does the jobs of a node: a shell around `Runner`."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import structlog

from actors.config import ActorConfig
from actors.logs import configure_logs
from actors.orphans import end_with_parent
from actors.ray_calls import wake_self, woken_once

CONNECTIONS = 4
WAKE_SECONDS = 0.5
TIDY_EVERY_SECONDS = 600.0

_log = structlog.get_logger(__name__)


class JobWorker:
    """Does jobs, whoever enqueued them. Ray starts it again; what it was doing is done again by whoever looks next."""

    def __init__(self, config: ActorConfig, name: str, hosts: Sequence[str]) -> None:
        configure_logs()
        end_with_parent()
        self._config = config
        self._name = name
        self._hosts = hosts
        self._runner: Any = None
        self._running: asyncio.Task[None] | None = None
        wake_self()

    @woken_once
    async def wake(self) -> None:
        """Work until it is closed, whatever happens: Ray makes a restarted actor anew, and nobody else calls this."""
        self._running = asyncio.current_task()
        while True:
            try:
                await self._work()
            except Exception:
                _log.exception("jobs_stopped", worker=self._name)
            await asyncio.sleep(WAKE_SECONDS)

    async def health(self) -> dict[str, Any]:
        """How it goes; answered in the `health` group."""
        runner = self._runner
        stats = {"running": runner.running, "done": runner.done, "failed": runner.failed} if runner is not None else {}
        return {"name": self._name, "pid": os.getpid(), "started": runner is not None, **stats}

    async def close(self, timeout_seconds: float) -> None:
        """Begin nothing new. What runs is cancelled: its cause is in the queue, and the next start does it."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running], timeout=timeout_seconds)

    async def _work(self) -> None:
        # Here and not above: who makes this actor needs none of it, and it takes as long to import as a replica.
        from actors.dispatch import Dispatcher
        from actors.jobs.handlers import CARE, HANDLERS
        from actors.jobs.mailing import make_mailer
        from actors.jobs.running import Runner
        from actors.jobs.tools import JobTools
        from actors.nodes import hosts_now
        from actors.ray_calls import RayCalls
        from classroom.times import Moment
        from persistence.database import Database, open_engine
        from persistence.ids import new_id
        from persistence.job_queue import JobQueue
        from persistence.object_store import open_object_store
        from persistence.pools import open_pool

        config = self._config
        database = Database(open_engine(config.database_url, size=CONNECTIONS))
        dispatcher = Dispatcher(RayCalls(config.namespace), self._hosts, hosts_now(config).latest)
        try:
            async with await open_pool(config.database_url, CONNECTIONS, least=0) as pool:
                tools = JobTools(
                    database=database,
                    mailer=make_mailer(config.jobs),
                    values=config.jobs,
                    clock=lambda: Moment(time.time_ns() // 1_000),
                    new_id=new_id,
                    grains=dispatcher,
                    objects=open_object_store(config.jobs.objects_url),
                )
                queue = JobQueue(pool)
                self._runner = Runner(queue, tools, HANDLERS, CARE)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._runner.run())
                    group.create_task(_keep_tidy(queue))
        finally:
            self._runner = None
            await database.close()


async def _keep_tidy(queue: Any) -> None:
    from persistence.errors import StoreAway

    while True:
        try:
            while await queue.tidy():
                pass
        except StoreAway as error:
            _log.warning("old jobs stay for now", reason=str(error)[:200])
        await asyncio.sleep(TIDY_EVERY_SECONDS)
