"""Feedback about arrivals, read as a browser reads it."""

from struct import unpack_from

from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.reports import write_transport_feedback
from realtime.sfu.transport_cc import Arrivals


def read_feedback(body: bytes) -> tuple[int, list[tuple[int, float | None]]]:
    """The number of a feedback, and each sequence with the seconds at which it came, None for what did not
    (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1; written from the draft, as a sender reads it)."""
    base, count, rest = unpack_from("!HHI", body)
    statuses: list[int] = []
    at = 8
    while len(statuses) < count:
        (chunk,) = unpack_from("!H", body, at)
        at += 2
        if not chunk & 0x8000:
            statuses += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    tick = (rest >> 8) * 256
    told: list[tuple[int, float | None]] = []
    for index, status in enumerate(statuses[:count]):
        if status == 1:
            tick += body[at]
            at += 1
        elif status == 2:
            tick += unpack_from("!h", body, at)[0]
            at += 2
        told.append(((base + index) & 0xFFFF, tick / 4000 if status else None))
    assert 0 <= len(body) - at < 4
    return rest & 0xFF, told


def told(bodies: list[bytes]) -> list[tuple[int, float | None]]:
    return [one for body in bodies for one in read_feedback(body)[1]]


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.lists(st.tuples(st.integers(1, 12), st.floats(0, 0.3)), min_size=1, max_size=60), max_size=8),
)
def test_each_packet_is_told_with_its_time_and_each_gap_as_one(start: int, rounds: list[list[tuple[int, float]]]) -> None:
    arrivals = Arrivals()
    number, now, count = start, 50.0, 0
    came: dict[int, float] = {}
    for one in rounds:
        for step, wait in one:
            number, now = number + step, now + wait
            came[number] = now
            arrivals.add(number & 0xFFFF, now)
        bodies = arrivals.flush()
        assert [read_feedback(body)[0] for body in bodies] == [(count + index) & 0xFF for index in range(len(bodies))]
        count += len(bodies)
        got = told(bodies)
        assert all(len(body) < 1150 for body in bodies)
        for sequence, seconds in got:
            real = came.get(number - ((number - sequence) & 0xFFFF))
            assert (seconds is None) == (real is None)
            if seconds is not None and real is not None:
                assert abs(seconds - real) < 0.0006
        assert got[-1][0] == number & 0xFFFF
    assert arrivals.flush() == []


def test_losses_between_two_feedbacks_are_told() -> None:
    arrivals = Arrivals()
    for sequence in (65533, 65534):
        arrivals.add(sequence, 1.0)
    assert told(arrivals.flush()) == [(65533, 1.0), (65534, 1.0)]
    arrivals.add(1, 1.064)
    assert told(arrivals.flush()) == [(65535, None), (0, None), (1, 1.064)]


def test_what_came_late_is_told_then_with_what_came_around_it() -> None:
    arrivals = Arrivals()
    for sequence in (1, 2, 4):
        arrivals.add(sequence, 1.0)
    assert told(arrivals.flush()) == [(1, 1.0), (2, 1.0), (3, None), (4, 1.0)]
    arrivals.add(3, 1.1)
    arrivals.add(5, 1.1)
    assert told(arrivals.flush()) == [(3, 1.1), (4, 1.0), (5, 1.1)]


def test_a_pause_longer_than_a_delta_begins_another_feedback() -> None:
    arrivals = Arrivals()
    arrivals.add(1, 1.0)
    arrivals.add(2, 30.0)
    bodies = arrivals.flush()
    assert len(bodies) == 2
    assert told(bodies) == [(1, 1.0), (2, 30.0)]


def test_long_runs_take_few_bytes_and_are_a_whole_rtcp_packet() -> None:
    arrivals = Arrivals()
    for sequence in range(300):
        arrivals.add(sequence, 1.0)
    (body,) = arrivals.flush()
    assert len(body) == 8 + 2 + 300 + 2
    (packet,) = RtcpPacket.parse(write_transport_feedback(1, 9, body))
    assert isinstance(packet, RtcpRtpfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (15, 1, 9)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 1000)), max_size=300))
def test_arrivals_of_any_order_cost_a_bounded_answer(chaos: list[tuple[int, float]]) -> None:
    arrivals = Arrivals()
    for sequence, now in chaos:
        arrivals.add(sequence, now)
    bodies = arrivals.flush()
    assert len(bodies) <= 8
    assert all(len(body) <= 1150 for body in bodies)
    assert len(told(bodies)) <= 8 * 400


def test_a_flood_between_two_feedbacks_is_not_kept() -> None:
    arrivals = Arrivals()
    for sequence in range(20_000):
        arrivals.add(sequence, 1.0)
    assert len(told(arrivals.flush())) == 2048
    arrivals.add(20_000, 1.1)
    assert told(arrivals.flush()) == [(20_000, 1.1)]
