"""What is told about streams beside them, RTCP: reports, requests for keyframes and for lost packets (RFC 3550 section 6,
RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb-03). Reading is bounded and never raises."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

MOST_PACKETS = 32  # read of one compound packet; browsers send three or four
MOST_SEQUENCES = 256  # that are said to be lost, read of one compound packet

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE, TRANSPORT, PAYLOAD = 200, 201, 202, 203, 205, 206
_LOST, _TRANSPORT_CC = 1, 15  # formats of TRANSPORT
_PICTURE_LOSS, _FULL_INTRA, _APPLICATION = 1, 4, 15  # formats of PAYLOAD

_HEAD = Struct("!BBH")
_BLOCK = Struct("!IIIIII")
_SENDER = Struct("!QIII")
_TWO = Struct("!II")
_PAIR = Struct("!HH")


@dataclass(frozen=True, slots=True)
class Block:
    """How a stream arrives (RFC 3550 section 6.4.1): `fraction_lost` in 256ths since the last report, `lost` in all
    (may be negative), `highest` the extended sequence, `jitter` in timestamp units, `last_report` the middle of the NTP
    time of the sender's last report and `delay` since then in 65,536ths of a second, both 0 before one came."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a sender says of its stream: `timestamp` was the media's at `ntp` (64 bits)."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a receiver says of the streams that it gets."""

    ssrc: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """These streams end."""

    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """Somebody cannot decode this stream any more (PLI or FIR)."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class PacketsWanted:
    """These sequences of a stream are missing (generic NACK), in the order told, of all in a compound packet
    at most `MOST_SEQUENCES`."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BandwidthEstimate:
    """A receiver's estimate (REMB) of the bits a second that it can take, of all these streams together."""

    bits_per_second: int
    ssrcs: tuple[int, ...]


Report = SenderReport | ReceiverReport | Goodbye | KeyframeWanted | PacketsWanted | BandwidthEstimate


def read_reports(data: bytes) -> list[Report]:
    """What a compound packet (or a reduced-size one, RFC 5506) says, in its order. What is unknown, or broken, is left
    out; after a length that reaches over the end nothing more is read."""
    found: list[Report] = []
    at, size = 0, len(data)
    for _ in range(MOST_PACKETS):
        if at + 4 > size:
            break
        first, kind, words = _HEAD.unpack_from(data, at)
        begin, at = at + 4, at + 4 + 4 * words
        if first & 0xC0 != 0x80 or at > size:
            break
        end = at
        if first & 0x20 and end > begin:
            end -= data[end - 1]
            if end < begin:
                break
        _read_one(kind, first & 0x1F, data[begin:end], found)
    return found


def _read_one(kind: int, count: int, body: bytes, found: list[Report]) -> None:
    if kind == SENDER_REPORT:
        if len(body) >= 24:
            ssrc = int.from_bytes(body[:4], "big")
            ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
            found.append(SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(body, 24, count)))
    elif kind == RECEIVER_REPORT:
        if len(body) >= 4:
            found.append(ReceiverReport(int.from_bytes(body[:4], "big"), _blocks(body, 4, count)))
    elif kind == GOODBYE:
        found.append(Goodbye(_numbers(body, 0, count)))
    elif kind == TRANSPORT:
        _read_transport(count, body, found)
    elif kind == PAYLOAD:
        _read_payload(count, body, found)


def _read_transport(form: int, body: bytes, found: list[Report]) -> None:
    if form == _LOST and len(body) >= 8:
        left = MOST_SEQUENCES - sum(len(one.sequences) for one in found if isinstance(one, PacketsWanted))
        found.append(PacketsWanted(int.from_bytes(body[4:8], "big"), _read_lost(body, left)))


def _read_lost(body: bytes, most: int) -> tuple[int, ...]:
    sequences: list[int] = []
    for at in range(8, len(body) - 3, 4):
        if len(sequences) >= most:
            break
        first, mask = _PAIR.unpack_from(body, at)
        sequences.append(first)
        sequences.extend((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return tuple(sequences[:most])


def _read_payload(form: int, body: bytes, found: list[Report]) -> None:
    if len(body) < 8:
        return
    if form == _PICTURE_LOSS:
        found.append(KeyframeWanted(int.from_bytes(body[4:8], "big")))
    elif form == _FULL_INTRA:  # RFC 5104 section 4.3.1: the streams are named in the entries
        found.extend(KeyframeWanted(ssrc) for ssrc in _numbers(body, 8, min(31, (len(body) - 8) // 8), step=8))
    elif form == _APPLICATION and body[8:12] == b"REMB" and len(body) >= 16:
        exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
        found.append(BandwidthEstimate(mantissa << exponent, _numbers(body, 16, min(31, body[12]))))


def _blocks(body: bytes, at: int, count: int) -> tuple[Block, ...]:
    blocks = []
    for begin in range(at, min(at + 24 * count, len(body) - 23), 24):
        ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, begin)
        lost = loss & 0xFFFFFF
        blocks.append(Block(ssrc, loss >> 24, lost - ((lost & 0x800000) << 1), highest, jitter, last_report, delay))
    return tuple(blocks)


def _numbers(body: bytes, at: int, count: int, step: int = 4) -> tuple[int, ...]:
    ends = range(at + 4, min(at + step * count, len(body)) + 1, step)
    return tuple(int.from_bytes(body[end - 4 : end], "big") for end in ends)


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def _packed(block: Block) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        min(255, block.fraction_lost) << 24 | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        min(block.delay, 0xFFFFFFFF),
    )


def write_sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, cname: str) -> bytes:
    """A sender report with the name of the source (SDES CNAME of at most 255 bytes), which a compound packet must have."""
    sender = _SENDER.pack(ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(0, SENDER_REPORT, ssrc.to_bytes(4, "big") + sender) + _description(ssrc, cname)


def write_receiver_report(ssrc: int, blocks: Sequence[Block] = ()) -> bytes:
    """Receiver reports by `ssrc`, of 31 blocks each."""
    own = ssrc.to_bytes(4, "big")
    parts = [blocks[at : at + 31] for at in range(0, len(blocks), 31)] or [()]
    return b"".join(_packet(len(part), RECEIVER_REPORT, own + b"".join(map(_packed, part))) for part in parts)


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    chunk = ssrc.to_bytes(4, "big") + bytes((1, len(name))) + name
    return _packet(1, DESCRIPTION, chunk + bytes(4 - len(chunk) % 4))


def write_picture_loss(own: int, ssrc: int) -> bytes:
    """A keyframe of `ssrc` is wanted."""
    return _packet(_PICTURE_LOSS, PAYLOAD, _TWO.pack(own, ssrc))


def write_lost(own: int, ssrc: int, sequences: Iterable[int]) -> bytes:
    """These sequences of `ssrc` are asked for again; in one packet, so at most a few hundred."""
    body = bytearray(_TWO.pack(own, ssrc))
    first, mask = -1, 0
    for sequence in sequences:
        ahead = (sequence - first) & 0xFFFF if first >= 0 else 0
        if 1 <= ahead <= 16:
            mask |= 1 << (ahead - 1)
            continue
        if first >= 0:
            body += _PAIR.pack(first, mask)
        first, mask = sequence, 0
    if first >= 0:
        body += _PAIR.pack(first, mask)
    return _packet(_LOST, TRANSPORT, bytes(body))


def write_transport_feedback(own: int, ssrc: int, body: bytes) -> bytes:
    """A transport-wide feedback packet around what `transport_cc` wrote (a multiple of four bytes)."""
    return _packet(_TRANSPORT_CC, TRANSPORT, _TWO.pack(own, ssrc) + body)
