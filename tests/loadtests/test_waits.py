"""Percentiles are of what was measured, without guessing between."""

import pytest

from loadtests.waits import within


def test_a_share_of_the_waits_ended_by_then() -> None:
    waits = [float(number) for number in range(100, 0, -1)]
    assert (within(waits, 0.5), within(waits, 0.99), within(waits, 1.0)) == (50, 99, 100)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="Nothing was measured"):
        within([], 0.99)
