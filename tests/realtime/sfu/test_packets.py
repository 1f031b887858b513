"""RTP packets read and written, against aiortc's own; numbers that wrap around; bytes that are no packet."""

import pytest
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, unwrap_rtx, wrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.packets import (
    Unwrap16,
    Unwrap32,
    extensions,
    from_retransmission,
    is_rtcp,
    later,
    parse_header,
    to_retransmission,
    write_extensions,
)

sequences = st.integers(0, 0xFFFF)
numbers = st.integers(0, 0xFFFFFFFF)
packets = st.builds(
    lambda payload_type, marker, sequence, timestamp, ssrc, payload, csrc, padding: _serialized(
        RtpPacket(payload_type, int(marker), sequence, timestamp, ssrc, payload), csrc, padding
    ),
    st.integers(0, 127),
    st.booleans(),
    sequences,
    numbers,
    numbers,
    st.binary(max_size=60),
    st.lists(numbers, max_size=3),
    st.integers(0, 20),
)
values = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=5)


def _serialized(packet: RtpPacket, csrc: list[int], padding: int) -> RtpPacket:
    packet.csrc, packet.padding_size = csrc, padding
    return packet


@given(packets)
def test_a_header_says_what_aiortc_wrote(packet: RtpPacket) -> None:
    data = packet.serialize(HeaderExtensionsMap())
    header = parse_header(data)
    assert header is not None
    assert (header.marker, header.payload_type) == (bool(packet.marker), packet.payload_type)
    assert (header.sequence, header.timestamp, header.ssrc) == (packet.sequence_number, packet.timestamp, packet.ssrc)
    assert data[header.payload_at : header.payload_end] == packet.payload
    assert extensions(data, header) == {}


@given(packets, values)
def test_header_extensions_come_back(packet: RtpPacket, told: dict[int, bytes]) -> None:
    packet.csrc, packet.padding_size = [], 0
    bare = packet.serialize()
    data = bytes((bare[0] | (0x10 if told else 0),)) + bare[1:12] + write_extensions(told) + packet.payload
    header = parse_header(data)
    assert header is not None
    assert extensions(data, header) == told
    assert data[header.payload_at : header.payload_end] == packet.payload == RtpPacket.parse(data).payload


@pytest.mark.parametrize("told", [{0: b"x"}, {15: b"x"}, {1: b""}, {1: b"x" * 17}])
def test_what_the_one_byte_form_cannot_carry_is_refused(told: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="does not fit the one-byte form"):
        write_extensions(told)


def test_two_byte_extensions_are_read() -> None:
    data = bytes([0x90, 96]) + bytes(10) + bytes.fromhex("10000002 05 00 07 02 aabb 00 00".replace(" ", "")) + b"p"
    header = parse_header(data)
    assert header is not None
    assert extensions(data, header) == {5: b"", 7: b"\xaa\xbb"}
    assert data[header.payload_at : header.payload_end] == b"p"


def test_an_extension_that_reaches_over_its_block_is_left_out() -> None:
    data = bytes([0x90, 96]) + bytes(10) + bytes.fromhex("bede00011f000000") + b"p"
    header = parse_header(data)
    assert header is not None
    assert extensions(data, header) == {}


@pytest.mark.parametrize("end", ["01aabb00", "f1aabb00"])
def test_numbers_0_and_15_end_the_extensions(end: str) -> None:
    data = bytes([0x90, 96]) + bytes(10) + bytes.fromhex("bede0003" + "0010cc00" + end + "31010200") + b"p"
    header = parse_header(data)
    assert header is not None
    assert extensions(data, header) == {1: b"\xcc"}


@given(packets, sequences, numbers)
def test_a_retransmission_is_what_aiortc_makes_of_it(packet: RtpPacket, sequence: int, ssrc: int) -> None:
    packet.padding_size = 0
    data = packet.serialize()
    expected = wrap_rtx(packet, payload_type=97, sequence_number=sequence, ssrc=ssrc).serialize()
    sent_again = to_retransmission(data, 97, sequence, ssrc)
    assert sent_again is not None
    if not packet.csrc:  # aiortc leaves contributing sources behind
        assert sent_again == expected
    header = parse_header(sent_again)
    assert header is not None
    back = from_retransmission(sent_again, header, packet.payload_type, packet.ssrc)
    if packet.payload:
        assert back == data
        assert unwrap_rtx(RtpPacket.parse(sent_again), packet.payload_type, packet.ssrc).payload == packet.payload
    else:
        assert back is None


@given(st.binary(max_size=80))
def test_no_bytes_at_all_raise(data: bytes) -> None:
    for candidate in (data, b"\x90" + data, b"\xbf\x60" + data, b"\x90\x60" + bytes(10) + b"\xbe\xde" + data):
        header = parse_header(candidate)
        is_rtcp(candidate)
        to_retransmission(candidate, 97, 1, 2)
        if header is not None:
            assert 12 <= header.payload_at <= header.payload_end <= len(candidate)
            assert all(len(value) <= 255 for value in extensions(candidate, header).values())
            from_retransmission(candidate, header, 96, 1)


@given(sequences, st.integers(1, 0x7FFF))
def test_later_goes_around(start: int, ahead: int) -> None:
    assert later((start + ahead) & 0xFFFF, start)
    assert not later(start, (start + ahead) & 0xFFFF)
    assert not later(start, start)


@given(sequences, st.lists(st.integers(-3000, 3000), max_size=100))
def test_unwrapped_numbers_keep_their_distances(start: int, steps: list[int]) -> None:
    small, large = Unwrap16(), Unwrap32()
    number = start
    assert small.unwrap(number) == large.unwrap(number) == start
    highest = number
    for step in steps:
        number = highest + step
        highest = max(highest, number)
        assert small.unwrap(number & 0xFFFF) == number
        assert large.unwrap(number & 0xFFFFFFFF) == number


@given(st.integers(0, 0xFFFFFFFF))
def test_timestamps_unwrap_over_their_own_circle(start: int) -> None:
    unwrap = Unwrap32()
    unwrap.unwrap(start)
    assert unwrap.unwrap((start + 0x7FFFFFFF) & 0xFFFFFFFF) == start + 0x7FFFFFFF
    assert unwrap.unwrap(start) == start
