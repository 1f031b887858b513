"""WebSocket frames as servers send them (RFC 6455, section 5), cut out of a byte stream without a call a byte."""

_CONTINUATION, TEXT, CLOSE, PING = 0, 1, 8, 9


class FrameReader:
    """Feed it what was read; whole messages come out, fragments joined, control frames as they are."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._parts: list[bytes] = []
        self._opcode = TEXT

    def feed(self, said: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload of every message that `said` completes. Raises ValueError on what no server may send."""
        self._held += said
        messages: list[tuple[int, bytes]] = []
        at = 0
        while (found := self._frame(at)) is not None:
            head, payload, at = found
            opcode, last = head & 0x0F, bool(head & 0x80)
            if opcode >= CLOSE:
                messages.append((opcode, payload))
                continue
            if opcode != _CONTINUATION:
                self._opcode = opcode
            self._parts.append(payload)
            if last:
                messages.append((self._opcode, b"".join(self._parts)))
                self._parts.clear()
        del self._held[:at]
        return messages

    def _frame(self, at: int) -> tuple[int, bytes, int] | None:
        """First byte, payload and end of the frame at `at`, if it is all there."""
        held = self._held
        if len(held) < at + 2:
            return None
        length, start = held[at + 1], at + 2
        if length & 0x80:
            raise ValueError("A server's frame is masked.")
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(held) < start + size:
                return None
            length = int.from_bytes(held[start : start + size], "big")
            start += size
        if len(held) < start + length:
            return None
        return held[at], bytes(held[start : start + length]), start + length
