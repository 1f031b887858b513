"""The token bucket, for any way of asking."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.rates import Bucket


def test_burst_then_rate() -> None:
    bucket = Bucket(2.0, 3, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]


@given(st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_burst_and_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    now, taken, bucket = 0.0, 0, Bucket(rate, burst, 0.0)
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


@given(st.floats(0.5, 50), st.integers(1, 20))
def test_who_keeps_to_the_rate_is_never_refused(rate: float, burst: int) -> None:
    bucket = Bucket(rate, burst, 0.0)
    assert all(bucket.take(number * (1.001 / rate)) for number in range(50))
