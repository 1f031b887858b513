"""Seconds of a video, checked against a plain set of seconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from classroom.progress.watched import (
    ENOUGH_PERCENT,
    FASTEST,
    INTERVALS,
    SLACK_SECONDS,
    Watched,
    add,
    credited,
    is_enough,
    seconds,
)

SECONDS = st.integers(0, 400)
INTERVAL = st.tuples(SECONDS, SECONDS)


def told(intervals: list[tuple[int, int]]) -> Watched:
    watched: Watched = ()
    for interval in intervals:
        watched = add(watched, interval)
    return watched


@given(st.lists(INTERVAL, max_size=60))
def test_watched_is_the_set_of_all_seconds(intervals: list[tuple[int, int]]) -> None:
    watched = told(intervals)
    expected = {second for start, end in intervals for second in range(start, end)}
    assert {second for start, end in watched for second in range(start, end)} == expected
    assert seconds(watched) == len(expected)


@given(st.lists(INTERVAL, max_size=60))
def test_intervals_are_disjoint_in_order_and_apart(intervals: list[tuple[int, int]]) -> None:
    watched = told(intervals)
    assert all(start < end for start, end in watched)
    assert all(before[1] < behind[0] for before, behind in pairwise(watched))


@given(st.lists(INTERVAL, max_size=20), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(intervals: list[tuple[int, int]], chance: object) -> None:
    again = [*intervals, *intervals]
    chance.shuffle(again)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert told(again) == told(intervals)


def test_of_too_many_intervals_the_shortest_is_forgotten_and_nothing_is_given_away() -> None:
    many = [(10 * number, 10 * number + 5) for number in range(INTERVALS)]
    watched = told([*many, (10 * INTERVALS, 10 * INTERVALS + 1)])
    assert watched == tuple(many)
    longer = add(watched, (10 * INTERVALS, 10 * INTERVALS + 9))
    assert len(longer) == INTERVALS
    assert seconds(longer) == 5 * (INTERVALS - 1) + 9


@given(SECONDS, st.integers(-10, 10_000), st.integers(0, 400), st.none() | st.integers(0, 100))
def test_nobody_is_credited_with_more_than_can_have_passed(
    position: int, watched: int, duration: int, since_last: int | None
) -> None:
    interval = credited(position, watched, duration, since_last)
    if interval is not None:
        start, end = interval
        assert 0 <= start < end <= min(position, duration)
        assert end - start <= max(0, watched)
        assert end - start <= (since_last or 0) * FASTEST + SLACK_SECONDS


def test_skipping_to_the_end_is_not_watching() -> None:
    end = credited(600, 600, 600, 10)
    assert end == (575, 600)
    assert not is_enough(add((), end), 600)


def test_nine_tenths_are_enough_and_a_second_less_is_not() -> None:
    assert ENOUGH_PERCENT == 90
    assert is_enough(((0, 540),), 600)
    assert not is_enough(((0, 539),), 600)
    assert is_enough(((0, 270), (300, 570)), 600)
    assert not is_enough((), 0)
