"""Moments and the texts that stand for them."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from classroom.live.codec import parse_time
from classroom.times import Moment, from_datetime, rfc3339, to_datetime

moments = st.integers(0, from_datetime(datetime(9999, 12, 31, tzinfo=UTC))).map(Moment)


@given(moments)
def test_moments_survive_their_text_and_their_datetime_to_the_microsecond(moment: Moment) -> None:
    assert parse_time(rfc3339(moment)) == moment
    assert from_datetime(to_datetime(moment)) == moment


def test_the_text_is_utc_with_microseconds() -> None:
    assert rfc3339(Moment(1_795_251_600_000_001)) == "2026-11-21T09:00:00.000001Z"
    assert rfc3339(Moment(0)) == "1970-01-01T00:00:00.000000Z"


def test_other_zones_name_the_same_moment() -> None:
    nine = datetime(2026, 11, 21, 10, tzinfo=timezone(timedelta(hours=1)))
    assert from_datetime(nine) == parse_time("2026-11-21T09:00:00Z") == parse_time("2026-11-21T04:00:00-05:00")
