"""WebSocket text frames as the server sends them (RFC 6455, section 5.2): a thousand sockets share the bytes of one."""

_TEXT = b"\x81"  # the only frame of its message, text
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, b"\x7e", b"\x7f"


def framed(message: bytes) -> bytes:
    """The text message as one unmasked frame."""
    size = len(message)
    if size <= _SHORT:
        return b"%b%c%b" % (_TEXT, size, message)
    if size < 1 << 16:
        return b"%b%b%b%b" % (_TEXT, _TWO_BYTES, size.to_bytes(2, "big"), message)
    return b"%b%b%b%b" % (_TEXT, _EIGHT_BYTES, size.to_bytes(8, "big"), message)


class LatestFrame:
    """`framed` for a fan-out: the message that was framed last is not framed again."""

    __slots__ = ("_frame", "_message")

    def __init__(self) -> None:
        self._message = b""
        self._frame = framed(b"")

    def of(self, message: bytes) -> bytes:
        """`framed(message)`."""
        if message is not self._message:
            self._message, self._frame = message, framed(message)
        return self._frame
