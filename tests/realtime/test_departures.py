"""What a connection asks for behind its own departure."""

import asyncio
from collections.abc import Sequence

from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, SessionId, UserId
from realtime.departures import Departures
from realtime.memory import MemoryHost
from realtime.tasks import Tasks

SAM = Caller(UserId("sam"), "Sam", Role.STUDENT)
ONE = ConnectionId("one")
ROOM = SessionId("room")


class SlowHost(MemoryHost):
    """Hears of a departure when the test lets it."""

    def __init__(self) -> None:
        super().__init__(lambda batches: None)
        self.heard = asyncio.Event()

    async def gone(self, sessions: Sequence[SessionId] | None, caller: Caller, connection: ConnectionId) -> None:
        await self.heard.wait()
        await super().gone(sessions, caller, connection)


async def test_nothing_overtakes_what_waits_behind_a_departure() -> None:
    host, done = SlowHost(), list[str]()
    departures = Departures(host, Tasks(), 1)
    departures.after(ONE, lambda: done.append("before"))
    departures.tell(ONE, SAM, (ROOM,))
    departures.after(ONE, lambda: done.append("first"))
    departures.after(ConnectionId("other"), lambda: done.append("another's"))
    host.heard.set()
    while "first" not in done:
        departures.after(ONE, lambda: done.append("later"))
        await asyncio.sleep(0)
    assert done[:4] == ["before", "another's", "first", "later"]


async def test_a_departure_among_what_waited_holds_up_the_rest() -> None:
    host, done = SlowHost(), asyncio.Event()
    departures = Departures(host, Tasks(), 1)
    departures.tell(ONE, SAM, (ROOM,))
    departures.after(ONE, lambda: departures.tell(ONE, SAM, None))
    departures.after(ONE, done.set)
    host.heard.set()
    await asyncio.sleep(0)
    assert not done.is_set()
    await asyncio.wait_for(done.wait(), 5)
