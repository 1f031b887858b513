"""SRTP for many receivers (RFC 3711, RFC 7714): who they are, what is changed in a packet for each, and how it is sent by
public names. `fan` does the same faster."""

import socket
from collections.abc import Callable, Collection, Sequence
from struct import Struct
from typing import Any, NamedTuple

from pylibsrtp import Error, Policy, Session

Address = tuple[str, int]
NUMBERS = Struct("!HI")
"""Sequence and timestamp, from a packet's third byte on."""
_PICTURE = Struct("!H")


class Receiver:
    """One stream on its way to one peer: where it goes, and what is added to its numbers."""

    __slots__ = (
        "add_picture",
        "add_sequence",
        "add_timestamp",
        "add_zero",
        "address",
        "context",
        "patched",
        "segments",
        "session",
        "trailer",
    )

    def __init__(self, session: Session, address: Address) -> None:
        self.session = session
        self.address = address
        self.context: Any = None
        """What `fan` knows the session by."""
        self.trailer = 0
        """By how many bytes encryption makes a packet longer; 0: not known yet."""
        self.segments = True
        """Whether the way there takes several packets in one datagram of the system's."""
        self.add_sequence = 0
        self.add_timestamp = 0
        self.add_picture = 0
        """For VP8 picture ids, modulo 2^15."""
        self.add_zero = 0
        """For VP8 TL0PICIDX, modulo 2^8."""
        self.patched = False
        """Whether one of these two is not 0."""

    def move(self, address: Address) -> None:
        """Send there from now on."""
        self.address = address
        self.segments = True

    def shift(self, sequence: int, timestamp: int, picture: int, zero: int) -> None:
        """Add these to the numbers of what comes from now on."""
        self.add_sequence = sequence & 0xFFFF
        self.add_timestamp = timestamp & 0xFFFFFFFF
        self.add_picture = picture & 0x7FFF
        self.add_zero = zero & 0xFF
        self.patched = bool(self.add_picture or self.add_zero)


class Places:
    """Where in a packet the VP8 picture id and TL0PICIDX stand, and what they are; `picture_at` 0: there is none."""

    __slots__ = ("long", "picture", "picture_at", "zero", "zero_at")

    def __init__(self, picture_at: int, picture: int, zero_at: int, zero: int, *, long: bool) -> None:
        self.picture_at = picture_at
        self.picture = picture
        self.zero_at = zero_at
        self.zero = zero
        self.long = long


class Packet(NamedTuple):
    """A packet as its receivers get it but for their own numbers, and what it says: `places` None: nothing of VP8."""

    data: bytes
    sequence: int
    timestamp: int
    places: Places | None = None


Fan = Callable[[Sequence[Packet], Collection[Receiver], socket.socket], int]
"""Encrypt these packets for each of the receivers, and send them: how many were not sent."""


def patch(buffer: Any, places: Places, receiver: Receiver, at: int = 0) -> None:
    """Write the receiver's picture id and TL0PICIDX into the packet that begins at `at`."""
    if places.picture_at:
        number = places.picture + receiver.add_picture
        if places.long:
            _PICTURE.pack_into(buffer, at + places.picture_at, 0x8000 | number & 0x7FFF)
        else:
            buffer[at + places.picture_at] = number & 0x7F
    if places.zero_at:
        buffer[at + places.zero_at] = (places.zero + receiver.add_zero) & 0xFF


def fan_publicly(packets: Sequence[Packet], receivers: Collection[Receiver], port: socket.socket) -> int:
    """A `Fan` by public names only."""
    missed = 0
    for packet in packets:
        for receiver in receivers:
            try:
                port.sendto(receiver.session.protect(_written(packet, receiver)), receiver.address)
            except (OSError, Error, ValueError):
                missed += 1
    return missed


def _written(packet: Packet, receiver: Receiver) -> bytes:
    buffer = bytearray(packet.data)
    sequence, timestamp = packet.sequence + receiver.add_sequence, packet.timestamp + receiver.add_timestamp
    NUMBERS.pack_into(buffer, 2, sequence & 0xFFFF, timestamp & 0xFFFFFFFF)
    if receiver.patched and packet.places is not None:
        patch(buffer, packet.places, receiver)
    return bytes(buffer)


def session_of(key: bytes, profile: int, *, outbound: bool) -> Session:
    """An SRTP session for all streams of one direction, with replay protection over 1,024 packets."""
    kind = Policy.SSRC_ANY_OUTBOUND if outbound else Policy.SSRC_ANY_INBOUND
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
    policy.allow_repeat_tx = True  # what is sent again, is sent as it was
    policy.window_size = 1024
    return Session(policy)
