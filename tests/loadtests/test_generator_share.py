"""The busiest two seconds of each load process count; shorter bursts and what came before the start do not."""

import pytest

from loadtests.generator_share import GeneratorShare


def _shares(*noted: tuple[str, float, float]) -> list[float]:
    share = GeneratorShare(began=100.0)
    for who, moment, cpu_seconds in noted:
        share.note(who, moment, cpu_seconds)
    return share.shares()


def test_a_burst_shorter_than_a_window_does_not_stand_for_it() -> None:
    assert _shares(*[("a", 100 + step / 5, min(step / 5, 0.2)) for step in range(11)]) == [pytest.approx(0.1)]


def test_the_busiest_window_counts() -> None:
    noted = [("a", 100.0, 5.0), ("a", 102.0, 5.2), ("a", 104.0, 7.0), ("a", 106.0, 7.0)]
    assert _shares(*noted) == [pytest.approx(0.9)]


def test_work_before_the_start_does_not_count() -> None:
    assert _shares(("a", 90.0, 0.0), ("a", 100.0, 9.9), ("a", 103.0, 9.9)) == [0.0]


def test_each_process_has_a_share_of_its_own_and_a_short_run_is_one_window() -> None:
    assert _shares(("a", 100.0, 1.0), ("b", 100.0, 8.0), ("a", 101.0, 1.5), ("b", 101.0, 8.25)) == [0.5, 0.25]
