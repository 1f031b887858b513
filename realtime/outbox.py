"""What one socket still has to be sent, within a bound: a reader that stops never costs more than that."""

from collections import deque
from collections.abc import Callable


class Outbox:
    """Frames go straight to the transport while it takes them; once it is `blocked` they wait here, by reference, so
    that a thousand slow readers of one class share the same bytes. More than `limit` waiting bytes is an overflow:
    what waited is dropped, nothing is taken any more, and `overflow` is told once."""

    __slots__ = ("_blocked", "_limit", "_overflow", "_shut", "_waiting", "_waiting_bytes", "_write")

    def __init__(self, write: Callable[[bytes], None], overflow: Callable[[], None], limit: int) -> None:
        self._write = write
        self._overflow = overflow
        self._limit = limit
        self._waiting: deque[bytes] | None = None  # made when needed: most sockets never do
        self._waiting_bytes = 0
        self._blocked = False
        self._shut = False

    @property
    def waiting_bytes(self) -> int:
        """How much waits here, beside what the transport itself holds."""
        return self._waiting_bytes

    def send(self, frame: bytes) -> None:
        """Send `frame` after everything sent before; without effect once shut."""
        if self._shut:
            return
        if not self._blocked:
            self._write(frame)
            return
        self._waiting_bytes += len(frame)
        if self._waiting_bytes > self._limit:
            self.shut()
            self._overflow()
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(frame)

    def block(self) -> None:
        """The transport holds enough for now."""
        self._blocked = True

    def unblock(self) -> None:
        """The transport has room again: send what waited, until it says `block` once more."""
        self._blocked = False
        while self._waiting and not self._blocked:
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            self._write(frame)

    def shut(self) -> None:
        """Take nothing any more and forget what waited."""
        self._shut = True
        self._waiting = None
        self._waiting_bytes = 0
