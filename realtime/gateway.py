"""The gateway: sockets on one side, the ports of the live classes on the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from classroom.callers import Caller
from classroom.ids import SessionId, Topic, UserId
from classroom.ports import Batch, GatewayDirectory, LiveSessions, Tickets, Topics
from realtime.settings import GatewaySettings

Identify = Callable[[str], Caller | Awaitable[Caller | None] | None]
"""Who an access token speaks for; None when it is not a good one. Tickets are tried when this says None."""


@dataclass(frozen=True)
class Evict:
    """Send a person's sockets away: those that follow or hold a seat in `session_id`, or all of them when it is None.
    `code` is a close code of `realtime/closing.py`, for example 4502."""

    user_id: UserId
    session_id: SessionId | None = None
    code: int = 4502


class Gateway:
    """One WebSocket server of `lyceum.v1`. Everything here runs in one event loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        identify: Identify,
        tickets: Tickets,
        live: LiveSessions,
        topics: Topics,
        directory: GatewayDirectory,
    ) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Listen, and register in the directory every few seconds. Raises OSError when the port is taken."""
        raise NotImplementedError

    def deliver(self, batches: Sequence[Batch]) -> None:
        """Hand new events to whoever follows their topics. Never waits; call it in the gateway's loop."""
        raise NotImplementedError

    async def resync(self, topics: Sequence[Topic]) -> None:
        """Follow these topics anew (their host was restarted) and catch up on what was missed; begins at once,
        goes on by itself. Topics that nobody here follows are passed over."""
        raise NotImplementedError

    def evict(self, evictions: Sequence[Evict]) -> None:
        """Close the sockets these evictions speak of."""
        raise NotImplementedError

    async def drain(self, timeout_seconds: float) -> None:
        """Take nobody new, close every socket with 1012, tell the classes who left; done within the timeout."""
        raise NotImplementedError

    def topics(self) -> list[Topic]:
        """The topics this gateway follows now."""
        raise NotImplementedError

    def stats(self) -> Mapping[str, int]:
        """Counters since the start, and the sizes of now."""
        raise NotImplementedError
