"""Whole frames out of RTP packets, in order, as encoded: VP8 (RFC 7741), H.264 (RFC 6184, to Annex B), Opus (RFC 7587)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from realtime.sfu.packets import Header, Unwrap16, parse_header
from realtime.sfu.payloads import describe
from realtime.sfu.picture_sizes import h264_size, vp8_size

WAIT_SECONDS = 1.0
"""So long a missing packet is waited for: after it nobody asks for it again."""
MOST_HELD = 2_048
MOST_BEHIND = 4_096
"""A packet so far behind is no late one: the numbers began anew."""
MOST_FRAME_BYTES = 4 << 20
_START = b"\x00\x00\x00\x01"
_IDR, _PARAMETERS, _STAP_A, _FU_A = 5, (7, 8), 24, 28


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, or one packet of sound. `timestamp` as in the packets. `width` and `height` are those of the
    latest keyframe; `parameters` what an H.264 decoder must have been told before, in Annex B. Sound has none of these."""

    codec: str
    data: bytes
    timestamp: int
    is_keyframe: bool
    width: int = 0
    height: int = 0
    parameters: bytes = b""


class _Packet(NamedTuple):
    codec: str
    header: Header
    payload: bytes
    at: float


class InOrder:
    """Packets of one stream in the order of their sequences. What comes early is held until what is missing has come, a
    second and 2,048 packets at most; what comes twice or later than that is dropped."""

    def __init__(self) -> None:
        self._numbers = Unwrap16()
        self._next: int | None = None
        self._held: dict[int, _Packet] = {}
        self._gap = False

    def add(self, packet: _Packet) -> Iterator[tuple[_Packet, bool]]:
        """What may go on now; True beside the first packet after a gap."""
        number = self._numbers.unwrap(packet.header.sequence)
        if self._next is not None and number < self._next - MOST_BEHIND:
            yield from self.drain()
            self._numbers, self._next, self._gap = Unwrap16(), None, True
            number = self._numbers.unwrap(packet.header.sequence)
        if self._next is None:
            self._next = number
        if number >= self._next:
            self._held.setdefault(number, packet)
        yield from self.release(packet.at)

    def release(self, now: float) -> Iterator[tuple[_Packet, bool]]:
        """What may go on at `now`, because nothing is missing before it, or was waited for long enough."""
        held = self._held
        while held and self._next is not None:
            packet = held.pop(self._next, None)
            if packet is not None:
                self._next += 1
                gap, self._gap = self._gap, False
                yield packet, gap
                continue
            first = min(held)
            if now - held[first].at < WAIT_SECONDS and len(held) <= MOST_HELD:
                return
            self._next, self._gap = first, True

    def drain(self) -> Iterator[tuple[_Packet, bool]]:
        """All that is held, however much is missing between."""
        return self.release(float("inf"))


class _Frames(ABC):
    """Packets put in order, and what their kind makes of them."""

    def __init__(self) -> None:
        self._order = InOrder()

    def add(self, codec: str, data: bytes, now: float) -> list[Frame]:
        """The frames that this packet makes whole. Bytes that are no RTP packet are passed over."""
        header = parse_header(data)
        if header is None:
            return []
        packet = _Packet(codec, header, data[header.payload_at : header.payload_end], now)
        return self._take(self._order.add(packet))

    def look(self, now: float) -> list[Frame]:
        """The frames that need not wait any longer."""
        return self._take(self._order.release(now))

    def drain(self) -> list[Frame]:
        """The frames that are still held."""
        return self._take(self._order.drain())

    @abstractmethod
    def _take(self, packets: Iterator[tuple[_Packet, bool]]) -> list[Frame]:
        """The frames that these packets make whole; with each, whether something is missing before it."""


class Pictures(_Frames):
    """Frames of pictures out of packets, from a keyframe on. After a loss nothing comes until the next keyframe."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[_Packet] = []
        self._bytes = 0
        self._size: tuple[int, int] = (0, 0)
        self._parameters = b""
        self._codec = ""
        self.waits = False
        """Whether pictures come, and a keyframe is waited for."""
        self._has_begun = False

    def _take(self, packets: Iterator[tuple[_Packet, bool]]) -> list[Frame]:
        frames = []
        for packet, gap in packets:
            if not self._has_begun:
                self._has_begun = self.waits = True
            if gap:
                # Whether the frame before it was whole nobody knows: its end may be what is missing.
                self._parts, self._bytes, self.waits = [], 0, True
            if not packet.payload:
                continue  # padding, which has a number all the same
            if self._parts and packet.header.timestamp != self._parts[0].header.timestamp:
                frames.append(self._finish())
            if self._parts or describe(packet.codec, packet.payload).starts_frame:
                self._parts.append(packet)
                self._bytes += len(packet.payload)
                if self._bytes > MOST_FRAME_BYTES:
                    self._parts, self._bytes, self.waits = [], 0, True
            else:
                self.waits = True  # a frame without its beginning
            if self._parts and packet.header.marker:
                frames.append(self._finish())
        return [frame for frame in frames if frame is not None]

    def _finish(self) -> Frame | None:
        parts, self._parts, self._bytes = self._parts, [], 0
        codec = parts[0].codec
        data = _vp8(parts) if codec == "vp8" else _h264(parts)
        size, parameters = _key_facts(codec, data)
        if size is not None:
            self._size, self._parameters, self._codec, self.waits = size, parameters, codec, False
        if self.waits or codec != self._codec:
            return None
        timestamp = parts[0].header.timestamp
        return Frame(codec, data, timestamp, size is not None, *self._size, self._parameters)


class Sounds(_Frames):
    """Packets of sound, in order; a gap stays a gap."""

    def _take(self, packets: Iterator[tuple[_Packet, bool]]) -> list[Frame]:
        return [
            Frame(packet.codec, packet.payload, packet.header.timestamp, is_keyframe=True)
            for packet, _ in packets
            if packet.payload
        ]


def _vp8(parts: list[_Packet]) -> bytes:
    return b"".join(part.payload[_vp8_descriptor(part.payload) :] for part in parts)


def _vp8_descriptor(payload: bytes) -> int:
    """How long the payload descriptor is (RFC 7741 section 4.2)."""
    if not payload[0] & 0x80 or len(payload) < 3:
        return 1
    flags, at = payload[1], 2
    if flags & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if flags & 0x40:
        at += 1
    if flags & 0x30:
        at += 1
    return at


def _h264(parts: list[_Packet]) -> bytes:
    """The access unit in Annex B. What is cut short inside a packet is left out."""
    out = bytearray()
    for part in parts:
        payload = part.payload
        kind = payload[0] & 0x1F
        if kind == _STAP_A:
            at = 1
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                out += _START + payload[at + 2 : at + 2 + size]
                at += 2 + size
        elif kind == _FU_A and len(payload) > 2:
            if payload[1] & 0x80:
                out += _START + bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            out += payload[2:]
        elif 0 < kind < _STAP_A:
            out += _START + payload
    return bytes(out)


def _key_facts(codec: str, data: bytes) -> tuple[tuple[int, int] | None, bytes]:
    """The size of a keyframe, and what a decoder must be told before it; None for any other frame."""
    if codec == "vp8":
        return vp8_size(data), b""
    units = [unit for unit in data.split(_START) if unit]
    told = [unit for unit in units if unit[0] & 0x1F in _PARAMETERS]
    if not any(unit[0] & 0x1F == _IDR for unit in units) or not told:
        return None, b""
    sizes = [h264_size(unit) for unit in told if unit[0] & 0x1F == _PARAMETERS[0]]
    return (sizes[0] if sizes else None), b"".join(_START + unit for unit in told)
