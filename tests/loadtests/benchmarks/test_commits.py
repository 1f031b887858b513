"""What sharing a commit adds is the difference between a tenth of the load and so few that nobody shares."""

from argparse import Namespace
from dataclasses import replace

import pytest

from loadtests.benchmarks.commits import SATURATED, SPARSE, TENTH, Found, Turn, report
from loadtests.benchmarks.report import Report

_TURNS = [
    Turn(SATURATED, 12_000, 60, 2.0, 0.030, 0.060),
    Turn(TENTH, 1_200, 800, 2.0, 0.002, 0.009),
    Turn(SPARSE, 100, 100, 2.0, 0.002, 0.005),
]


def _report(turns: list[Turn]) -> Report:
    return report(Namespace(rounds=1), "make bench", Found(turns))


def test_the_tables_say_how_many_share_and_what_it_adds() -> None:
    said = _report(_TURNS)
    assert [target.is_met for target in said.targets] == [True, True]
    assert [target.measured for target in said.targets] == pytest.approx([200, 4])
    assert "| as many as it can | 6,000 | 6,000 – 6,000 | 200.0 | 30.0 ms | 60.0 ms |" in said.markdown()


def test_more_than_five_milliseconds_is_a_missed_target() -> None:
    slow = [_TURNS[0], replace(_TURNS[1], most_within=0.011), _TURNS[2]]
    assert [target.is_met for target in _report(slow).targets] == [True, False]


def test_the_difference_is_of_neighbouring_turns() -> None:
    later = [replace(turn, most_within=turn.most_within + 0.050, round=1) for turn in _TURNS]
    added = _report([*_TURNS, *later]).targets[1]
    assert added.measured == pytest.approx(4)
    assert added.note == "(4.00 – 4.00)"


def test_what_was_measured_before_a_fault_is_shown() -> None:
    said = _report(_TURNS[:1])
    assert [target.is_met for target in said.targets] == [True, None]
    assert f"| {TENTH} | not measured |" in said.markdown()
