"""A comparison is fair in its order, leaves out turns that measured the generator, and says what is left."""

from dataclasses import replace

import pytest

from loadtests.benchmarks.turns import NothingValid, Turn, interleaved, rate_chart, ratio, summarise, table

_TURN = Turn("ours", 1_000, 0.5, 0.1, 0.4, 0.3, 0.05, 0.1, 0.2)


def test_contenders_go_forth_and_back() -> None:
    assert interleaved(["a", "b", "c"], 3) == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]


@pytest.mark.parametrize(("generator", "idle", "void"), [(0.9, 0.3, True), (0.9, 0.05, False), (0.5, 0.3, False)])
def test_a_turn_that_measured_the_generator_is_void(generator: float, idle: float, void: bool) -> None:
    assert replace(_TURN, generator_share=generator, machine_idle=idle).is_void is void


def test_the_summary_is_of_valid_turns_only() -> None:
    void = replace(_TURN, seconds=0.01, generator_share=0.99, machine_idle=0.5)
    turns = [_TURN, replace(_TURN, seconds=1.0), replace(_TURN, seconds=0.25), void, replace(_TURN, contender="plain")]
    summary = summarise("ours", turns)
    assert (summary.turns, summary.void) == (3, 1)
    assert (summary.slowest, summary.per_second, summary.fastest) == (1_000, 2_000, 4_000)


def test_nothing_valid_is_said() -> None:
    void = replace(_TURN, generator_share=0.99, machine_idle=0.5)
    with pytest.raises(NothingValid, match="All 1 turns of ours are void"):
        summarise("ours", [void])


def test_the_table_gives_ratios_of_medians() -> None:
    turns = [_TURN, replace(_TURN, contender="plain", seconds=5.0)]
    shown = table([summarise("ours", turns), summarise("plain", turns)], "plain")
    assert "| ours | 2,000 | 2,000 – 2,000 | 10.00 |" in shown
    assert "| 300 µs |" in shown
    assert "| plain | 200 | 200 – 200 | 1.00 |" in shown


def test_ratios_are_of_medians_and_unknown_without_one_of_the_two() -> None:
    summaries = [summarise("ours", [_TURN]), summarise("plain", [replace(_TURN, contender="plain", seconds=5.0)])]
    assert ratio(summaries, "ours", "plain") == 10
    assert ratio(summaries, "ours", "redis") is None
    assert "2,000" in rate_chart("Joins", summaries)


def test_decisions_a_commit_are_shown_where_they_are_known() -> None:
    shown = table([summarise("ours", [replace(_TURN, shared=140.2)])], "ours")
    assert "| 300 µs | 140 |" in shown
