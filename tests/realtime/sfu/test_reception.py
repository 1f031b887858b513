"""Receiver statistics of RFC 3550: loss, jitter, delay, and streams that begin anew."""

from aiortc.rtp import RtcpPacket, RtcpReceiverInfo

from realtime.sfu.reception import Reception
from realtime.sfu.reports import SenderReport, write_receiver_report


def test_loss_since_the_last_report_and_in_all() -> None:
    reception = Reception(9, 90000)
    assert reception.block(0.0) is None
    for sequence in [65530, 65531, 65534, 65535, 0, 1]:  # two of eight are missing
        reception.add(sequence, 0, 0.0)
    first = reception.block(0.0)
    assert first is not None
    assert (first.fraction_lost, first.lost, first.highest) == (64, 2, 65537)
    reception.add(65532, 0, 0.0)  # came late
    reception.add(2, 0, 0.0)
    second = reception.block(0.0)
    assert second is not None
    assert (second.fraction_lost, second.lost) == (0, 1)


def test_jitter_is_none_when_time_and_timestamps_agree() -> None:
    steady, uneven = Reception(9, 90000), Reception(9, 90000)
    for step in range(200):
        timestamp = (0xFFFFFF00 + 3000 * step) & 0xFFFFFFFF
        steady.add(step, timestamp, step / 30)
        uneven.add(step, timestamp, step / 30 + (0.01 if step % 2 else 0))
    still, shaken = steady.block(7.0), uneven.block(7.0)
    assert still is not None
    assert shaken is not None
    assert still.jitter <= 1
    assert 850 <= shaken.jitter <= 901


def test_a_stream_that_begins_anew_is_counted_anew_after_two_packets() -> None:
    reception = Reception(9, 90000)
    for sequence in range(100, 200):
        reception.add(sequence, 0, 0.0)
    assert not reception.add(30000, 0, 0.0)  # one stray packet changes nothing
    block = reception.block(0.0)
    assert block is not None
    assert (block.highest, block.lost) == (199, 0)
    assert not reception.add(40000, 0, 0.0)
    assert reception.add(40001, 0, 0.0)
    block = reception.block(0.0)
    assert block is not None
    assert (block.highest, block.lost) == (40001, 0)


def test_the_delay_since_the_senders_last_report_is_told() -> None:
    reception = Reception(9, 90000)
    reception.add(1, 0, 0.0)
    before = reception.block(0.0)
    reception.note_report(SenderReport(9, 0x1122334455667788, 0, 0, 0, ()), 100.0)
    after = reception.block(102.5)
    assert before is not None
    assert after is not None
    assert (before.last_report, before.delay) == (0, 0)
    assert (after.last_report, after.delay) == (0x33445566, 5 << 15)


def test_aiortc_reads_a_report_of_reception() -> None:
    reception = Reception(9, 48000)
    reception.add(1, 0, 0.0)
    block = reception.block(0.0)
    assert block is not None
    (theirs,) = RtcpPacket.parse(write_receiver_report(1, [block]))
    assert theirs.reports == [
        RtcpReceiverInfo(ssrc=9, fraction_lost=0, packets_lost=0, highest_sequence=1, jitter=0, lsr=0, dlsr=0)
    ]
