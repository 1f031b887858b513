"""The last packets that were sent of a track, to send again what a viewer misses."""

SIZE = 1024


class Ring:
    """The latest 1,024 packets by their sequence modulo 2^16. A packet put under a place that another holds replaces it,
    so memory is bounded by what 1,024 packets weigh."""

    __slots__ = ("_packets", "_sequences")

    def __init__(self) -> None:
        self._packets: list[bytes | None] = [None] * SIZE
        self._sequences = [-1] * SIZE

    def put(self, sequence: int, packet: bytes) -> None:
        """Keep `packet` as `sequence` (0 to 65535)."""
        place = sequence & 1023
        self._sequences[place] = sequence
        self._packets[place] = packet

    def get(self, sequence: int) -> bytes | None:
        """The packet of exactly this sequence, None when it was never here or is gone."""
        place = sequence & 1023
        return self._packets[place] if self._sequences[place] == sequence else None

    def clear(self) -> None:
        """Forget everything: what comes now belongs to another stream."""
        self._packets = [None] * SIZE
        self._sequences = [-1] * SIZE
