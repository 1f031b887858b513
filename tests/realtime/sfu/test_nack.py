"""What is missing is asked for when it should be, as often as it should be, and no longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.nack import MOST, Missing

sequences = st.integers(0, 0xFFFF)


def after(start: int, ahead: int) -> int:
    return (start + ahead) & 0xFFFF


@given(sequences, st.sets(st.integers(1, 98), max_size=60))
def test_what_did_not_come_is_asked_for_once_it_is_20_ms_late(start: int, lost: set[int]) -> None:
    missing = Missing()
    for position in range(100):
        if position not in lost:
            missing.add(after(start, position), 5.0)
    assert missing.due(5.019) == []
    assert missing.due(5.021) == [after(start, position) for position in sorted(lost)]
    assert missing.due(5.022) == []
    assert len(missing) == len(lost)


@given(sequences, st.integers(2, 60))
def test_what_comes_late_or_twice_is_not_asked_for(start: int, gap: int) -> None:
    missing = Missing()
    missing.add(start, 0.0)
    missing.add(after(start, gap), 0.0)
    for position in range(gap - 1, 0, -1):
        missing.add(after(start, position), 0.01)
        missing.add(after(start, position), 0.01)
    assert len(missing) == 0
    assert missing.due(1.0) == []


def asked_at(missing: Missing, until: float, begin: float = 0.0) -> list[float]:
    return [tick / 200 for tick in range(int(begin * 200), int(until * 200)) if missing.due(tick / 200)]


def test_one_packet_is_asked_for_five_times_and_then_given_up() -> None:
    missing = Missing()
    missing.add(1, 0.0)
    missing.add(3, 0.0)
    assert asked_at(missing, 3.0) == pytest.approx([0.02, 0.12, 0.22, 0.32, 0.42], abs=0.021)
    assert len(missing) == 0


def answered_after(missing: Missing, round_trip: float) -> None:
    """Thirty gaps, each filled `round_trip` seconds after it was asked for."""
    for number in range(30):
        now = 10.0 * number
        missing.add(3 * number, now)
        missing.add(3 * number + 2, now)
        assert missing.due(now + 0.021) == [3 * number + 1]
        missing.add(3 * number + 1, now + 0.021 + round_trip)
        assert len(missing) == 0


def test_a_longer_round_trip_is_waited_for_but_no_longer_than_a_second_in_all() -> None:
    missing = Missing()
    answered_after(missing, 0.3)
    missing.add(90, 1000.0)
    missing.add(92, 1000.0)
    assert [at - 1000.0 for at in asked_at(missing, 1003.0, 1000.0)] == pytest.approx([0.02, 0.47, 0.92], abs=0.02)
    assert len(missing) == 0


def test_over_a_short_way_it_is_asked_again_soon() -> None:
    missing = Missing()
    answered_after(missing, 0.001)
    missing.add(90, 1000.0)
    missing.add(92, 1000.0)
    times = [at - 1000.0 for at in asked_at(missing, 1003.0, 1000.0)]
    assert times == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.10], abs=0.03)


@given(sequences, st.lists(st.integers(1, 400), max_size=40))
def test_what_waits_is_bounded_whatever_comes(start: int, steps: list[int]) -> None:
    missing = Missing()
    sequence = start
    for step in [0, *steps]:
        sequence = after(sequence, step)
        missing.add(sequence, 0.0)
        assert len(missing) <= MOST
    assert len(missing.due(0.5)) <= MOST


def test_of_too_many_the_newest_are_asked_for() -> None:
    missing = Missing()
    for sequence in range(0, 2 * MOST + 200, 2):
        missing.add(sequence, 0.0)
    due = missing.due(1.0)
    assert len(due) == MOST
    assert due[-1] == 2 * MOST + 197


def test_a_gap_larger_than_that_is_left_to_a_keyframe() -> None:
    missing = Missing()
    missing.add(1, 0.0)
    missing.add(3, 0.0)
    missing.add(1000, 0.0)
    assert missing.due(1.0) == []
    missing.add(1002, 1.0)
    assert missing.due(1.1) == [1001]


@given(sequences, st.integers(4000, 0xFFFF - 4000))
def test_a_stream_that_begins_anew_is_noticed_after_two_packets(start: int, jump: int) -> None:
    missing = Missing()
    missing.add(start, 0.0)
    missing.add(after(start, jump), 0.0)  # a stray packet
    missing.add(after(start, 2), 0.0)
    assert missing.due(0.1) == [after(start, 1)]
    for position in (0, 1, 3):
        missing.add(after(start, jump + position), 0.2)
    assert missing.due(0.3) == [after(start, jump + 2)]
