"""From WebSocket frames to whole messages (RFC 6455, section 5.4), within a bound."""

from realtime.closing import MALFORMED, PROTOCOL_ERROR, TOO_BIG, Close

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2


class Assembler:
    """Puts the fragments of one connection's text messages together."""

    __slots__ = ("_limit", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] | None = None
        self._size = 0

    def add(self, opcode: int, fin: bool, payload: bytes) -> bytes | tuple[Close, str] | None:
        """The message that this data frame completes, None while more is to come, or why the socket must be closed."""
        if opcode == CONTINUATION:
            if self._parts is None:
                return PROTOCOL_ERROR, "a continuation of nothing"
        elif opcode == BINARY:
            return MALFORMED, "only text frames are spoken here"
        elif opcode != TEXT:
            return PROTOCOL_ERROR, "no such opcode"
        elif self._parts is not None:
            return PROTOCOL_ERROR, "a new message inside another"
        elif fin:
            return payload if len(payload) <= self._limit else self._too_big()
        else:
            self._parts = []
        return self._append(fin, payload, self._parts)

    def _append(self, fin: bool, payload: bytes, parts: list[bytes]) -> bytes | tuple[Close, str] | None:
        self._size += len(payload)
        if self._size > self._limit:
            parts.clear()
            return self._too_big()
        if payload:
            parts.append(payload)
        if not fin:
            return None
        self._parts, self._size = None, 0
        return b"".join(parts)

    def _too_big(self) -> tuple[Close, str]:
        return TOO_BIG, f"a message may have {self._limit} bytes"
