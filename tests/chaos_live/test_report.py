"""The figures of a campaign."""

import json
from pathlib import Path

from tests.chaos_live.blows import DISK, NODE
from tests.chaos_live.report import Campaign, Trial, percentile, report, table, write

NOTED = Campaign(3, "2026-11-21T12:00:00+00:00", "a machine", "abc+", 0.5)
OUTCOMES = [
    Trial(1, DISK, questions=10, failover={"a rest": 1.0, "a socket": 2.0}, longest_wait=3.0, fenced=4),
    Trial(2, DISK, questions=5, failover={"b rest": 9.0}, longest_wait=9.5, violation="a seat is lost", missed=1),
]


def test_the_table_counts_violations_and_names_percentiles() -> None:
    assert f"| {DISK} | 2 | 15 | 1 | 4 | 3 | 2.00 s | 9.00 s | 9.50 s |" in table(OUTCOMES)
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_a_trial_that_measured_nothing_has_no_figures() -> None:
    assert f"| {NODE} | 1 | 0 | 1 | 0 | 0 | - | - | 0.00 s |" in table([Trial(1, NODE, violation="it never began")])


def test_the_report_says_whether_the_goal_was_met_and_what_was_slower(tmp_path: Path) -> None:
    said = report(NOTED, OUTCOMES, 60)
    assert "Not met: 9.00 s. 1 blows changed nothing" in said
    assert f"- seed 2, {DISK} () at , load 0.0: 9.00 s of 1" in said
    assert f"- seed 2, {DISK}: a seat is lost" in said
    assert "Met: 2.00 s." in report(NOTED, OUTCOMES[:1], 60)
    write(tmp_path / "var" / "chaos", NOTED, OUTCOMES, 60)
    assert (tmp_path / "var" / "chaos.md").read_text() == said + "\n"
    held = json.loads((tmp_path / "var" / "chaos.json").read_text())
    assert (held["load"], held["commit"], held["trials"][0]["failover"]["a rest"]) == (0.5, "abc+", 1.0)
