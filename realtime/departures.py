"""Telling the classes which connections are gone, in an order that cannot be misheard."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from classroom.callers import Caller
from classroom.ids import ConnectionId, SessionId
from classroom.ports import Topics
from realtime.tasks import Tasks

_log = structlog.get_logger(__name__)


class Departures:
    """One connection's departures are told one after the other; what it asks for meanwhile waits for them (`after`), or
    the class might hear the coming before the going."""

    def __init__(self, topics: Topics, tasks: Tasks, call_seconds: float) -> None:
        self._topics = topics
        self._tasks = tasks
        self._call_seconds = call_seconds
        self._under_way: dict[ConnectionId, asyncio.Task[None]] = {}
        self._behind: dict[ConnectionId, deque[Callable[[], None]]] = {}

    def tell(self, connection: ConnectionId, caller: Caller, sessions: Sequence[SessionId] | None) -> None:
        """The connection is no longer present in these classes; None: in none at all, because it has closed."""
        before = self._under_way.get(connection)
        self._under_way[connection] = self._tasks.start(self._tell(before, connection, caller, sessions), "gone")

    def after(self, connection: ConnectionId, work: Callable[[], None]) -> None:
        """Do `work` once the classes know of every departure so far, or have not answered in time: at once when there is
        none, otherwise in the order of these calls. The connection itself bounds how much it asks for at a time."""
        if connection in self._under_way or connection in self._behind:
            self._behind.setdefault(connection, deque()).append(work)
        else:
            work()

    async def _tell(
        self,
        before: asyncio.Task[None] | None,
        connection: ConnectionId,
        caller: Caller,
        sessions: Sequence[SessionId] | None,
    ) -> None:
        if before is not None:
            await asyncio.wait((before,))
        try:
            async with asyncio.timeout(self._call_seconds):
                await self._topics.gone(sessions, caller, connection)
        except TimeoutError:
            _log.warning("connection.gone_timed_out", connection=connection, sessions=sessions)
        finally:
            if self._under_way.get(connection) is asyncio.current_task():
                del self._under_way[connection]
                self._go_on(connection)

    def _go_on(self, connection: ConnectionId) -> None:
        behind = self._behind.get(connection)
        while behind and connection not in self._under_way:  # one of these may be a departure, or ask for more
            work = behind.popleft()
            try:
                work()
            except Exception:
                _log.exception("connection.work_failed", connection=connection)
        if not behind:
            self._behind.pop(connection, None)
