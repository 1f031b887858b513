"""Canonical packets, as a stream keeps them: a code for the payload type, a stamp for the SSRC, no header extensions; and
how one is written for viewers of a shape."""

from struct import Struct

from realtime.sfu.lanes import CODES, Shape
from realtime.sfu.payloads import PayloadFacts, describe, patch
from realtime.sfu.srtp import Places

_RTP = Struct("!BBHII")
_VIDEO_EXTENSION = Struct("!HHB3s")
_AUDIO_EXTENSION = Struct("!HHBBH")
_ONE_BYTE = 0xBEDE
_OPUS = CODES["opus"]
_NAMES = {code: name for name, code in CODES.items()}


def canonical(
    code: int, marker: bool, placed: tuple[int, int, int, int], stamp: int, payload: bytes, facts: PayloadFacts
) -> bytes:
    """The packet with a stream's own numbers; `placed`: sequence, timestamp, and picture id and tl0picidx or -1."""
    sequence, timestamp, picture, zero = placed
    packet = _RTP.pack(0x80, code | marker << 7, sequence, timestamp, stamp) + payload
    if picture < 0 and zero < 0:
        return packet
    changed = bytearray(packet)
    patch(changed, 12, facts, picture, zero)
    return bytes(changed)


def stamp_of(code: int, level: int | None, wall: float) -> int:
    """What the header extension will say: the audio level (127, silence, when not known), or when a picture is sent (`wall`,
    Unix seconds, as 6.18 bits of seconds)."""
    if code == _OPUS:
        return 127 if level is None else level
    return int(wall * 262144) & 0xFFFFFF


def written(shape: Shape, packet: bytes, stamp: int) -> bytes | None:
    """The packet as viewers of this shape get it but for their own numbers; None when they do not take its codec."""
    code = packet[1] & 0x7F
    payload_type = shape.payload_types[code]
    if payload_type < 0:
        return None
    first, extension = 0x80, b""
    if shape.extension_id:
        first = 0x90
        if code == _OPUS:
            extension = _AUDIO_EXTENSION.pack(_ONE_BYTE, 1, shape.extension_id << 4, stamp, 0)
        else:
            extension = _VIDEO_EXTENSION.pack(_ONE_BYTE, 1, shape.extension_id << 4 | 2, stamp.to_bytes(3, "big"))
    head = bytes((first, payload_type | packet[1] & 0x80)) + packet[2:8] + shape.ssrc.to_bytes(4, "big")
    return head + extension + packet[12:]


def places_of(begin: int, facts: PayloadFacts, picture: int, zero: int) -> Places | None:
    """Where picture id and tl0picidx stand in a packet whose payload begins there."""
    if picture < 0 and zero < 0:
        return None
    picture_at = begin + facts.picture_id_at if picture >= 0 else 0
    zero_at = begin + facts.tl0picidx_at if zero >= 0 else 0
    return Places(picture_at, picture, zero_at, zero, long=facts.picture_id_wide)


def places_in(packet: bytes, out: bytes) -> Places | None:
    """The same of a canonical packet and what `written` made of it."""
    facts = describe(_NAMES[packet[1] & 0x7F], packet[12:])
    return places_of(len(out) - len(packet) + 12, facts, facts.picture_id, facts.tl0picidx)
