"""How large the picture of a keyframe is: of VP8 (RFC 6386 section 9.1) and of H.264 (ITU-T H.264, 7.3.2.1.1)."""

_WITH_CHROMA = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_MOST_SIDE = 16_384


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height of a keyframe, None for any other frame and for what is broken."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = (int.from_bytes(frame[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return (width, height) if width and height else None


def h264_size(unit: bytes) -> tuple[int, int] | None:
    """Width and height as shown, by sequence parameters (a NAL unit of type 7). None for what is broken."""
    try:
        return _read(_Bits(_unescaped(unit[1:])))
    except IndexError:
        return None


class _Bits:
    """Reads bits; IndexError after the last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def bits(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def number(self) -> int:
        """An unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise IndexError
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        value = self.number()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _read(bits: _Bits) -> tuple[int, int] | None:
    profile = bits.bits(8)
    bits.bits(16)  # constraints, level
    bits.number()  # id
    chroma = 1
    if profile in _WITH_CHROMA:
        chroma = bits.number()
        if chroma == 3:
            bits.bits(1)
        bits.number()
        bits.number()
        bits.bits(1)
        if bits.bits(1):
            for number in range(8 if chroma != 3 else 12):
                if bits.bits(1):
                    _pass_scaling(bits, 16 if number < 6 else 64)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.bits(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.number(), 256)):
            bits.signed()
    bits.number()
    bits.bits(1)
    across, down = bits.number() + 1, bits.number() + 1
    whole = bits.bits(1)
    if not whole:
        bits.bits(1)
    bits.bits(1)
    width, height = across * 16, down * 16 * (2 - whole)
    if bits.bits(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
        width -= (left + right) * (2 if chroma in (1, 2) else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1) * (2 - whole)
    return (width, height) if 0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE else None


def _pass_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _unescaped(data: bytes) -> bytes:
    """Without the bytes that keep start codes out (7.4.1)."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")
