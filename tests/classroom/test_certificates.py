"""Certificates are earned by everything that is asked for, and only by that."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.certificates import Demand, Record, is_given, missing

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
