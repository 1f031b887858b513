"""What a stream sees of those around it: where its packets come from, and who takes them without a network."""

from collections.abc import Hashable
from typing import Protocol


class Encoding(Protocol):
    """One layer of one track as it comes in, from a publisher or over a link."""

    codec: str
    token: Hashable
    """Another one after each new beginning of its numbers."""
    heard_at: float
    rate: int

    @property
    def sender(self) -> str:
        """Whose clock its reports tell: the same for the sound and the pictures of one session."""
        ...

    @property
    def newest(self) -> int:
        """The newest sequence that came, -1 before the first."""
        ...

    def want_keyframe(self, now: float) -> None:
        """Ask who sends it for a keyframe, once a second at most."""
        ...


class Tap(Protocol):
    """Who takes a stream without a network: a recorder."""

    def on_packet(self, codec: str, packet: bytes, now: float) -> None:
        """A packet with the stream's own numbers, without header extensions; its payload type says nothing."""
        ...

    def on_report(self, sender: str, ntp: int, timestamp: int) -> None:
        """The clock of who sends it showed `ntp` (64 bits) at a timestamp of the stream."""
        ...
