"""A comparison is fair in its order, leaves out turns that measured the generator, and says what is left."""

from dataclasses import replace

import pytest

from loadtests.benchmarks.turns import Turn, interleaved, rate_chart, rate_table, ratio, summarise

_TURN = Turn("ours", 1_000, 0.5, 0.1, 0.4, 0.3, 0.05, 0.1, 0.2)


def test_contenders_go_forth_and_back() -> None:
    order = interleaved(["a", "b", "c"], 3)
    assert [name for _, name in order] == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    assert [number for number, _ in order] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(("generator", "idle", "void"), [(0.9, 0.3, True), (0.9, 0.05, True), (0.5, 0.3, False)])
def test_a_turn_whose_generator_was_at_its_limit_is_void_however_idle_the_machine(
    generator: float, idle: float, void: bool
) -> None:
    assert replace(_TURN, generator_share=generator, machine_idle=idle).is_void is void


def test_the_summary_is_of_valid_turns_only() -> None:
    void = replace(_TURN, seconds=0.01, generator_share=0.99)
    turns = [_TURN, replace(_TURN, seconds=1.0), replace(_TURN, seconds=0.25), void, replace(_TURN, contender="plain")]
    summary = summarise("ours", turns)
    assert summary is not None
    assert (summary.turns, summary.void) == (3, 1)
    assert (summary.slowest, summary.per_second, summary.fastest) == (1_000, 2_000, 4_000)


def test_a_contender_without_a_valid_turn_keeps_the_others_figures() -> None:
    void = replace(_TURN, generator_share=0.99)
    plain = replace(_TURN, contender="plain")
    assert summarise("ours", [void]) is None
    shown = rate_table([void, plain], ["ours", "plain", "redis"], "plain")
    assert "| ours | all 1 turns void" in shown
    assert "| redis | not measured" in shown
    assert "| plain | 2,000 | 2,000 – 2,000 | 1 |" in shown
    assert "1 void turns" in shown


def test_ratios_are_of_neighbours_and_have_a_spread() -> None:
    # The machine became three times slower: medians of all turns would say 2.00 as well, but not between what
    turns = [
        replace(_TURN, seconds=0.5),
        replace(_TURN, contender="plain", seconds=1.0),
        replace(_TURN, contender="plain", seconds=4.5, round=1),
        replace(_TURN, seconds=1.5, round=1),
    ]
    found = ratio(turns, "ours", "plain")
    assert found is not None
    assert (found.median, found.lowest, found.highest, found.turns) == pytest.approx((2.5, 2, 3, 2))
    assert "| 2.50 (2.00 – 3.00) |" in rate_table(turns, ["ours", "plain"], "plain")


def test_a_void_turn_takes_its_neighbour_out_of_the_ratio() -> None:
    turns = [replace(_TURN, generator_share=0.9), replace(_TURN, contender="plain", seconds=5.0)]
    assert ratio(turns, "ours", "plain") is None
    assert ratio([_TURN], "ours", "redis") is None
    assert "2,000" in rate_chart("Joins", [_TURN], ["ours"])


def test_the_table_says_what_a_join_costs_and_how_loud_it_was_before() -> None:
    shown = rate_table([replace(_TURN, shared=140.2, busy_before=0.12)], ["ours"], "ours")
    assert "| 300 µs | 140 |" in shown
    assert "at most 12% busy" in shown
