"""Seconds of a video, checked against a plain set of seconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from classroom.progress.watched import (
    ENOUGH_PERCENT,
    FASTEST,
    INTERVALS,
    SLACK,
    Watched,
    add,
    allowed,
    credited,
    is_enough,
    seconds,
)
from classroom.times import SECOND

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


@given(SECONDS, st.integers(-10, 10_000), st.integers(0, 400), st.integers(0, 100))
def test_nobody_is_credited_with_more_than_was_watched_or_possible(
    position: int, watched: int, duration: int, possible: int
) -> None:
    interval = credited(position, watched, duration, possible)
    if interval is not None:
        start, end = interval
        assert 0 <= start < end <= min(position, duration)
        assert end - start <= min(watched, possible)


REPORTS = st.lists(st.tuples(st.integers(0, 30 * SECOND), st.integers(0, 900), st.integers(0, 900)), max_size=60)


@given(REPORTS)
def test_whatever_players_report_no_more_is_credited_than_can_have_passed(reports: list[tuple[int, int, int]]) -> None:
    unspent, passed, given_away = SLACK, 0, 0
    for since_last, position, watched in reports:
        possible = allowed(unspent, since_last)
        interval = credited(position, watched, 900, possible // SECOND)
        credit = interval[1] - interval[0] if interval is not None else 0
        unspent = possible - credit * SECOND
        passed, given_away = passed + since_last, given_away + credit
        assert given_away * SECOND <= passed * FASTEST + SLACK


@given(st.integers(1, 30), st.integers(1, 40))
def test_who_watches_at_twice_the_speed_is_credited_with_all_of_it(every: int, reports: int) -> None:
    unspent, watched, position = SLACK, (), 0
    for _ in range(reports):
        possible = allowed(unspent, every * SECOND)
        position += every * FASTEST
        interval = credited(position, every * FASTEST, 10_000, possible // SECOND)
        assert interval is not None
        unspent = possible - (interval[1] - interval[0]) * SECOND
        watched = add(watched, interval)
    assert watched == ((0, position),)


def test_skipping_to_the_end_is_not_watching() -> None:
    end = credited(600, 10, 600, allowed(SLACK, 10 * SECOND) // SECOND)
    assert end == (590, 600)
    assert not is_enough(add((), end), 600)


def test_a_long_video_cannot_be_claimed_in_no_time() -> None:
    claimed = credited(7_200, 7_200, 7_200, allowed(SLACK, 0) // SECOND)
    assert claimed == (5_400, 7_200)
    assert not is_enough(add((), claimed), 7_200)


def test_nine_tenths_are_enough_and_a_second_less_is_not() -> None:
    assert ENOUGH_PERCENT == 90
    assert is_enough(((0, 540),), 600)
    assert not is_enough(((0, 539),), 600)
    assert is_enough(((0, 270), (300, 570)), 600)
    assert not is_enough((), 0)
