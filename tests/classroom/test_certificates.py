"""Certificates are earned by everything that is asked for, and only by that."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.certificates import Demand, Record, is_given, missing, number_of, read_number

SOME = st.frozensets(st.sampled_from("abcd"))
DEMANDS = st.builds(Demand, SOME, SOME, st.integers(0, 100))
RECORDS = st.builds(Record, SOME, SOME, st.integers(0, 100), st.integers(0, 100))


@given(DEMANDS, RECORDS)
def test_nothing_is_missing_when_all_is_done(demand: Demand, record: Record) -> None:
    enough = demand.attendance_percent == 0 or (
        record.class_seconds > 0 and record.present_seconds / record.class_seconds >= demand.attendance_percent / 100 - 1e-9
    )
    earned = demand.lessons <= record.lessons and demand.quizzes <= record.quizzes and enough
    assert bool(missing(demand, record)) == (not earned)


@given(DEMANDS, RECORDS, SOME)
def test_doing_more_takes_nothing_away(demand: Demand, record: Record, more: frozenset[str]) -> None:
    after = Record(record.lessons | more, record.quizzes, record.present_seconds, record.class_seconds)
    assert missing(demand, after).lessons <= missing(demand, record).lessons


def test_attendance_without_a_class_is_lacking() -> None:
    assert missing(Demand(frozenset(), frozenset(), 50), Record(frozenset(), frozenset())).attendance
    assert not missing(Demand(frozenset(), frozenset()), Record(frozenset(), frozenset()))


def test_a_course_that_asks_for_nothing_gives_none() -> None:
    assert not is_given(Demand(frozenset(), frozenset()))
    assert is_given(Demand(frozenset("a"), frozenset()))


@given(st.integers(0, (1 << 60) - 1))
def test_a_number_is_read_however_it_was_typed(chosen: int) -> None:
    number = number_of(chosen)
    assert len(number) == 17
    body = number.removeprefix("LY-")
    for typed in (
        number.lower(), f" {number} ".replace("-", " "), number.replace("-", ""),
        f"LY-{body.replace('0', 'O').replace('1', 'l')}",
    ):  # fmt: skip
        assert read_number(typed) == number


@given(st.integers(0, (1 << 60) - 1), st.integers(0, (1 << 60) - 1))
def test_numbers_of_others_are_others(one: int, other: int) -> None:
    assert (number_of(one) == number_of(other)) == (one == other)


@given(st.text(max_size=80))
def test_what_is_no_number_is_none(text: str) -> None:
    number = read_number(text)
    assert number is None or read_number(number) == number
