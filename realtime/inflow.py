"""What a peer sends, before picows parses it: no more of one frame is ever held than a message may have."""

import asyncio
from collections.abc import Callable

_HEADER_BYTES = 14  # the longest there is (RFC 6455, section 5.2)
_SINK = memoryview(bytearray(64 * 1024))  # nobody reads it, so all sockets share it


class Inflow(asyncio.BufferedProtocol):
    """Stands between the transport and picows' parser. A frame that outgrows `limit` is told to `too_big`, once, and
    from then on whatever comes is thrown away unread.

    picows has a bound of its own, but closes 10 ms after it was met: with data still unread the kernel then resets the
    connection, and a peer in the middle of a large message often never sees the close frame that says why.
    """

    __slots__ = ("_discarding", "_limit", "_parser", "_too_big", "unparsed")

    def __init__(self, parser: asyncio.BufferedProtocol, limit: int, too_big: Callable[[], None]) -> None:
        self.unparsed = 0
        """Bytes that have come and are not yet part of a whole frame; whoever sees the frames sets it."""
        self._parser = parser
        self._limit = limit + _HEADER_BYTES
        self._too_big = too_big
        self._discarding = False

    def get_buffer(self, sizehint: int) -> memoryview:
        """See `asyncio.BufferedProtocol`."""
        return _SINK if self._discarding else memoryview(self._parser.get_buffer(sizehint))

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        if self._discarding:
            return
        self.unparsed += nbytes
        self._parser.buffer_updated(nbytes)
        if self.unparsed > self._limit:
            self._discarding = True
            self._too_big()

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`."""
        return self._parser.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        self._parser.connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._parser.resume_writing()
