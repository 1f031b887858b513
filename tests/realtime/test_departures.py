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


async def test_what_raises_keeps_nobody_else_waiting() -> None:
    host, done = SlowHost(), asyncio.Event()
    departures = Departures(host, Tasks(), 1)
    departures.tell(ONE, SAM, (ROOM,))

    def broken() -> None:
        raise ZeroDivisionError

    departures.after(ONE, broken)
    departures.after(ONE, done.set)
    host.heard.set()
    await asyncio.wait_for(done.wait(), 5)


async def test_who_departs_and_asks_for_more_goes_behind_what_waited_before() -> None:
    host, done = SlowHost(), list[str]()
    over = asyncio.Event()
    departures = Departures(host, Tasks(), 1)
    departures.tell(ONE, SAM, (ROOM,))

    def go_and_come_back() -> None:
        departures.after(ONE, lambda: done.append("third"))
        departures.tell(ONE, SAM, None)
        departures.after(ONE, lambda: done.append("fourth"))
        departures.after(ONE, over.set)

    departures.after(ONE, go_and_come_back)
    departures.after(ONE, lambda: done.append("second"))
    host.heard.set()
    await asyncio.wait_for(over.wait(), 5)
    assert done == ["second", "third", "fourth"]
    departures.after(ONE, lambda: done.append("at once"))
    assert done[-1] == "at once"
