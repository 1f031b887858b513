"""What the first bytes of a payload say: whether a keyframe begins, and where VP8 keeps the numbers that must go on when
the source changes (RFC 7741 section 4.2, RFC 6184 section 5)."""

from typing import NamedTuple


class PayloadFacts(NamedTuple):
    """`picture_id` and `tl0picidx` are -1 when there are none; their positions count from the beginning of the payload;
    a `picture_id_wide` one has 15 bits, else 7."""

    starts_keyframe: bool
    starts_frame: bool
    picture_id: int = -1
    picture_id_at: int = 0
    picture_id_wide: bool = False
    tl0picidx: int = -1
    tl0picidx_at: int = 0


_NEW = tuple.__new__
_CONTINUES = PayloadFacts(False, False)  # noqa: FBT003 # two fields of a tuple, named above
_FRAME = PayloadFacts(False, True)  # noqa: FBT003 # as above
_KEYFRAME = PayloadFacts(True, True)  # noqa: FBT003 # as above

_SLICE_IDR, _SEQUENCE_PARAMETERS, _STAP_A, _FU_A = 5, 7, 24, 28
_MOST_UNITS = 16  # looked at of one aggregation packet: parameters stand first


def describe(codec: str, payload: bytes) -> PayloadFacts:
    """The facts of a payload of "vp8" or "h264"; of any other codec ("opus") each packet can be begun with. An empty or
    broken payload begins nothing. Never raises."""
    if codec == "vp8":
        return _vp8(payload)
    if codec == "h264":
        return _h264(payload)
    return _KEYFRAME if payload else _CONTINUES


def _vp8(payload: bytes) -> PayloadFacts:
    size = len(payload)
    if not size:
        return _CONTINUES
    first = payload[0]
    starts = first & 0x17 == 0x10  # S, and partition 0
    if not first & 0x80:
        return _NEW(PayloadFacts, (starts and size > 1 and not payload[1] & 1, starts, -1, 0, False, -1, 0))
    if size < 2:
        return _CONTINUES
    flags = payload[1]
    at = 2
    picture_id = tl0picidx = -1
    picture_id_at = tl0picidx_at = 0
    wide = False
    if flags & 0x80:
        if at >= size:
            return _CONTINUES
        picture_id, picture_id_at = payload[at], at
        at += 1
        if picture_id & 0x80:
            if at >= size:
                return _CONTINUES
            picture_id = (picture_id & 0x7F) << 8 | payload[at]
            wide = True
            at += 1
    if flags & 0x40:
        if at >= size:
            return _CONTINUES
        tl0picidx, tl0picidx_at = payload[at], at
        at += 1
    if flags & 0x30:
        at += 1
    if at >= size:
        return _CONTINUES
    keyframe = starts and not payload[at] & 1  # RFC 7741 section 4.3: P is 0 in a keyframe
    return _NEW(PayloadFacts, (keyframe, starts, picture_id, picture_id_at, wide, tl0picidx, tl0picidx_at))


def _h264(payload: bytes) -> PayloadFacts:
    if not payload:
        return _CONTINUES
    unit = payload[0] & 0x1F
    if unit == _FU_A:
        if len(payload) < 2 or not payload[1] & 0x80:
            return _CONTINUES
        unit = payload[1] & 0x1F
    elif unit == _STAP_A:
        return _KEYFRAME if _aggregates_keyframe(payload) else _FRAME
    return _KEYFRAME if unit in (_SLICE_IDR, _SEQUENCE_PARAMETERS) else _FRAME


def _aggregates_keyframe(payload: bytes) -> bool:
    at = 1
    for _ in range(_MOST_UNITS):
        if at + 2 >= len(payload):
            return False
        if payload[at + 2] & 0x1F in (_SLICE_IDR, _SEQUENCE_PARAMETERS):
            return True
        at += 2 + (payload[at] << 8 | payload[at + 1])
    return False


def patch(packet: bytearray, payload_at: int, facts: PayloadFacts, picture_id: int, tl0picidx: int) -> None:
    """Write other numbers where `facts` found them in the payload that begins at `payload_at`; -1 leaves one as it is."""
    if picture_id >= 0 and facts.picture_id >= 0:
        at = payload_at + facts.picture_id_at
        if facts.picture_id_wide:
            packet[at] = 0x80 | picture_id >> 8 & 0x7F
            packet[at + 1] = picture_id & 0xFF
        else:
            packet[at] = picture_id & 0x7F
    if tl0picidx >= 0 and facts.tl0picidx >= 0:
        packet[payload_at + facts.tl0picidx_at] = tl0picidx & 0xFF
