"""SRTP for many receivers: one packet, encrypted in place once for each (RFC 3711, RFC 7714).

The only user of pylibsrtp's private names, behind `self_test`; without them the same is done by its public ones, slower."""

import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from pylibsrtp import Error, Policy, Session

from realtime.sfu.mux import Address

_NUMBERS = struct.Struct("!HI")
_PICTURE = struct.Struct("!H")


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
        "session",
    )

    def __init__(self, session: Session, address: Address, *, fast: bool | None = None) -> None:
        self.session = session
        self.context: Any = _context(session) if (FAST if fast is None else fast) else None
        self.address = address
        self.add_sequence = 0
        self.add_timestamp = 0
        self.add_picture = 0
        """For VP8 picture ids, modulo 2^15."""
        self.add_zero = 0
        """For VP8 TL0PICIDX, modulo 2^8."""
        self.patched = False
        """Whether one of these two is not 0."""

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


Fan = Callable[[bytes, int, int, Places | None, Iterable[Receiver], socket.socket], int]
"""(packet, its sequence, its timestamp, its places, receivers, socket) -> how many were not sent."""


def patch(buffer: Any, places: Places, receiver: Receiver) -> None:
    """Write the receiver's picture id and TL0PICIDX into a packet."""
    if places.picture_at:
        number = places.picture + receiver.add_picture
        if places.long:
            _PICTURE.pack_into(buffer, places.picture_at, 0x8000 | number & 0x7FFF)
        else:
            buffer[places.picture_at] = number & 0x7F
    if places.zero_at:
        buffer[places.zero_at] = (places.zero + receiver.add_zero) & 0xFF


def fan_publicly(
    packet: bytes, sequence: int, timestamp: int, places: Places | None, receivers: Iterable[Receiver], port: socket.socket
) -> int:
    """Encrypt and send a packet to each receiver by public names only."""
    missed = 0
    for receiver in receivers:
        buffer = bytearray(packet)
        _NUMBERS.pack_into(
            buffer, 2, (sequence + receiver.add_sequence) & 0xFFFF, (timestamp + receiver.add_timestamp) & 0xFFFFFFFF
        )
        if receiver.patched and places is not None:
            patch(buffer, places, receiver)
        try:
            port.sendto(receiver.session.protect(bytes(buffer)), receiver.address)
        except (OSError, Error, ValueError):
            missed += 1
    return missed


def _fan_fast_maker() -> Fan | None:
    """The same without a copy and an object a receiver; None where pylibsrtp has not what it takes."""
    try:
        from pylibsrtp._binding import (  # type: ignore[import-not-found]  # compiled, without stubs
            ffi,
            lib,
        )

        # measured: a third of the time of `Session.protect`

        protect = lib.srtp_protect
        buffer = ffi.new("unsigned char[]", 2048)
        view = memoryview(ffi.buffer(buffer))
        length = ffi.new("int *")
    except (ImportError, AttributeError):
        return None

    def fan_fast(
        packet: bytes,
        sequence: int,
        timestamp: int,
        places: Places | None,
        receivers: Iterable[Receiver],
        port: socket.socket,
    ) -> int:
        size, missed, sendto, pack_into = len(packet), 0, port.sendto, _NUMBERS.pack_into
        for receiver in receivers:
            view[:size] = packet
            length[0] = size
            pack_into(
                view, 2, (sequence + receiver.add_sequence) & 0xFFFF, (timestamp + receiver.add_timestamp) & 0xFFFFFFFF
            )
            if receiver.patched and places is not None:
                patch(view, places, receiver)
            if protect(receiver.context, buffer, length):
                missed += 1
                continue
            try:
                sendto(view[: length[0]], receiver.address)
            except OSError:
                missed += 1
        return missed

    return fan_fast


def _context(session: Session) -> Any:
    return session._srtp[0]


def session_of(key: bytes, profile: int, *, outbound: bool) -> Session:
    """An SRTP session for all streams of one direction, with replay protection over 1,024 packets."""
    kind = Policy.SSRC_ANY_OUTBOUND if outbound else Policy.SSRC_ANY_INBOUND
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
    policy.allow_repeat_tx = True  # what is sent again, is sent as it was
    policy.window_size = 1024
    return Session(policy)


def self_test() -> bool:
    """Whether the fast way is there and does exactly what the public one does; tried with one packet."""
    if _fast is None or not hasattr(Session, "protect"):
        return False
    profile, key = Policy.SRTP_PROFILE_AES128_CM_SHA1_80, bytes(range(30))
    packet = struct.pack("!BBHII", 0x80, 96, 7, 9, 11) + b"payload"
    reader = session_of(key, profile, outbound=False)
    out, back = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    class _Connected:
        """A socket that ignores the address, as a pair has none."""

        @staticmethod
        def sendto(data: Any, _address: object) -> int:
            return out.send(data)

    with out, back:
        try:
            receiver = Receiver(session_of(key, profile, outbound=True), ("", 0), fast=True)
            receiver.shift(1, 2, 0, 0)
            if _fast(packet, 7, 9, None, (receiver,), _Connected):  # type: ignore[arg-type]  # only its sendto is used
                return False
            back.settimeout(1.0)
            return reader.unprotect(back.recv(2048)) == struct.pack("!BBHII", 0x80, 96, 8, 11, 11) + b"payload"
        except (AttributeError, TypeError, IndexError, Error, OSError):
            return False


_fast = _fan_fast_maker()
FAST = self_test()
fan: Fan = _fast if FAST and _fast is not None else fan_publicly
