"""A report says what was promised and what was measured, and a chart shows it."""

import math
import re
from dataclasses import replace
from pathlib import Path

from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.tables import Spread


def report(*targets: Target) -> Report:
    """A report of one table with a chart."""
    part = Part("Rates", "| a |\n|---|\n| 1 |", bar_chart("Rates", "a second", [Bar("ours", 10, 8, 12, ours=True)]))
    return Report("door", "The door", "make bench ONLY=door", "Ten students.", [part], targets, {"turns": [1]})


def test_targets_are_met_missed_or_unknown() -> None:
    assert Target("rate", 2.0, 2.0).is_met is True
    assert Target("rate", 1.9, 2.0).is_met is False
    assert Target("memory", 15.0, 15.0, at_most=True).is_met is True
    assert Target("memory", 15.1, 15.0, at_most=True).is_met is False
    assert Target("rate", None, 2.0).line() == "| rate | ≥ 2 | not measured | – |"


def test_a_missed_target_is_in_the_table_and_in_the_answer(tmp_path: Path) -> None:
    missed = Target("against nchan", 0.5, 1, unit="×")
    assert report(missed).keep(tmp_path) is False
    assert "| against nchan | ≥ 1× | 0.50× | **missed** |" in (tmp_path / "door.md").read_text()


def test_a_target_says_the_spread_of_its_turns() -> None:
    assert Target.of("rate", Spread(2.0, 1.5, 2.5, 3), 2, unit="×").line() == "| rate | ≥ 2× | 2.00× (1.50 – 2.50) | met |"
    assert Target.of("rate", None, 2).is_met is None
    assert "the peer brought none | met" in Target("rate", math.inf, 2).line()


def test_what_failed_is_said_and_the_command_is_the_one_that_was_typed() -> None:
    said = replace(report(), faults=["Lyceum, REST, round 2: no answer\nin time"], command="python -m door --students 10")
    assert "**Not measured**\n\n- Lyceum, REST, round 2: no answer in time" in said.markdown()
    assert "`python -m door --students 10`" in said.markdown()


def test_everything_is_kept(tmp_path: Path) -> None:
    (tmp_path / "door-7.svg").write_text("of an earlier run")
    assert report().keep(tmp_path) is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["door-1.svg", "door.json", "door.md"]


def test_bars_are_as_long_as_their_medians_say() -> None:
    drawn = bar_chart("Rates <1>", "a second", [Bar("a & b", 100, 50, 200), Bar("ours", 50, 50, 50)])
    first, second = (float(width) for width in re.findall(r'width="([\d.]+)" height="20"', drawn))
    assert abs(first - 2 * second) < 0.2
    assert "Rates &lt;1&gt;" in drawn
    assert "a &amp; b" in drawn
