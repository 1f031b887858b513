"""One line of a viewer's session: which stream is on it, and by what its numbers differ from the stream's."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from realtime.sfu.srtp import Packet, Receiver

if TYPE_CHECKING:
    from realtime.sfu.streams import Stream

CODES = {"opus": 0, "vp8": 1, "h264": 2}
"""Codecs as canonical packets have them in the place of the payload type."""
CLOCK_RATES = {"audio": 48_000, "video": 90_000}
_NO_TYPE = -1


class Shape(NamedTuple):
    """What packets of a line look like; viewers with like shapes share a packet. `payload_types` by `CODES`, -1: none.
    `extension_id` is the audio level's or the absolute send time's, 0: none."""

    ssrc: int
    payload_types: tuple[int, int, int]
    extension_id: int


def shape_of(ssrc: int, payload_types: dict[str, int], extension_id: int) -> Shape:
    """The shape of a line that takes these codecs under these payload types."""
    opus, vp8, h264 = (payload_types.get(codec, _NO_TYPE) for codec in CODES)
    return Shape(ssrc, (opus, vp8, h264), extension_id)


class Group:
    """Viewers of a stream whose packets look alike."""

    __slots__ = ("held", "receivers", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.receivers: list[Receiver] = []
        self.held: list[Packet] = []
        """What they are to be sent together (`egress`)."""


@dataclass(slots=True)
class Numbers:
    """The newest numbers of a stream, or of a line."""

    sequence: int
    timestamp: int
    picture: int
    zero: int
    at: float


class Lane:
    """A line of one viewer. It follows at most one stream, and may wait for the keyframe of another."""

    __slots__ = (
        "first",
        "kind",
        "last",
        "octets_before",
        "packets_before",
        "receiver",
        "rtx_sequence",
        "rtx_ssrc",
        "rtx_types",
        "shape",
        "slot",
        "stream",
        "waits_for",
    )

    def __init__(
        self, slot: str, kind: str, shape: Shape, receiver: Receiver, rtx_types: dict[int, int], rtx_ssrc: int
    ) -> None:
        """`rtx_types`: payload types of retransmission by those they are for; empty where it was not offered."""
        self.slot = slot
        self.kind = kind
        self.shape = shape
        self.receiver = receiver
        self.stream: Stream | None = None
        self.waits_for: Stream | None = None
        self.rtx_types = rtx_types
        self.rtx_ssrc = rtx_ssrc
        self.rtx_sequence = secrets.randbelow(0x4000)
        self.last: Numbers | None = None
        self.first = 0
        self.packets_before = 0
        self.octets_before = 0

    def enter(self, stream: "Stream", begin: Numbers) -> None:
        """Follow a stream whose next packet has these numbers: the line's own go on without a jump."""
        receiver, last = self.receiver, self.last
        if last is None:  # a low start: a receiver that misses the first packets does not guess a wrap-around wrong
            receiver.shift(secrets.randbelow(0x4000) - begin.sequence, 0, 0, 0)
        else:
            passed = max(1, round((begin.at - last.at) * CLOCK_RATES[self.kind]))
            receiver.shift(
                last.sequence + 1 - begin.sequence,
                last.timestamp + passed - begin.timestamp,
                last.picture + 1 - begin.picture,
                last.zero + 1 - begin.zero,
            )
        self.first = begin.sequence
        self.stream = stream
        self.packets_before += -stream.packets
        self.octets_before += -stream.octets

    def leave(self) -> None:
        """Follow nothing, and remember how far the line came."""
        stream = self.stream
        if stream is None:
            return
        receiver, newest = self.receiver, stream.newest
        self.last = Numbers(
            (newest.sequence + receiver.add_sequence) & 0xFFFF,
            (newest.timestamp + receiver.add_timestamp) & 0xFFFFFFFF,
            (newest.picture + receiver.add_picture) & 0x7FFF,
            (newest.zero + receiver.add_zero) & 0xFF,
            newest.at,
        )
        self.packets_before += stream.packets
        self.octets_before += stream.octets
        self.stream = None

    @property
    def packets(self) -> int:
        """How many packets went out on the line."""
        return self.packets_before + (0 if self.stream is None else self.stream.packets)

    @property
    def octets(self) -> int:
        """How many bytes of payload."""
        return self.octets_before + (0 if self.stream is None else self.stream.octets)
