"""RTCP read and written against aiortc's own; bytes that are none."""

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
    unpack_remb_fci,
)
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.reports import (
    MOST_PACKETS,
    MOST_SEQUENCES,
    BandwidthEstimate,
    Block,
    Goodbye,
    KeyframeWanted,
    PacketsWanted,
    ReceiverReport,
    SenderReport,
    read_reports,
    write_lost,
    write_picture_loss,
    write_receiver_report,
    write_sender_report,
    write_transport_feedback,
)

numbers = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(Block, numbers, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), numbers, numbers, numbers, numbers)


@given(numbers, st.lists(blocks, max_size=40))
def test_receiver_reports_come_back(ssrc: int, told: list[Block]) -> None:
    data = write_receiver_report(ssrc, told)
    read = read_reports(data)
    assert [block for report in read if isinstance(report, ReceiverReport) for block in report.blocks] == told
    theirs = [info for packet in RtcpPacket.parse(data) if isinstance(packet, RtcpRrPacket) for info in packet.reports]
    assert [(info.ssrc, info.packets_lost, info.lsr) for info in theirs] == [
        (block.ssrc, block.lost, block.last_report) for block in told
    ]


@given(numbers, st.integers(0, (1 << 64) - 1), numbers, numbers, numbers, st.text("abcdef-0123", min_size=1, max_size=40))
def test_sender_reports_come_back(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, cname: str) -> None:
    data = write_sender_report(ssrc, ntp, timestamp, packets, octets, cname)
    assert read_reports(data) == [SenderReport(ssrc, ntp, timestamp, packets, octets, ())]
    report, description = RtcpPacket.parse(data)
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.ntp_timestamp) == (ssrc, ntp)
    assert description.chunks[0].items == [(1, cname.encode())]


@given(numbers, st.integers(0, 0xFFFF), st.lists(st.integers(1, 40), max_size=50))
def test_lost_packets_are_asked_for_in_their_order(ssrc: int, start: int, steps: list[int]) -> None:
    lost = [start]
    for step in steps:
        lost.append((lost[-1] + step) & 0xFFFF)
    data = write_lost(1, ssrc, lost)
    assert read_reports(data) == [PacketsWanted(ssrc, tuple(lost))]
    (theirs,) = RtcpPacket.parse(data)
    assert isinstance(theirs, RtcpRtpfbPacket)
    assert [sequence & 0xFFFF for sequence in theirs.lost] == lost  # aiortc lets them run over 65,535


@given(st.integers(0, (1 << 40) - 1), st.lists(numbers, max_size=6))
def test_an_estimate_is_read_as_aiortc_wrote_it(bits: int, ssrcs: list[int]) -> None:
    told = pack_remb_fci(bits, ssrcs)
    (read,) = read_reports(bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=told)))
    assert isinstance(read, BandwidthEstimate)
    assert (read.bits_per_second, list(read.ssrcs)) == unpack_remb_fci(told)


def test_requests_for_keyframes_name_their_streams() -> None:
    (theirs,) = RtcpPacket.parse(write_picture_loss(1, 77))
    assert isinstance(theirs, RtcpPsfbPacket)
    assert (theirs.fmt, theirs.ssrc, theirs.media_ssrc) == (1, 1, 77)
    assert read_reports(write_picture_loss(1, 77)) == [KeyframeWanted(77)]
    full_intra = bytes(RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=bytes.fromhex("0000004d 01000000 0000004e 02000000")))
    assert read_reports(full_intra) == [KeyframeWanted(77), KeyframeWanted(78)]


def test_a_compound_packet_is_read_to_its_end() -> None:
    data = write_receiver_report(5) + write_transport_feedback(1, 8, b"abcd") + bytes(RtcpByePacket(sources=[6, 7]))
    assert read_reports(data) == [ReceiverReport(5, ()), Goodbye((6, 7))]


def test_what_is_cut_off_is_left_out_and_ends_the_reading() -> None:
    data = write_picture_loss(1, 77) + write_receiver_report(5, [Block(1, 0, 0, 0, 0, 0, 0)])
    for end in range(len(data)):
        assert read_reports(data[:end]) == ([KeyframeWanted(77)] if end >= 12 else [])


def test_much_in_one_packet_is_bounded() -> None:
    assert len(read_reports(write_picture_loss(1, 2) * 100)) == MOST_PACKETS
    (wanted,) = read_reports(write_lost(1, 2, range(0, 65536, 3)))
    assert isinstance(wanted, PacketsWanted)
    assert len(wanted.sequences) == MOST_SEQUENCES
    many = read_reports(write_lost(1, 2, range(100)) * 28)
    assert sum(len(one.sequences) for one in many if isinstance(one, PacketsWanted)) == MOST_SEQUENCES


@given(st.integers(192, 223), st.integers(0, 255), st.binary(max_size=120))
def test_no_bytes_at_all_raise(kind: int, first: int, rest: bytes) -> None:
    read_reports(rest)
    read_reports(bytes((first, kind)) + rest)
    read_reports(bytes((0x80 | first & 0x3F, kind)) + (len(rest) // 4).to_bytes(2, "big") + rest)
