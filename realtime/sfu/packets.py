"""RTP packets as they lie in a datagram (RFC 3550 section 5.1, RFC 8285, RFC 4588), and arithmetic that wraps around.

Called once a packet: a `Header` is a tuple of numbers and positions, nothing is copied."""

from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

_FIXED = Struct("!BBHII")
_EXTENSION = Struct("!HH")
_ONE_BYTE = 0xBEDE  # RFC 8285 section 4.2
_TWO_BYTE = 0x1000  # RFC 8285 section 4.3; the low four bits are free
_NEW = tuple.__new__


class Header(NamedTuple):
    """The fixed header, and where the rest is: `payload_at` to `payload_end` (without padding, may be empty),
    `extensions_at` to `extensions_end` (equal when there are none), of `profile` 0xBEDE or 0x1000, else 0."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int
    payload_end: int
    profile: int
    extensions_at: int
    extensions_end: int


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of version 2 is RTCP rather than RTP on the same port (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def parse_header(data: bytes) -> Header | None:
    """The header of an RTP packet, or None when these bytes are none: too short, of another version, with an extension
    or padding that reaches over its bounds. Never raises."""
    size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first & 0xC0 != 0x80:
        return None
    at = end_of_extensions = 12 + 4 * (first & 0x0F)
    extensions_at, profile = at, 0
    if first & 0x10:
        if at + 4 > size:
            return None
        profile, words = _EXTENSION.unpack_from(data, at)
        extensions_at = at + 4
        at = end_of_extensions = extensions_at + 4 * words
        if profile != _ONE_BYTE:
            profile = _TWO_BYTE if profile & 0xFFF0 == _TWO_BYTE else 0
    end = size
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            return None
        end -= padding
    if at > end:
        return None
    return _NEW(
        Header,
        (
            second > 127,
            second & 0x7F,
            sequence,
            timestamp,
            ssrc,
            at,
            end,
            profile,
            extensions_at,
            end_of_extensions,
        ),
    )


def extensions(data: bytes, header: Header) -> dict[int, bytes]:
    """All header extensions by their number, of two with one number the last; up to the first that is broken."""
    at, end = header[8], header[9]
    found: dict[int, bytes] = {}
    if header[7] != _ONE_BYTE:
        return _wide_extensions(data, at, end) if header[7] else found
    while at < end:
        first = data[at]
        at += 1
        if not first:  # padding between elements
            continue
        begin, at = at, at + (first & 0x0F) + 1
        if first < 0x10 or first >= 0xF0 or at > end:  # RFC 8285 section 4.2: 0 and 15 end the reading
            break
        found[first >> 4] = data[begin:at]
    return found


def _wide_extensions(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + 1 < end:
        number = data[at]
        at += 1
        if not number:
            continue
        begin, at = at + 1, at + 1 + data[at]
        if at > end:
            break
        found[number] = data[begin:at]
    return found


def write_extensions(values: Mapping[int, bytes]) -> bytes:
    """The block of header extensions with these values (numbers 1 to 14, each of 1 to 16 bytes), empty without any.
    Raises ValueError for what the one-byte form cannot carry."""
    if not values:
        return b""
    body = bytearray()
    for number, value in values.items():
        if not (1 <= number <= 14 and 1 <= len(value) <= 16):
            raise ValueError(f"A header extension {number} of {len(value)} bytes does not fit the one-byte form.")
        body.append(number << 4 | len(value) - 1)
        body += value
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(_ONE_BYTE, len(body) // 4) + bytes(body)


def to_retransmission(packet: bytes, payload_type: int, sequence: int, ssrc: int) -> bytes | None:
    """`packet` as it is sent again in a stream of its own (RTX, RFC 4588 section 4): the old sequence stands before the
    payload. None when `packet` is no RTP packet."""
    header = parse_header(packet)
    if header is None:
        return None
    at = header.payload_at
    out = bytearray(packet[:at])
    out[0] &= 0xDF  # padding is left behind
    out[1] = (out[1] & 0x80) | payload_type
    out[2:4] = (sequence & 0xFFFF).to_bytes(2, "big")
    out[8:12] = ssrc.to_bytes(4, "big")
    out += packet[2:4]
    out += packet[at : header.payload_end]
    return bytes(out)


def from_retransmission(data: bytes, header: Header, payload_type: int, ssrc: int) -> bytes | None:
    """The packet that an RTX packet carries, as it was first sent: in the stream `ssrc`, of `payload_type`.
    None for one that carries nothing (padding, sent to measure the path)."""
    at = header.payload_at
    if header.payload_end - at < 3:
        return None
    out = bytearray(data[:at])
    out[0] &= 0xDF
    out[1] = (out[1] & 0x80) | payload_type
    out[2:4] = data[at : at + 2]
    out[8:12] = ssrc.to_bytes(4, "big")
    out += data[at + 2 : header.payload_end]
    return bytes(out)


def later(a: int, b: int) -> bool:
    """Whether sequence `a` comes after `b`, modulo 2^16 (RFC 1982); half the circle away counts as before."""
    return 0 < (a - b) & 0xFFFF < 0x8000


class Unwrap16:
    """Makes of numbers modulo 2^16 ones that do not wrap: each is the nearest to the highest seen so far.
    The first stays as it is; what came before it may be negative."""

    __slots__ = ("_highest",)

    _HALF = 0x8000

    def __init__(self) -> None:
        self._highest: int | None = None

    def unwrap(self, value: int) -> int:
        """The unbounded number of `value`."""
        highest = self._highest
        if highest is None:
            self._highest = value
            return value
        half = self._HALF
        found = highest + ((value - highest + half) & (2 * half - 1)) - half
        if found > highest:
            self._highest = found
        return found


class Unwrap32(Unwrap16):
    """The same modulo 2^32, for timestamps."""

    __slots__ = ()

    _HALF = 0x80000000
