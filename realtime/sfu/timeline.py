"""When a frame was taken, on one clock for sound and pictures: by the senders' reports (RFC 3550 section 6.4.1) where there
are some, else by when packets arrived."""

from math import inf

WINDOW_SECONDS = 5.0
"""The packet that travelled fastest within one to two windows says how far timestamps are from our clock."""
MOST_AHEAD = 0.5
"""A report is believed as far as that: more is no delay but a wrong clock."""
PAUSE_SECONDS = 0.5
"""After a pause timestamps may go on as if there had been none: those of a microphone that was muted do."""
JUMP_SECONDS = 0.25
DRIFT = 0.02
"""Below a jump, times are corrected by at most so much of the time that passed: no ear hears it."""


class Track:
    """The timestamps of one stream."""

    __slots__ = ("_before", "_began", "_fastest", "_heard_at", "_placed_at", "_rate", "_shift", "clock", "sender")

    def __init__(self, rate: int) -> None:
        """`rate`: of the timestamps, a second."""
        self._rate = rate
        self._fastest = self._before = inf
        self._began = self._heard_at = -inf
        self._shift: float | None = None
        self._placed_at = 0.0
        self.sender: str | None = None
        self.clock = 0.0
        """What the sender's clock shows at timestamp 0, in seconds; without a `sender` it says nothing."""

    @property
    def arrival(self) -> float:
        """What our clock shows at timestamp 0, for the packets that travelled fastest; infinite before the first."""
        return min(self._fastest, self._before)

    def arrived(self, timestamp: int, now: float) -> None:
        """A packet came."""
        offset = now - timestamp / self._rate
        if now - self._heard_at >= PAUSE_SECONDS and abs(offset - self.arrival) > MOST_AHEAD:
            self._fastest = self._before = inf
            self.sender = None  # until it says anew what its clock showed
        self._heard_at = now
        if now - self._began >= WINDOW_SECONDS:
            self._before, self._fastest, self._began = self._fastest, inf, now
        self._fastest = min(self._fastest, offset)

    def reported(self, sender: str, sender_seconds: float, timestamp: int) -> None:
        """The sender's clock showed `sender_seconds` at `timestamp`."""
        self.sender, self.clock = sender, sender_seconds - timestamp / self._rate

    def place(self, timestamp: int, now: float, beside: "Track") -> float:
        """When this was taken, in seconds of our clock. `beside` is the other track: of the same sender, both are placed by
        the sender's clock, and the faster of them says how far that is from ours. Raises ValueError before any packet."""
        wanted = self.arrival
        if wanted == inf:
            raise ValueError("Nothing has arrived on this track.")
        if self.sender is not None and self.sender == beside.sender and beside.arrival < inf:
            wanted = max(wanted - MOST_AHEAD, self.clock + min(wanted - self.clock, beside.arrival - beside.clock))
        shift = self._shift
        if shift is None or abs(wanted - shift) > JUMP_SECONDS:
            shift = wanted
        else:
            most = DRIFT * max(0.0, now - self._placed_at)
            shift += min(most, max(-most, wanted - shift))
        self._shift, self._placed_at = shift, now
        return timestamp / self._rate + shift
