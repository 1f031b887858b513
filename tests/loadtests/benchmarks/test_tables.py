"""Medians with their ends, and ratios of turns that were neighbours."""

import math

from loadtests.benchmarks.tables import paired, spread, spread_chart, table, times


def test_a_spread_has_a_middle_and_two_ends() -> None:
    found = spread([3, 1, 10])
    assert found is not None
    assert found.words(0) == "3 (1 – 10)"
    assert spread([]) is None


def test_one_turn_has_no_ends() -> None:
    found = spread([1.234])
    assert found is not None
    assert found.words() == "1.23"


def test_ratios_pair_rounds_and_leave_out_what_is_void_or_missing() -> None:
    found = paired({0: 10.0, 1: None, 2: 30.0, 3: 8.0}, {0: 5.0, 1: 5.0, 2: 10.0})
    assert found is not None
    assert (found.lowest, found.median, found.highest, found.turns) == (2, 2.5, 3, 2)
    assert paired({0: 1.0}, {1: 1.0}) is None


def test_differences_pair_rounds_as_well() -> None:
    found = paired({0: 5.0, 1: 1.0}, {0: 3.0, 1: 2.0}, minus=True)
    assert found is not None
    assert (found.lowest, found.highest) == (-1, 2)


def test_a_table_has_words_on_the_left_and_figures_on_the_right() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |"
    assert times(None) == "–"
    assert times(spread([math.inf])) == "theirs is 0"


def test_who_has_no_figure_has_no_bar() -> None:
    drawn = spread_chart("Rates", "a second", {"ours": [1, 2, 3], "theirs": []}, ["ours"])
    assert "ours" in drawn
    assert "theirs" not in drawn
