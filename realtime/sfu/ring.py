"""The last packets that were sent of a track, to send again what a viewer misses, and to send nothing twice by chance."""

SIZE = 1024
"""As many as the replay window of our SRTP sessions: what is not in here cannot be sent under its number any more."""


class Ring:
    """The latest 1,024 packets by their sequence modulo 2^16, so memory is bounded by what these weigh."""

    __slots__ = ("_newest", "_packets", "_sequences")

    def __init__(self) -> None:
        self._newest = -1
        self._packets: list[bytes | None] = [None] * SIZE
        self._sequences = [-1] * SIZE

    def put(self, sequence: int, packet: bytes) -> bool:
        """Keep `packet` as `sequence` (0 to 65535); False, and nothing changes, when there is one of this sequence already
        or 1,024 and more came after it: under one number SRTP may encrypt one content only (RFC 7714, 8.1)."""
        place = sequence & 1023
        newest = self._newest
        if newest < 0 or 0 < (sequence - newest) & 0xFFFF < 0x8000:
            self._newest = sequence
        elif (newest - sequence) & 0xFFFF >= SIZE or self._sequences[place] == sequence:
            return False
        self._sequences[place] = sequence
        self._packets[place] = packet
        return True

    def get(self, sequence: int) -> bytes | None:
        """The packet of exactly this sequence, None when it was never here or is gone."""
        place = sequence & 1023
        if self._sequences[place] != sequence or (self._newest - sequence) & 0xFFFF >= SIZE:
            return None
        return self._packets[place]

    def clear(self) -> None:
        """Forget everything: what comes now belongs to another stream."""
        self._newest = -1
        self._packets = [None] * SIZE
        self._sequences = [-1] * SIZE
