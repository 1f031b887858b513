"""Telling the classes which connections are gone, in an order that cannot be misheard."""

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from classroom.callers import Caller
from classroom.ids import ConnectionId, SessionId
from classroom.ports import Topics
from realtime.tasks import Tasks

_log = structlog.get_logger(__name__)


class Departures:
    """One connection's departures are told one after the other; whoever comes back at once waits for them (`told`), or
    the class might hear the coming before the going."""

    def __init__(self, topics: Topics, tasks: Tasks, call_seconds: float) -> None:
        self._topics = topics
        self._tasks = tasks
        self._call_seconds = call_seconds
        self._under_way: dict[ConnectionId, asyncio.Task[None]] = {}

    def tell(self, connection: ConnectionId, caller: Caller, sessions: Iterable[SessionId]) -> None:
        """The connection is no longer present in these classes."""
        left = tuple(sessions)
        if left:
            before = self._under_way.get(connection)
            self._under_way[connection] = self._tasks.start(self._tell(before, connection, caller, left), "gone")

    def under_way(self, connection: ConnectionId) -> bool:
        """Whether a class is still being told of a departure of this connection."""
        return connection in self._under_way

    async def told(self, connection: ConnectionId) -> None:
        """Wait until the classes know of every departure so far, or have not answered in time."""
        under_way = self._under_way.get(connection)
        if under_way is not None:
            await asyncio.wait((under_way,))

    async def _tell(
        self, before: asyncio.Task[None] | None, connection: ConnectionId, caller: Caller, sessions: Sequence[SessionId]
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
